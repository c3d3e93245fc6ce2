package space_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/overrides"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

func explain(t testing.TB, s *space.Space, a, b space.Ref) query.Explanation {
	t.Helper()
	e, err := query.New(s).Explain(context.Background(), a, b)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// From Jane's phone to her running app it is two steps, through her login.
func TestExplainJane(t *testing.T) {
	s := newSpace(t, space.Config{})
	ingest(t, s, jane(t)...)
	e := explain(t, s, user("ios.id", "ios_abc123"), user("anonymous_id", "anon_789"))
	if !e.Together || len(e.Steps) != 2 || e.Steps[0].To.Type != "user_id" || e.A.Profile == "" || e.A.Profile != e.B.Profile {
		t.Fatalf("%+v", e)
	}
	ev := e.Steps[1].Evidence
	first, last := ev.First, ev.Last
	if ev.Events != 13 || ev.AtLeast || ev.MoreSources || fmt.Sprint(ev.Sources) != "[src]" ||
		first.MessageID != "jane-014" || first.Type != event.Identify || first.App != "SegRuns" || first.Source != "src" ||
		last.MessageID != "jane-026" || last.Name != "Workout Completed" || last.Time <= first.Time {
		t.Errorf("%+v", ev)
	}
	// A profile's own ID stands for its identifier of the highest priority.
	own := explain(t, s, space.Ref{Collection: identity.Users, Value: e.A.Profile}, user("email", " JaneDoe@Example.com"))
	if !own.Together || own.A.ID.String() != "user_id:abc123def" || own.B.ID.Value != "janedoe@example.com" || len(own.Steps) != 1 {
		t.Errorf("%+v", own)
	}

	p, err := query.New(s).Story(t.Context(), user("user_id", "abc123def"), 2, "")
	if err != nil || len(p.Chapters) != 2 || p.Next == "" || p.Profile != e.A.Profile {
		t.Fatalf("%+v, %v", p, err)
	}
	var kinds, profiles []string
	for next := ""; ; next = p.Next {
		if p, err = query.New(s).Story(t.Context(), user("user_id", "abc123def"), 2, next); err != nil {
			t.Fatal(err)
		}
		for _, c := range p.Chapters {
			kinds = append(kinds, c.Kind.String()+" "+c.Event.MessageID)
			for _, part := range c.Parts {
				profiles = append(profiles, part.Profile)
			}
		}
		if p.Next == "" {
			break
		}
	}
	if got := strings.Join(kinds, ", "); got != "created jane-001, identifier_added jane-008, created jane-010, merged jane-011, identifier_added jane-013" {
		t.Errorf("her story: %s", got)
	}
	if len(profiles) != 4 || profiles[0] != e.A.Profile || profiles[1] == "" || profiles[1] == e.A.Profile ||
		profiles[2] != e.A.Profile || profiles[3] != profiles[1] {
		t.Errorf("her profiles: %q", profiles)
	}
	if _, err := query.New(s).Story(t.Context(), user("user_id", "abc123def"), 2, "x"); !errors.Is(err, space.ErrBadCursor) {
		t.Errorf("a bad cursor: %v", err)
	}
}

// A kiosk is kept apart from whoever comes second, and blocked values link nobody.
func TestExplainApart(t *testing.T) {
	s := newSpace(t, space.Config{})
	line := func(n int, rest string) string {
		return fmt.Sprintf(`{"type":"track","event":"Opened","messageId":"m%d","timestamp":%q,%s}`,
			n, time.Date(2024, 3, n, 0, 0, 0, 0, time.UTC).Format(time.RFC3339), rest)
	}
	ingest(t, s,
		line(1, `"userId":"jane","context":{"device":{"type":"ios","id":"kiosk"},"page":{"url":"https://shop.example.com/a?b"}}`),
		line(2, `"userId":"john","context":{"device":{"type":"ios","id":"kiosk"}}`),
		line(3, `"userId":"jane","anonymousId":"null"`),
		line(4, `"userId":"jim","anonymousId":"null"`),
		line(5, `"userId":"joe"`),
		line(6, `"userId":"jane","groupId":"acme"`))
	e := explain(t, s, user("user_id", "john"), user("user_id", "jane"))
	if e.Together || len(e.Steps) != 2 || len(e.Steps[0].Demotions) != 1 {
		t.Fatalf("%+v", e)
	}
	d := e.Steps[0].Demotions[0]
	if d.ID.String() != "ios.id:kiosk" || d.Reason != identity.ReasonLimit || d.Broke != "user_id" || d.Limit.Values != 1 ||
		d.Had[0].ID.Value != "john" || d.Brought[0].ID.Value != "jane" || d.Event.MessageID != "m2" || d.Decided != nil {
		t.Errorf("%+v", d)
	}
	if app := e.Steps[1].Evidence.First.App; app != "shop.example.com" {
		t.Errorf("app %q", app)
	}
	if e := explain(t, s, user("user_id", "jim"), user("user_id", "jane")); e.Steps != nil || fmt.Sprint(e.BlockedInCommon) != "[anonymous_id:null]" {
		t.Errorf("%+v", e)
	}
	if e := explain(t, s, user("user_id", "joe"), user("user_id", "jane")); e.Steps != nil || e.BlockedInCommon != nil || e.Together {
		t.Errorf("%+v", e)
	}
	if e := explain(t, s, user("anonymous_id", "null"), user("user_id", "jane")); !e.A.Blocked || e.Together {
		t.Errorf("%+v", e)
	}
	var unknown *space.UnknownError
	for _, refs := range [][2]space.Ref{
		{user("user_id", "nobody"), user("user_id", "jane")},
		{user("user_id", "jane"), user("user_id", "nobody")},
		{user("", "use_2ZxJ5cSHkH2p8vTbGyWQ1mXkTnA"), user("user_id", "jane")},
		{user("group_id", "acme"), user("user_id", "jane")},
	} {
		if _, err := query.New(s).Explain(t.Context(), refs[0], refs[1]); !errors.As(err, &unknown) || !errors.Is(err, space.ErrNotFound) || unknown.Ref == user("user_id", "jane") {
			t.Errorf("%v: %v", refs, err)
		}
	}
	if _, err := query.New(s).Explain(t.Context(), user("user_id", "jane"), space.Ref{Collection: identity.Accounts, Type: "group_id", Value: "acme"}); !errors.Is(err, space.ErrInvalid) {
		t.Errorf("a user and an account: %v", err)
	}

	apply(t, s, overrides.Undo{Kind: codec.CannotLink, IDs: ids("ios.id:kiosk", "user_id:jane")})
	e = explain(t, s, user("ios.id", "kiosk"), user("user_id", "jane"))
	if e.Together || len(e.Steps) != 1 || len(e.Steps[0].Demotions) != 1 {
		t.Fatalf("after the cut: %+v", e)
	}
	d = e.Steps[0].Demotions[0]
	if d.Reason != identity.ReasonCannotLink || d.Decided == nil || d.Decided.Why != "a test" || len(d.Override) != 2 {
		t.Errorf("after the cut: %+v", d)
	}
}

// What is stored explains itself: of a random world, any two IDs are together
// exactly if one profile owns them, by a chain each of whose steps an event of
// that profile shows; and whoever was seen together and is apart is told why.
func TestExplanationsFitTheStore(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 43))
			rules := &identity.Rules{}
			if seed%3 == 2 {
				rules.Order = "arrival"
			}
			for _, ty := range []string{"email", "anonymous_id", "ios.id"} {
				rules.Identifiers = append(rules.Identifiers, identity.Identifier{Type: ty, Limit: 1 + rng.IntN(4)})
			}
			s := newSpace(t, space.Config{Rules: rules})
			lines := world(rng, 300, 3+rng.IntN(20))
			ingest(t, s, lines...)
			verify(t, s)
			refs := everybody(lines)
			together, apart := 0, 0
			for range 200 {
				a, b := refs[rng.IntN(len(refs))], refs[rng.IntN(len(refs))]
				if a.Collection != b.Collection {
					continue
				}
				e := explain(t, s, a, b)
				if same := e.A.Profile != "" && e.A.Profile == e.B.Profile || a == b; e.Together != same {
					t.Fatalf("%v and %v: %+v", a, b, e)
				}
				demotions := 0
				for _, st := range e.Steps {
					demotions += len(st.Demotions)
					if st.Evidence.Events == 0 || st.Evidence.First.Type == 0 || st.Evidence.First.Time > st.Evidence.Last.Time {
						t.Fatalf("%v and %v: a step without evidence: %+v", a, b, st)
					}
				}
				switch {
				case e.Together:
					together++
					if demotions > 0 {
						t.Fatalf("%v and %v are together through a demotion", a, b)
					}
				case len(e.Steps) > 0:
					apart++
					if demotions == 0 {
						t.Fatalf("%v and %v are apart for no reason", a, b)
					}
				}
			}
			if together == 0 || apart == 0 {
				t.Errorf("%d pairs were together, %d apart: the world is too simple", together, apart)
			}
		})
	}
}

