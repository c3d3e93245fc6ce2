package duplicates_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/audit"
	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv/kvtest"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/duplicates"
	"github.com/selfsame-id/selfsame/internal/space/overrides"
	"github.com/selfsame-id/selfsame/internal/space/query"
	"github.com/selfsame-id/selfsame/internal/space/rules"
	"github.com/selfsame-id/selfsame/internal/space/spacetest"
	"github.com/selfsame-id/selfsame/internal/task"
)

// shop is a space with the search for its duplicates, which runs when it is called.
type shop struct {
	t testing.TB
	*space.Space
	d *duplicates.Finder
	n int
}

func newShop(t testing.TB) *shop {
	store := kvtest.NewMemory().Open()
	s, err := space.Open(t.Context(), store, space.Config{ID: "shop", Log: slog.New(slog.DiscardHandler), CacheBytes: 4 << 20, ApplyRules: rules.Apply})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.Close(context.Background()), store.Close()); err != nil {
			t.Error(err)
		}
	})
	return &shop{t: t, Space: s, d: duplicates.New(s, duplicates.Config{})}
}

// says ingests identify calls: "user_id:jane anonymous_id:a1 {traits}".
func (s *shop) says(lines ...string) {
	s.t.Helper()
	var d space.Delivery
	d.Source = "src"
	for _, l := range lines {
		s.n++
		who, traits, _ := strings.Cut(l, "{")
		var ids string
		for _, id := range strings.Fields(who) {
			k, v, _ := strings.Cut(id, ":")
			ids += fmt.Sprintf(`%q:%q,`, map[string]string{"user_id": "userId", "anonymous_id": "anonymousId"}[k], v)
		}
		body := fmt.Sprintf(`{"type":"identify","messageId":"m%d",%s"timestamp":"2020-01-01T%02d:%02d:%02d.%03dZ","traits":{%s`, s.n, ids, s.n/3600000%24, s.n/60000%60, s.n/1000%60, s.n%1000, traits)
		if traits == "" {
			body += "}"
		}
		m, err := event.Parse([]byte(body+"}"), event.Envelope{ReceivedAt: 1})
		if err != nil {
			s.t.Fatalf("%s: %v", body, err)
		}
		d.Messages = append(d.Messages, m)
	}
	if _, err := s.Ingest(s.t.Context(), d); err != nil {
		s.t.Fatal(err)
	}
}

// read reads the feed to its end.
func (s *shop) read() {
	s.t.Helper()
	for more := true; more; {
		var err error
		if more, err = s.d.Pass(s.t.Context(), time.Now().Add(time.Minute)); err != nil {
			s.t.Fatal(err)
		}
	}
}

// list prints the suggestions: kind, value, and the first ID of each profile.
func (s *shop) list(q duplicates.Query) string {
	s.t.Helper()
	s.read()
	var lines []string
	q.Limit = 2
	for {
		p, err := s.d.Duplicates(s.t.Context(), q)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, one := range p.Suggestions {
			lines = append(lines, s.shown(one))
		}
		if q.Next = p.Next; q.Next == "" {
			slices.Sort(lines)
			return strings.Join(lines, "; ")
		}
	}
}

func (s *shop) shown(one duplicates.Suggestion) string {
	var ids []string
	for _, p := range one.Profiles {
		ids = append(ids, p.Identifiers[0].Value)
	}
	slices.Sort(ids)
	return fmt.Sprintf("%s %s: %s", one.Sign.Kind, one.Sign.Value, strings.Join(ids, " "))
}

func (s *shop) decide(u overrides.Undo) string {
	s.t.Helper()
	u.Collection = identity.Users
	g, err := overrides.New(s.Space).ApplyUndo(s.t.Context(), u)
	if err != nil {
		s.t.Fatal(err)
	}
	return g.Override.ID
}

func users(names ...string) []identity.ID {
	var out []identity.ID
	for _, n := range names {
		out = append(out, identity.ID{Type: "user_id", Value: n})
	}
	return out
}

