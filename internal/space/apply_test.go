package space_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/overrides"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

// drawnRules are rules with limits so tight that demotions are common.
func drawnRules(rng *rand.Rand, order string) identity.Rules {
	r := identity.Rules{Order: order}
	windows := []string{"ever", "ever", "daily", "weekly", "monthly"}
	for _, ty := range []string{"email", "anonymous_id", "ios.id"} {
		r.Identifiers = append(r.Identifiers, identity.Identifier{Type: ty, Limit: 1 + rng.IntN(4), Window: windows[rng.IntN(len(windows))]})
	}
	if rng.IntN(3) == 0 {
		rng.Shuffle(3, func(i, j int) { r.Identifiers[i], r.Identifiers[j] = r.Identifiers[j], r.Identifiers[i] })
	}
	if rng.IntN(3) == 0 {
		r.Defaults = &identity.Defaults{Blocked: identity.Blocklist{"kiosk", "u1", "u2", "a0-1", "d0"}}
	}
	if rng.IntN(4) == 0 {
		r.MaxIdentifiers = 2 + rng.IntN(4)
	}
	return r
}

// lookElsewhere makes rules look for IDs in places of their own: traits that some
// events have, shared by few or by many; and it has them overlook IDs, of which
// some events have no other.
func lookElsewhere(rng *rand.Rand, r identity.Rules) identity.Rules {
	keys := [][]string{{"t1"}, {"n"}, {"t0", "t2"}, nil}[rng.IntN(4)]
	for _, k := range keys {
		r.Identifiers = append(r.Identifiers, identity.Identifier{Type: "x" + k, Key: k, Limit: 1 + rng.IntN(5)})
	}
	if keys == nil || rng.IntN(3) == 0 {
		r.Exclude = append(r.Exclude, identity.Exclusion{Type: []string{"anonymous_id", "user_id", "ios.id", "group_id"}[rng.IntN(4)], Event: []string{"Clicked", "identify"}[rng.IntN(2)]})
	}
	if rng.IntN(3) == 0 {
		r.Alias = "link"
	}
	return r
}

// sameTwo draws wishes that two IDs of events are the same.
func sameTwo(rng *rand.Rand, lines []string) []overrides.Undo {
	refs := everybody(lines)
	var out []overrides.Undo
	for range 6 {
		a, b := refs[rng.IntN(len(refs))], refs[rng.IntN(len(refs))]
		if a != b && a.Collection == b.Collection {
			out = append(out, overrides.Undo{Kind: codec.Same, Collection: a.Collection, IDs: []identity.ID{{Type: a.Type, Value: a.Value}, {Type: b.Type, Value: b.Value}}})
		}
	}
	return out
}

// mustDecide makes an override, unless an ID names nobody or it was made before.
func mustDecide(t testing.TB, s *space.Space, u overrides.Undo) {
	t.Helper()
	_, err := overrides.New(s).ApplyUndo(context.Background(), u)
	if errors.Is(err, space.ErrApplying) {
		await(t, s)
		_, err = overrides.New(s).ApplyUndo(context.Background(), u)
	}
	if err != nil && !errors.Is(err, space.ErrExists) && !errors.Is(err, space.ErrInvalid) {
		t.Fatal(err)
	}
}