// BenchmarkExplain explains the two ends of a profile of 1,000 strands and
// 100,000 events.
func BenchmarkExplain(b *testing.B) {
	s := newSpace(b, space.Config{Rules: &identity.Rules{
		MaxIdentifiers: 10_000, Identifiers: []identity.Identifier{{Type: "user_id"}, {Type: "anonymous_id", Limit: 10_000, Window: "ever"}},
	}})
	n := 0
	for range 100 {
		var lines []string
		for range 1000 {
			lines = append(lines, fmt.Sprintf(`{"type":"track","event":"Opened","messageId":"m%d","timestamp":%q,"userId":"u","anonymousId":"a%d"}`,
				n, time.Unix(1_700_000_000+int64(n), 0).UTC().Format(time.RFC3339), n%1000))
			n++
		}
		ingest(b, s, lines...)
	}
	ask := func(name string, f func() error) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := f(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	ctx := context.Background()
	ask("path", func() error {
		_, err := query.New(s).Explain(ctx, user("anonymous_id", "a1"), user("anonymous_id", "a999"))
		return err
	})
	ask("story", func() error {
		_, err := query.New(s).Story(ctx, user("user_id", "u"), 50, "")
		return err
	})
	past := user("user_id", "u")
	past.AsOf = time.Unix(1_700_050_000, 0).UnixNano()
	ask("as-of", func() error {
		_, err := query.New(s).Profile(ctx, past)
		return err
	})
	ask("now", func() error {
		_, err := query.New(s).Profile(ctx, user("user_id", "u"))
		return err
	})
}

// BenchmarkKiosk asks about people who logged in at a kiosk that 20,000 others
// use too.
func BenchmarkKiosk(b *testing.B) {
	s := newSpace(b, space.Config{})
	at := func(n int) time.Time { return time.Unix(1_700_000_000+int64(n), 0).UTC() }
	const people = 20_000
	for n := 0; n < people; {
		var lines []string
		for range 1000 {
			lines = append(lines, fmt.Sprintf(`{"type":"track","event":"Opened","messageId":"m%d","timestamp":%q,"userId":"u%d","anonymousId":"a%d","context":{"device":{"type":"ios","id":"kiosk"}}}`,
				n, at(n).Format(time.RFC3339), n, n))
			n++
		}
		ingest(b, s, lines...)
	}
	past := user("user_id", fmt.Sprint("u", people/2))
	past.AsOf = at(people * 3 / 4).UnixNano()
	ctx := context.Background()
	b.Run("as-of", func(b *testing.B) {
		for b.Loop() {
			if v, err := query.New(s).Profile(ctx, past); err != nil || len(v.Identifiers) != 2 {
				b.Fatal(v, err)
			}
		}
	})
	b.Run("with-the-owner", func(b *testing.B) {
		for b.Loop() {
			if e, err := query.New(s).Explain(ctx, past, user("user_id", "u0")); err != nil || len(e.Steps) != 2 {
				b.Fatal(e, err)
			}
		}
	})
	b.Run("with-another", func(b *testing.B) {
		for b.Loop() {
			if e, err := query.New(s).Explain(ctx, past, user("user_id", "u77")); err != nil || len(e.Steps) != 2 {
				b.Fatal(e, err)
			}
		}
	})
}