func (s *shop) expect(want string) {
	s.t.Helper()
	if got := s.list(duplicates.Query{}); got != want {
		s.t.Errorf("suggested are %q, want %q", got, want)
	}
}

func TestDuplicatesAreSuggestedUntilThatIsSettled(t *testing.T) {
	s := newShop(t)
	s.says(`user_id:jane {"phone":"+41 79 123 45 67","name":"Jane Doe","address":{"postalCode":"8001"}}`,
		`user_id:jane2 {"phone":"0041791234567","country":"CH"}`,
		`user_id:john {"email":"john@example.com"}`)
	phone := "phone +41791234567: jane jane2"
	s.expect(phone)

	// A trait that goes takes its suggestion with it, one that comes brings it.
	s.says(`user_id:jane2 {"phone":null}`)
	s.expect("")
	s.says(`user_id:jane2 {"phone":"+41791234567","lastName":"Doé","firstName":"JANE","zip":"8001"}`)
	name := "name_postcode doe jane|8001: jane jane2"
	s.expect(name + "; " + phone)
	if got := s.list(duplicates.Query{Kind: duplicates.NamePostcode}); got != name {
		t.Errorf("of one kind: %q", got)
	}

	// Who is confirmed to be one is suggested no more, until that is taken back.
	same := s.decide(overrides.Undo{Kind: codec.Same, IDs: users("jane", "jane2")})
	s.expect("")
	s.decide(overrides.Undo{Remove: same})
	s.expect(name + "; " + phone)
	cut := s.decide(overrides.Undo{Kind: codec.CannotLink, IDs: users("jane", "jane2")})
	s.expect("")
	s.decide(overrides.Undo{Remove: cut})
	s.expect(name + "; " + phone)

	// Events may merge them as well.
	s.says(`user_id:jane anonymous_id:a1`)
	s.expect(name + "; " + phone)

	// What is dismissed stays so until somebody else has the number too.
	page, err := s.d.Duplicates(t.Context(), duplicates.Query{Kind: duplicates.Phone, Limit: 1})
	if err != nil || len(page.Suggestions) != 1 {
		t.Fatalf("%+v, %v", page, err)
	}
	id := page.Suggestions[0].ID
	ctx := audit.With(t.Context(), audit.Actor{By: "admin token", For: "ann", Why: "mother and daughter"})
	done, err := s.d.DismissDuplicate(ctx, id)
	if err != nil || done.Dismissed == nil || done.Dismissed.For != "ann" {
		t.Errorf("%+v, %v", done, err)
	}
	s.expect(name)
	if got := s.list(duplicates.Query{Dismissed: true}); got != phone {
		t.Errorf("dismissed are %q", got)
	}
	trail, err := query.New(s.Space).Audit(t.Context(), 1, "")
	if err != nil || len(trail.Entries) != 1 || trail.Entries[0].Action != "duplicate.dismiss" || trail.Entries[0].Why != "mother and daughter" {
		t.Errorf("%+v, %v", trail, err)
	}
	// That is taken back, and said again.
	for _, decide := range []struct {
		do     func(context.Context, string) (duplicates.Suggestion, error)
		want   string
		action string
	}{{s.d.RestoreDuplicate, name + "; " + phone, "duplicate.restore"}, {s.d.DismissDuplicate, name, "duplicate.dismiss"}} {
		for range 2 { // the second changes nothing
			if one, err := decide.do(ctx, id); err != nil || (one.Dismissed != nil) != (decide.want == name) {
				t.Errorf("%s: %+v, %v", decide.action, one, err)
			}
		}
		s.expect(decide.want)
		if trail, err := query.New(s.Space).Audit(t.Context(), 2, ""); err != nil || trail.Entries[0].Action != decide.action || trail.Entries[1].Action == decide.action {
			t.Errorf("%s: %+v, %v", decide.action, trail, err)
		}
	}
	s.says(`user_id:third {"phone":"+41 79 1234567"}`)
	s.expect(name + "; phone +41791234567: jane jane2 third")
	if one, err := s.d.Duplicate(t.Context(), id); err != nil || one.Dismissed != nil || len(one.Profiles) != 3 {
		t.Errorf("%+v, %v", one, err)
	}
	for _, wrong := range []string{"", "dup_", "dup_" + strings.Repeat("z", 34), "dup_" + strings.Repeat("0", 34)} {
		if _, err := s.d.Duplicate(t.Context(), wrong); !errors.Is(err, space.ErrNotFound) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	if _, err := s.d.Duplicates(t.Context(), duplicates.Query{Limit: 1, Next: "x"}); !errors.Is(err, space.ErrBadCursor) {
		t.Errorf("a wrong cursor: %v", err)
	}
}

// The number of an office says nothing about a person.
func TestWhatVeryManyHaveIsNoSuggestion(t *testing.T) {
	s := newShop(t)
	for i := range 20 {
		s.says(fmt.Sprintf(`user_id:u%02d {"phone":"+41441112233"}`, i))
	}
	if got := s.list(duplicates.Query{}); strings.Count(got, " u") != 20 {
		t.Errorf("%q", got)
	}
	s.says(`user_id:u20 {"phone":"+41441112233"}`)
	s.expect("")
	s.says(`user_id:u07 {"phone":"+41441112234"}`)
	if got := s.list(duplicates.Query{}); strings.Count(got, " u") != 20 {
		t.Errorf("%q", got)
	}
}

// The task does by itself what the pass does, and a closed one rests.
func TestTheSearchFollowsCommits(t *testing.T) {
	s := newShop(t)
	tasks := task.New()
	s.d = duplicates.New(s.Space, duplicates.Config{Tasks: tasks, Pause: time.Millisecond})
	s.says(`user_id:jane {"email":"j.doe@gmail.com"}`)
	s.says(`user_id:jane2 {"email":"jdoe@gmail.com"}`)
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(5 * time.Millisecond) {
		p, err := s.d.Duplicates(t.Context(), duplicates.Query{Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Suggestions) == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing is suggested")
		}
	}
	if err := s.d.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if tasks.Len() != 0 {
		t.Errorf("%d tasks are left", tasks.Len())
	}
}

// Whatever happens to profiles, what is suggested is what a look at all of them
// would find.
func TestSuggestionsAreThoseOfAllProfiles(t *testing.T) {
	for seed := range spacetest.Seeds(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 3))
			s := newShop(t)
			const people = 12
			user := func() string { return fmt.Sprint("u", rng.IntN(people)) }
			var made []string
			for range 60 {
				var lines []string
				for range 1 + rng.IntN(4) {
					traits := []string{
						fmt.Sprintf(`"phone":"+4179123450%d"`, rng.IntN(6)), `"phone":null`,
						fmt.Sprintf(`"email":"j.%d@gmail.com"`, rng.IntN(8)), fmt.Sprintf(`"name":"Jane %c"`, 'A'+rng.IntN(3)), `"zip":"8001"`,
					}
					lines = append(lines, fmt.Sprintf(`user_id:%s anonymous_id:a%d {%s}`, user(), rng.IntN(2*people), traits[rng.IntN(len(traits))]))
				}
				s.says(lines...)
				switch rng.IntN(6) {
				case 0, 1:
					u := overrides.Undo{Kind: []string{codec.Same, codec.CannotLink, codec.Isolate}[rng.IntN(3)], Collection: identity.Users, IDs: users(user(), user())}
					if u.Kind == codec.Isolate {
						u.IDs = u.IDs[:1]
					}
					if g, err := overrides.New(s.Space).ApplyUndo(t.Context(), u); err == nil {
						made = append(made, g.Override.ID)
					}
				case 2:
					if len(made) > 0 {
						i := rng.IntN(len(made))
						s.decide(overrides.Undo{Remove: made[i]})
						made = slices.Delete(made, i, i+1)
					}
				case 3:
					s.read()
				}
			}
			for _, id := range made {
				if o, _, err := s.Override(t.Context(), id); err == nil && o.Kind == codec.CannotLink {
					s.decide(overrides.Undo{Remove: id}) // who was kept apart is not suggested
				}
			}
			if got, want := s.list(duplicates.Query{}), s.naive(people); got != want {
				t.Errorf("suggested are\n%s\nwant\n%s", strings.ReplaceAll(got, "; ", "\n"), strings.ReplaceAll(want, "; ", "\n"))
			}
		})
	}
}