// Rules change again and again while events keep coming, with restarts in the
// middle of the work: in the end everything is as the batch function says, and
// as if all events had come under the last rules.
func TestRulesChangeWhileEventsCome(t *testing.T) {
	for seed := range seeds(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 17))
			order := []string{"", "", "", "arrival"}[seed%4]
			rules := drawnRules(rng, order)
			cfg := space.Config{ReplayBound: []int{1000, 5}[rng.IntN(2)]}
			disk := someDisk(seed)
			store := disk(t)
			s := openSpace(t, store, cfg)
			if err := s.SetRules(t.Context(), rules, nil); err != nil {
				t.Fatal(err)
			}
			lines := world(rng, 400, 3+rng.IntN(30))
			all := slices.Clone(lines)
			same := sameTwo(rng, lines)
			for _, u := range same[:len(same)/2] {
				mustDecide(t, s, u)
			}
			set := func() {
				if rng.IntN(4) == 0 {
					order = []string{"", "arrival"}[rng.IntN(2)]
				}
				if rules = drawnRules(rng, order); rng.IntN(3) == 0 {
					rules = lookElsewhere(rng, rules)
				}
				if order == "arrival" && rng.IntN(2) == 0 {
					rules.MaxMerges = 1 + rng.IntN(4)
				}
				if err := s.SetRules(t.Context(), rules, nil); err != nil {
					t.Fatal(err)
				}
			}
			for len(lines) > 0 {
				n := min(1+rng.IntN(40), len(lines))
				ingest(t, s, lines[:n]...)
				lines = lines[n:]
				if rng.IntN(6) == 0 {
					set()
				}
				if len(lines) < 200 && same != nil {
					if err := s.AwaitRules(t.Context()); err != nil {
						t.Fatal(err)
					}
					for _, u := range same {
						mustDecide(t, s, u) // half of them again
					}
					same = nil
				}
				switch rng.IntN(12) {
				case 0:
					if err := s.Close(t.Context()); err != nil {
						t.Fatal(err)
					}
					store.Close()
					store = disk(t)
					s = openSpace(t, store, cfg)
				case 1:
					verify(t, s)
				}
			}
			if seed%2 == 0 {
				set()
			}
			if rep := verify(t, s); rep.Events != 400 {
				t.Errorf("%d events, want 400", rep.Events)
			}
			v, err := s.Rules(t.Context())
			if err != nil || v.Applying {
				t.Errorf("%+v, %v", v, err)
			}
			fresh := newSpace(t, space.Config{Rules: &v.Rules})
			page, err := s.Overrides(t.Context(), 100, "")
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range page.Overrides {
				mustDecide(t, fresh, overrides.Undo{Kind: o.Kind, Collection: o.Collection, IDs: o.IDs})
			}
			ingest(t, fresh, all...)
			verify(t, fresh)
			if got, want := partition(t, s, all), partition(t, fresh, all); got != want && v.Rules.Order == "" {
				t.Errorf("after the changes it is\n%s\nunder the last rules alone it would be\n%s", got, want)
			}
			s.Close(t.Context())
			store.Close()
		})
	}
}

// A value that is blocked takes its profile away, and the profile comes back
// under its old ID when it is allowed again.
func TestBlockedProfileComesBack(t *testing.T) {
	s := newSpace(t, space.Config{})
	ingest(t, s, `{"type":"track","event":"X","messageId":"m1","anonymousId":"test","timestamp":"2025-01-01T00:00:00Z"}`,
		`{"type":"track","event":"X","messageId":"m2","anonymousId":"test","userId":"u","timestamp":"2025-01-02T00:00:00Z"}`)
	was, err := query.New(s).Profile(t.Context(), user("anonymous_id", "test"))
	if err != nil {
		t.Fatal(err)
	}
	set := func(r identity.Rules) {
		t.Helper()
		if err := s.SetRules(t.Context(), r, nil); err != nil {
			t.Fatal(err)
		}
		if err := s.AwaitRules(t.Context()); err != nil {
			t.Fatal(err)
		}
		verify(t, s)
	}
	set(identity.Rules{Defaults: &identity.Defaults{Blocked: identity.Blocklist{"test"}}})
	if v, err := query.New(s).Profile(t.Context(), user("anonymous_id", "test")); err == nil {
		t.Errorf("blocked, and there: %+v", v)
	}
	if v, err := query.New(s).Profile(t.Context(), user("user_id", "u")); err != nil || len(v.Identifiers) != 1 {
		t.Errorf("%+v, %v", v, err)
	}
	set(identity.Rules{Defaults: &identity.Defaults{Blocked: identity.Blocklist{"test", "u"}}})
	if n := s.Stats().Profiles; n != 0 {
		t.Errorf("%d profiles of blocked values", n)
	}
	set(identity.Rules{})
	if v, err := query.New(s).Profile(t.Context(), user("anonymous_id", "test")); err != nil || v.ID != was.ID || len(v.Identifiers) != 2 {
		t.Errorf("%+v, %v; it was %s", v, err, was.ID)
	}
}
