package search_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/kv/kvtest"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/overrides"
	"github.com/selfsame-id/selfsame/internal/space/query"
	"github.com/selfsame-id/selfsame/internal/space/rules"
	"github.com/selfsame-id/selfsame/internal/space/search"
	"github.com/selfsame-id/selfsame/internal/space/spacetest"
)

var quiet = slog.New(slog.NewTextHandler(os.Stderr, nil))

func open(t testing.TB, store kv.Store, cfg space.Config) *space.Space {
	t.Helper()
	cfg.ID, cfg.Log, cfg.CacheBytes = "dev", quiet, 4<<20
	cfg.ApplyRules = rules.Apply
	s, err := space.Open(t.Context(), store, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func ingest(t testing.TB, s *space.Space, lines ...string) {
	t.Helper()
	d := space.Delivery{Source: "src"}
	for _, l := range lines {
		m, err := event.Parse([]byte(l), event.Envelope{ReceivedAt: time.Now().UnixNano()})
		if err != nil {
			t.Fatalf("%s: %v", l, err)
		}
		d.Messages = append(d.Messages, m)
	}
	if _, err := s.Ingest(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

// find reads all pages and lists what was found by user_id, or else by cookie.
func find(t testing.TB, x *search.Index, query string, limit int) []string {
	t.Helper()
	conditions, err := search.Parse(query)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	q := search.Query{Collection: identity.Users, Conditions: conditions, Limit: limit}
	for {
		page, err := x.Find(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Hits) > limit {
			t.Fatalf("%d hits, want %d at most", len(page.Hits), limit)
		}
		for _, h := range page.Hits {
			if len(h.Matches) != len(conditions) {
				t.Errorf("%s: %d matches", query, len(h.Matches))
			}
			found = append(found, h.ID)
		}
		if q.Next = page.Next; q.Next == "" {
			return found
		}
	}
}

// all reads every profile of a space.
func all(t testing.TB, s *space.Space) []query.Profile {
	t.Helper()
	v, err := s.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	var list []query.Profile
	err = v.Each(codec.Profiles, 100, func(e kv.Entry) error {
		id, _ := codec.Profiles.Parse(e.Key)
		rec, err := codec.DecodeProfile(e.Value)
		if err != nil || rec.Merged || rec.Collection != identity.Users {
			return err
		}
		p, err := query.New(s).Profile(t.Context(), space.Ref{Collection: identity.Users, Value: id.Text(identity.Users)})
		if err == nil {
			list = append(list, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// naive decides by itself whether a profile fits one word of a query.
func naive(p *query.Profile, word string) bool {
	fits := func(value, want string, prefix bool) bool {
		value, want = strings.ToLower(value), strings.ToLower(want)
		return value == want || prefix && strings.HasPrefix(value, want)
	}
	field, want, colon := strings.Cut(word, ":")
	if !colon {
		want = field
		for _, id := range p.Identifiers {
			if fits(id.Value, want, true) {
				return true
			}
		}
	}
	prefix := strings.HasSuffix(want, "*") || !colon
	want = strings.TrimSuffix(want, "*")
	for _, id := range p.Identifiers {
		if colon && id.Type == field && fits(id.Value, want, prefix) {
			return true
		}
	}
	for _, tr := range p.Traits {
		if tr.Name == "name" && !colon {
			var name string
			_ = json.Unmarshal(tr.Value, &name)
			for i, word := range strings.Fields(name) {
				if fits(strings.Join(strings.Fields(name)[i:], " "), want, true) || fits(word, want, true) {
					return true
				}
			}
		}
		if colon && tr.Name == field && fits(strings.Trim(string(tr.Value), `"`), want, prefix) {
			return true
		}
	}
	return false
}

// someEvents makes events of few people with few values, so that they merge, agree and
// change their minds.
func someEvents(rng *rand.Rand, n, from int) []string {
	pick := func(list ...string) string { return list[rng.IntN(len(list))] }
	lines := make([]string, n)
	for i := range lines {
		m := map[string]any{"type": "identify", "messageId": fmt.Sprint("m", from+i),
			"timestamp": time.Date(2020, 1, 1, 0, rng.IntN(10_000), from+i%60, 0, time.UTC)}
		if rng.IntN(3) > 0 {
			m["anonymousId"] = pick("c1", "c2", "c3", "c4", "c5", "c6", "C10", "c11")
		}
		if m["anonymousId"] == nil || rng.IntN(3) == 0 {
			m["userId"] = pick("u1", "u2", "u3", "U4", "jan1")
		}
		if rng.IntN(4) == 0 {
			m["type"], m["event"] = "track", "Looked"
		} else {
			traits := map[string]any{}
			for range rng.IntN(3) {
				switch rng.IntN(4) {
				case 0:
					traits["name"] = pick("Jane", "Jane Doe", "JANE", "Ann Doe", "Janet")
				case 1:
					traits["plan"] = []any{"free", "Premium", "pre", nil}[rng.IntN(4)]
				case 2:
					traits["age"] = rng.IntN(3)
				case 3:
					traits["email"] = pick("jane@x.com", "ann@x.com", "bob@x.com")
				}
			}
			m["traits"] = traits
		}
		b, _ := json.Marshal(m)
		lines[i] = string(b)
	}
	return lines
}

var queries = []string{
	"jane", "ja", "doe", "u", "c1", "name:jane", "name:JANE*", "plan:pre", "plan:pre*", "plan:*", "age:1", "email:jane@x.com",
	"name:jane plan:free", "doe plan:premium", "u4", "email:j* age:2", "jan plan:*", "nobody", "name:nobody", "anonymous_id:c1*",
}

// compare holds what is found to what all profiles say.
func compare(t testing.TB, s *space.Space, x *search.Index) {
	t.Helper()
	profiles := all(t, s)
	for i, query := range queries {
		var want []string
		for k := range profiles {
			fit := true
			for word := range strings.FieldsSeq(query) {
				fit = fit && naive(&profiles[k], word)
			}
			if fit {
				want = append(want, profiles[k].ID)
			}
		}
		got := find(t, x, query, 1+i%4)
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Fatalf("%s finds\n%v, want\n%v", query, got, want)
		}
	}
}

// At rest what is found is what a look at every profile finds: after merges, undo, other
// rules, restarts, and where the index begins later than the events.
func TestFindIsAScanOfAllProfiles(t *testing.T) {
	for seed := range spacetest.Seeds(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 10))
			store := kvtest.NewMemory().Open()
			s := open(t, store, space.Config{})
			n := 0
			some := func(k int) {
				lines := someEvents(rng, k, n)
				n += k
				for len(lines) > 0 {
					k := min(1+rng.IntN(20), len(lines))
					ingest(t, s, lines[:k]...)
					lines = lines[k:]
				}
			}
			if seed%3 == 0 {
				some(100)
			}
			x := search.New(s, quiet, search.Told{})
			some(100)
			x.Settle(t)
			compare(t, s, x)

			_, err := overrides.New(s).ApplyUndo(t.Context(), overrides.Undo{Kind: codec.CannotLink, Collection: identity.Users, IDs: []identity.ID{{Type: "user_id", Value: "u1"}, {Type: "user_id", Value: "u2"}}})
			if err != nil && !errors.Is(err, space.ErrInvalid) {
				t.Fatal(err)
			}
			_, err = overrides.New(s).ApplyUndo(t.Context(), overrides.Undo{Kind: codec.Isolate, Collection: identity.Users, IDs: []identity.ID{{Type: "anonymous_id", Value: "c1"}}})
			if err != nil && !errors.Is(err, space.ErrInvalid) {
				t.Fatal(err)
			}
			x.Settle(t)
			compare(t, s, x)

			// The rules take plan for an identifier: events move to other strands.
			rules := identity.Rules{Identifiers: []identity.Identifier{{Type: "user_id"}, {Type: "plan_id", Key: "plan", Limit: 1}}}
			if err := s.SetRules(t.Context(), rules, nil); err != nil {
				t.Fatal(err)
			}
			if err := s.AwaitRules(t.Context()); err != nil {
				t.Fatal(err)
			}
			some(50)
			x.Settle(t)
			compare(t, s, x)
		})
	}
}