// naive looks at all profiles.
func (s *shop) naive(people int) string {
	s.t.Helper()
	having := map[duplicates.Sign]map[string]string{}
	for i := range 4 * people {
		id := identity.ID{Type: "user_id", Value: fmt.Sprint("u", i)}
		if i >= people {
			id = identity.ID{Type: "anonymous_id", Value: fmt.Sprint("a", i-people)}
		}
		p, err := query.New(s.Space).Profile(s.t.Context(), space.Ref{Collection: identity.Users, Type: id.Type, Value: id.Value})
		if errors.Is(err, space.ErrNotFound) {
			continue
		}
		if err != nil {
			s.t.Fatal(err)
		}
		var ids []identity.ID
		for _, one := range p.Identifiers {
			ids = append(ids, identity.ID{Type: one.Type, Value: one.Value})
		}
		slices.SortFunc(ids, s.Ruleset().ComparePriority)
		for _, sign := range duplicates.Signs(ids, p.Traits) {
			if having[sign] == nil {
				having[sign] = map[string]string{}
			}
			having[sign][p.ID] = ids[0].Value
		}
	}
	var lines []string
	for sign, of := range having {
		if len(of) < 2 {
			continue
		}
		one := duplicates.Suggestion{Sign: sign}
		for p, id := range of {
			one.Profiles = append(one.Profiles, duplicates.Profile{ID: p, Identifiers: []identity.ID{{Value: id}}})
		}
		lines = append(lines, s.shown(one))
	}
	slices.Sort(lines)
	return strings.Join(lines, "; ")
}

