package watch_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/selfsame-id/selfsame/internal/audit"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv/pgkv/pgtest"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/query"
	"github.com/selfsame-id/selfsame/internal/space/rejects"
	"github.com/selfsame-id/selfsame/internal/space/rules"
	"github.com/selfsame-id/selfsame/internal/space/spacetest"
	"github.com/selfsame-id/selfsame/internal/space/watch"
)

// warned has the watcher look and lists all warnings by what they are about.
func warned(t testing.TB, s *space.Space) map[string]watch.Warning {
	t.Helper()
	if err := watching(s).WatchAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	return warnings(t, s, "")
}

func warnings(t testing.TB, s *space.Space, state string) map[string]watch.Warning {
	t.Helper()
	out := map[string]watch.Warning{}
	last := int64(1<<63 - 1)
	for next := ""; ; {
		p, err := watching(s).Warnings(t.Context(), state, 2, next)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range p.Warnings {
			if w.First > last {
				t.Errorf("%s comes after older ones", w.ID)
			}
			last = w.First
			out[strings.TrimRight(w.Kind+" "+w.Subject.Type+":"+w.Subject.Value, " :")] = w
		}
		if next = p.Next; next == "" {
			return out
		}
	}
}

func names(ws map[string]watch.Warning) []string {
	var out []string
	for k := range ws {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// kiosk sends people who all sign in on one device.
func kiosk(t testing.TB, s *space.Space, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		ingest(t, s, fmt.Sprintf(`{"type":"track","event":"x","messageId":"k%d","userId":"person-%d","anonymousId":"kiosk-7"}`, i, i))
	}
}

func TestAValueThatTiesManyPeopleIsWarnedOf(t *testing.T) {
	disk := pebbleDisk()
	store := disk(t)
	defer store.Close()
	now := clockAt(time.Date(2026, 3, 1, 22, 10, 0, 0, time.UTC))
	cfg := space.Config{Now: now.Now}
	s := openSpace(t, store, cfg)
	kiosk(t, s, 0, 8)
	if ws := warned(t, s); len(ws) != 0 {
		t.Fatalf("too early: %v", names(ws))
	}
	// What was counted outlives the process.
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	s = openSpace(t, store, cfg)
	defer func() { s.Close(context.Background()) }()
	kiosk(t, s, 8, 15)
	ws := warned(t, s)
	w, ok := ws["many_people anonymous_id:kiosk-7"]
	if !ok || len(ws) != 1 || w.State != watch.WarningOpen || w.Count != 14 || w.First != now.UnixNano() {
		t.Fatalf("%v: %+v", names(ws), w)
	}
	if n := s.Stats().Warnings; n != 1 {
		t.Errorf("the gauge says %d", n)
	}
	// To look again counts nothing twice.
	if again := warned(t, s)["many_people anonymous_id:kiosk-7"]; again != w {
		t.Errorf("%+v is now %+v", w, again)
	}
	// Its rules block the value, and then there is nothing to warn of.
	var rules identity.Rules
	if err := yaml.Unmarshal([]byte(w.Rules), &rules); err != nil {
		t.Fatal(err)
	}
	if err := s.SetRules(t.Context(), rules, nil); err != nil {
		t.Fatal(err)
	}
	if rs := s.Ruleset(); rs.ComparePriority(identity.ID{Type: "user_id"}, identity.ID{Type: "anonymous_id"}) > 0 {
		t.Errorf("%s puts a cookie above user_id", w.Rules)
	}
	if !s.Ruleset().Blocked(w.Subject) {
		t.Errorf("%s does not block %s", w.Rules, w.Subject)
	}
	if w = warned(t, s)["many_people anonymous_id:kiosk-7"]; w.State != watch.WarningResolved || s.Stats().Warnings != 0 {
		t.Errorf("%+v, %d open", w, s.Stats().Warnings)
	}
}

// Rules that have everything decided again count nothing again.
func TestRulesDoNotRepeatWarnings(t *testing.T) {
	s := newSpace(t, space.Config{})
	kiosk(t, s, 0, 15)
	before := warned(t, s)["many_people anonymous_id:kiosk-7"]
	for i := range 3 {
		if err := s.SetRules(t.Context(), identity.Rules{MaxIdentifiers: 2 + i, Identifiers: []identity.Identifier{
			{Type: "user_id", Limit: 1 + i}, {Type: "anonymous_id", Limit: 1 + i, Window: "ever"}}}, nil); err != nil {
			t.Fatal(err)
		}
		if err := s.AwaitRules(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if after := warned(t, s)["many_people anonymous_id:kiosk-7"]; after.Count != before.Count || before.Count == 0 {
		t.Errorf("counted %d, and %d after rules changed", before.Count, after.Count)
	}
}

// The rules that were built in can be gone back to.
func TestBuiltInRulesAreVersionZero(t *testing.T) {
	s := newSpace(t, space.Config{})
	ingest(t, s, jane(t)...)
	if err := s.SetRules(t.Context(), identity.Rules{MaxIdentifiers: 2}, nil); err != nil {
		t.Fatal(err)
	}
	v, err := rules.New(s).RulesAt(t.Context(), 0)
	if err != nil || v.Version != 0 || v.SetBy != "built-in" {
		t.Fatalf("%+v, %v", v, err)
	}
	if err := s.SetRules(t.Context(), v.Rules, nil); err != nil {
		t.Fatal(err)
	}
	verify(t, s)
	if got := summary(t, s, user("user_id", "abc123def")); got != spacetest.JaneIs {
		t.Errorf("under the built-in rules again:\n%s", got)
	}
}

// Where no limit keeps people apart, the merges give the value away.
func TestAValueThatMergesManyIsWarnedOf(t *testing.T) {
	s := newSpace(t, space.Config{Rules: &identity.Rules{Identifiers: []identity.Identifier{
		{Type: "email", Limit: 1000}, {Type: "anonymous_id", Limit: 1000},
	}}})
	for i := range 15 {
		ingest(t, s,
			fmt.Sprintf(`{"type":"identify","messageId":"a%d","anonymousId":"phone-%d","traits":{"email":"p%d@shop.de"}}`, i, i, i),
			fmt.Sprintf(`{"type":"identify","messageId":"b%d","anonymousId":"tablet","traits":{"email":"p%d@shop.de"}}`, i, i))
	}
	w, ok := warned(t, s)["many_people anonymous_id:tablet"]
	if !ok || w.Profile == "" || w.Count != 10 {
		t.Fatalf("%v: %+v", names(warnings(t, s, "")), w)
	}
}

// A device that changes its cookie again and again is one person's.
func TestManyCookiesAreNotManyPeople(t *testing.T) {
	s := newSpace(t, space.Config{})
	for i := range 60 {
		ingest(t, s, fmt.Sprintf(`{"type":"track","event":"x","messageId":"m%d","userId":"jane","anonymousId":"c%d"}`, i, i))
	}
	if ws := warned(t, s); len(ws) != 0 {
		t.Errorf("%v", names(ws))
	}
}

func TestValuesAndTypesThatAreNewAreWarnedOf(t *testing.T) {
	now := clockAt(time.Date(2026, 3, 1, 22, 10, 0, 0, time.UTC))
	s := newSpace(t, space.Config{Now: now.Now})
	ingest(t, s,
		`{"type":"track","event":"x","messageId":"1","userId":"Test-1"}`,
		`{"type":"identify","messageId":"2","userId":"u2","traits":{"email":"noreply@shop.de"}}`,
		`{"type":"track","event":"x","messageId":"3","userId":"u3","context":{"externalIds":[{"type":"loyalty_card","id":"L-77","collection":"users","encoding":"none"}]}}`,
		`{"type":"track","event":"x","messageId":"4","userId":"null","anonymousId":"a4"}`)
	ws := warned(t, s)
	if got := strings.Join(names(ws), ", "); got != "looks_blocked email:noreply@shop.de, looks_blocked user_id:Test-1, new_type loyalty_card" {
		t.Fatal(got)
	}
	for name, w := range ws {
		if w.Says == "" || w.Do == "" || w.First != now.UnixNano() || w.Last != now.UnixNano() || w.Count != 1 {
			t.Errorf("%s: %+v", name, w)
		}
		var rules identity.Rules
		if err := yaml.Unmarshal([]byte(w.Rules), &rules); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := identity.Compile(rules); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Who dismisses a warning is not warned of the same again, not after a restart
// either.
func TestDismissedIsDismissed(t *testing.T) {
	s := newSpace(t, space.Config{})
	ingest(t, s, `{"type":"track","event":"x","messageId":"1","userId":"dummy"}`)
	w := warned(t, s)["looks_blocked user_id:dummy"]
	ctx := audit.With(t.Context(), audit.Actor{By: "admin token", For: "ann", Why: "our QA"})
	done, err := watching(s).DismissWarning(ctx, w.ID)
	if err != nil || done.State != watch.WarningDismissed || done.For != "ann" || done.Why != "our QA" || done.DismissedAt == 0 {
		t.Fatalf("%+v, %v", done, err)
	}
	if again, err := watching(s).DismissWarning(t.Context(), w.ID); err != nil || again != done {
		t.Errorf("twice: %+v, %v", again, err)
	}
	if s.Stats().Warnings != 0 {
		t.Errorf("the gauge says %d", s.Stats().Warnings)
	}
	trail, err := query.New(s).Audit(t.Context(), 10, "")
	if err != nil || len(trail.Entries) != 1 || trail.Entries[0].Action != "warning.dismiss" || trail.Entries[0].For != "ann" {
		t.Errorf("%+v, %v", trail, err)
	}
	if ws := warned(t, s); ws["looks_blocked user_id:dummy"] != done || len(warnings(t, s, watch.WarningOpen)) != 0 {
		t.Errorf("%+v", ws)
	}
	for _, id := range []string{"x", "", "0011223344556677"} {
		if _, err := watching(s).DismissWarning(t.Context(), id); !errors.Is(err, space.ErrNotFound) {
			t.Errorf("%q: %v", id, err)
		}
	}
	if _, err := watching(s).Warnings(t.Context(), "", 1, "zz"); !errors.Is(err, space.ErrBadCursor) {
		t.Error(err)
	}
}

// Dismissing and watching at once, nothing is lost.
func TestDismissWhileWatching(t *testing.T) {
	s := newSpace(t, space.Config{})
	ingest(t, s, `{"type":"track","event":"x","messageId":"first","userId":"dummy"}`)
	id := warned(t, s)["looks_blocked user_id:dummy"].ID
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 30 {
			ingest(t, s, fmt.Sprintf(`{"type":"track","event":"x","messageId":"m%d","userId":"tester%d"}`, i, i))
			if err := watching(s).WatchAll(context.Background()); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Go(func() {
		if _, err := watching(s).DismissWarning(context.Background(), id); err != nil {
			t.Error(err)
		}
	})
	wg.Wait()
	ws := warned(t, s)
	if len(ws) != 31 || ws["looks_blocked user_id:dummy"].State != watch.WarningDismissed || s.Stats().Warnings != 30 {
		t.Errorf("%d warnings, %d open", len(ws), s.Stats().Warnings)
	}
}

func TestAMergeRateFarAboveNormalIsWarnedOf(t *testing.T) {
	now := clockAt(time.Date(2026, 3, 1, 0, 5, 0, 0, time.UTC))
	s := newSpace(t, space.Config{Now: now.Now, DedupeWindow: time.Hour})
	n := 0
	// hour sends 200 events or a few more, in which people sign in.
	hour := func(merges int) {
		var lines []string
		for range merges {
			n++
			lines = append(lines,
				fmt.Sprintf(`{"type":"track","event":"x","messageId":"a%d","anonymousId":"cookie-%d"}`, n, n),
				fmt.Sprintf(`{"type":"track","event":"x","messageId":"b%d","userId":"person-%d"}`, n, n),
				fmt.Sprintf(`{"type":"track","event":"x","messageId":"c%d","userId":"person-%d","anonymousId":"cookie-%d"}`, n, n, n))
		}
		for len(lines) < 200 {
			n++
			lines = append(lines, fmt.Sprintf(`{"type":"track","event":"x","messageId":"d%d","anonymousId":"cookie-%d"}`, n, n))
		}
		ingest(t, s, lines...)
	}
	for i := range 30 {
		hour(4 + i%3)
		now.Add(time.Hour)
	}
	hour(6)
	if ws := warned(t, s); len(ws) != 0 {
		t.Fatalf("a usual day: %v", names(ws))
	}
	hour(70)
	w := warned(t, s)["merge_rate"]
	if w.Count != 76 || w.State != watch.WarningOpen || !strings.Contains(w.Says, "2026-03-02 06:00") || !strings.Contains(w.Says, "25.0 for 1,000") || w.Rules != "" {
		t.Errorf("%+v", w)
	}
	hour(70)
	if w = warned(t, s)["merge_rate"]; w.Count != 146 {
		t.Errorf("as the hour goes on: %+v", w)
	}
}

func TestUnusualRates(t *testing.T) {
	week := func(n int, of ...float64) (past []float64) {
		for i := range n {
			past = append(past, of[i%len(of)])
		}
		return past
	}
	for _, c := range []struct {
		name           string
		past           []float64
		merged, events int64
		want           bool
	}{
		{"no history", nil, 1000, 1000, false},
		{"a day that is not full", week(23, 0.01), 900, 1000, false},
		{"as usual", week(100, 0.1, 0.12, 0.08), 120, 1000, false},
		{"far above", week(100, 0.1, 0.12, 0.08), 400, 1000, true},
		{"wild hours are usual here", week(100, 0.01, 0.5, 0.9), 800, 1000, false},
		{"one wild hour before", append(week(100, 0.01), 0.9), 500, 1000, true},
		{"never any, now some", week(100, 0), 60, 10_000, false},
		{"never any, now many", week(100, 0), 400, 10_000, true},
		{"few events", week(100, 0), 60, 90, false},
		{"few merges", week(100, 0), 49, 100, false},
	} {
		if _, got := watch.UnusualRate(c.past, c.merged, c.events); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestWhatLooksLikeNobody(t *testing.T) {
	for _, v := range []string{"NULL", "(null)", "<undefined>", "[object Object]", "test", "Test_12", "00000000-0000-0000-0000-000000000000", "xxx", "11111", "123456789", "N/A", "-", "unknown"} {
		if !watch.LooksLikeNobody("user_id", v) {
			t.Errorf("%q looks like somebody", v)
		}
	}
	for _, v := range []string{"test@example.com", "noreply@shop.de", "no-reply@shop.de", "xxx@test.com", "none", "undefined@x.de"} {
		if !watch.LooksLikeNobody("email", v) {
			t.Errorf("%q looks like somebody", v)
		}
	}
	for _, v := range []string{"u1", "user123", "42", "111", "12345", "anon_123", "jane", "Nan Goldin", "use_2ZxJ5cSHkH2p8vTbGyWQ1mXkTnA", "00000000-0000-4000-8000-00000000002a", "tester-jane", "Guestwick", strings.Repeat("x", 101)} {
		if watch.LooksLikeNobody("user_id", v) {
			t.Errorf("%q looks like nobody", v)
		}
	}
	for _, v := range []string{"jane@example.com", "guest@hotel.com", "testa@mail.de", "user@shop.de"} {
		if watch.LooksLikeNobody("email", v) {
			t.Errorf("%q looks like nobody", v)
		}
	}
}

// However many values there are, memory is bounded, and one that comes often is
// not lost.
func TestCrowdsAreBounded(t *testing.T) {
	held, seen := watch.CrowdMemory(200_000, func(i int) string { return fmt.Sprint("once ", i) }, "often")
	if held > 20_000 || seen < 190 {
		t.Errorf("%d held at most, the often seen %d times of 200", held, seen)
	}
}

// On a shared store one node watches, and each knows what is open.
func TestOneNodeWatches(t *testing.T) {
	server := pgtest.Start(t)
	var spaces []*space.Space
	for range 2 {
		store := openShared(t, server)
		s := openSpace(t, store, space.Config{ID: "dev"})
		spaces = append(spaces, s)
		t.Cleanup(func() {
			s.Close(context.Background())
			store.Close()
		})
	}
	kiosk(t, spaces[1], 0, 13)
	for deadline := time.Now().Add(2 * time.Minute); ; {
		for _, s := range spaces {
			<-watching(s).Next()
			if err := watching(s).WatchAll(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if spaces[0].Stats().Warnings == 1 && spaces[1].Stats().Warnings == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d and %d open", spaces[0].Stats().Warnings, spaces[1].Stats().Warnings)
		}
	}
	w := warnings(t, spaces[0], "")["many_people anonymous_id:kiosk-7"]
	if w.Count != 12 {
		t.Errorf("%+v", w)
	}
}

// Timestamps of live events that cannot be read are warned of for each source, and
// no longer when the notes of them are too old.
func TestUnreadTimestampsAreWarnedOf(t *testing.T) {
	now := clockAt(time.Date(2026, 3, 1, 22, 10, 0, 0, time.UTC))
	s := newSpace(t, space.Config{Now: now.Now})
	note := func(source string, n int) {
		for range n {
			d := space.Delivery{Source: source, Rejects: []rejects.Reject{{Code: "timestamp_unread", Message: "why", ReceivedAt: now.UnixNano()}}}
			if _, err := s.Ingest(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
	}
	note("app", 3)
	note("web", 1)
	ws := warned(t, s)
	if got := strings.Join(names(ws), ", "); got != "unread_timestamps source:app, unread_timestamps source:web" {
		t.Fatal(got)
	}
	counts := func() (out []int64) {
		for _, w := range ws {
			if w.Says == "" || !strings.Contains(w.Do, "--code timestamp_unread") {
				t.Errorf("%+v", w)
			}
			out = append(out, w.Count)
		}
		slices.Sort(out)
		return out
	}
	if got := fmt.Sprint(counts()); got != "[1 3]" {
		t.Error(got)
	}
	// They are counted as messages of one record, and not as refused.
	list, err := s.RejectCounts(t.Context())
	if err != nil || len(list) != 2 || list[0].Messages != 3 || list[0].Count != 1 {
		t.Errorf("%+v, %v", list, err)
	}
	if n := s.Stats().Rejected; n != 0 {
		t.Errorf("%d are counted as refused", n)
	}
}

var (
	watchers = map[*space.Space]*watch.Watcher{}
	mu       sync.Mutex
)

// watching is the watcher of a space, which begins when it is first asked for.
func watching(s *space.Space) *watch.Watcher {
	mu.Lock()
	defer mu.Unlock()
	if watchers[s] == nil {
		watchers[s] = watch.New(s)
	}
	return watchers[s]
}