// BenchmarkPass looks at profiles with an address, a number and a name each.
func BenchmarkPass(b *testing.B) {
	const people = 10_000
	for b.Loop() {
		b.StopTimer()
		s := newShop(b)
		for i := 0; i < people; i += 100 {
			var lines []string
			for k := i; k < i+100; k++ {
				lines = append(lines, fmt.Sprintf(`user_id:u%d {"email":"u%d@gmail.com","phone":"+4179%07d","name":"Jane Doe","zip":"8001"}`, k, k, k))
			}
			s.says(lines...)
		}
		b.StartTimer()
		s.read()
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(people*b.N), "µs/profile")
}

// BenchmarkIngestBeside takes in identify calls of new people, with the search
// beside it and without.
func BenchmarkIngestBeside(b *testing.B) {
	for _, searching := range []bool{false, true} {
		b.Run(map[bool]string{false: "alone", true: "searching"}[searching], func(b *testing.B) {
			s := newShop(b)
			if searching {
				s.d = duplicates.New(s.Space, duplicates.Config{Tasks: task.New()})
				defer s.d.Close(context.Background())
			}
			began := processorTime(b)
			for b.Loop() {
				lines := make([]string, 100)
				for k := range lines {
					n := s.n + k
					lines[k] = fmt.Sprintf(`user_id:u%d {"email":"u%d@gmail.com","phone":"+4179%07d","name":"Jane Doe%d","zip":"8001"}`, n, n, n, n)
				}
				s.says(lines...)
			}
			b.ReportMetric(float64(100*b.N)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric((processorTime(b)-began).Seconds()*1e6/float64(100*b.N), "processor-µs/event")
		})
	}
}

// processorTime is what the process has used.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
