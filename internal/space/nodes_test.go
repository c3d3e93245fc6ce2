package space_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv/pgkv/pgtest"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

// several nodes take events of the same people at the same time, and each
// other's repeats: what is stored is what the batch function says, and what one
// node says.
func TestManyNodesOneTruth(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 3))
			rules := &identity.Rules{}
			windows := []string{"ever", "daily", "weekly"}
			for _, ty := range []string{"email", "anonymous_id", "ios.id"} {
				rules.Identifiers = append(rules.Identifiers, identity.Identifier{Type: ty, Limit: 1 + rng.IntN(4), Window: windows[rng.IntN(3)]})
			}
			cfg := space.Config{ID: fmt.Sprint("many", seed), Rules: rules, ReplayBound: []int{1000, 3}[rng.IntN(2)]}
			const nodes = 3
			var spaces []*space.Space
			for range nodes {
				store := openShared(t, server)
				s := openSpace(t, store, cfg)
				spaces = append(spaces, s)
				t.Cleanup(func() {
					s.Close(context.Background())
					store.Close()
				})
			}
			const events = 240
			lines := apart(world(rng, events, 3+rng.IntN(30))) // of one time, arrival counts
			var wg sync.WaitGroup
			for n, s := range spaces {
				// Every node takes two thirds of the events: half of them twice.
				mine := slices.Clone(lines[:events*2/3])
				if n == 1 {
					mine = slices.Clone(lines[events/3:])
				} else if n == 2 {
					mine = append(slices.Clone(lines[:events/3]), lines[events*2/3:]...)
				}
				order := rand.New(rand.NewPCG(seed, uint64(n)))
				order.Shuffle(len(mine), func(i, j int) { mine[i], mine[j] = mine[j], mine[i] })
				wg.Go(func() {
					for len(mine) > 0 {
						k := min(1+order.IntN(20), len(mine))
						ingest(t, s, mine[:k]...)
						mine = mine[k:]
					}
				})
			}
			wg.Wait()
			rep := verify(t, spaces[seed%nodes])
			if rep.Events != events {
				t.Errorf("%d events, want %d", rep.Events, events)
			}
			var conflicts, commits int64
			for _, s := range spaces {
				conflicts += s.Stats().Conflicts
				commits += s.Stats().Commits
			}
			t.Logf("%d commits, %d conflicts", commits, conflicts)

			one := newSpace(t, space.Config{ID: cfg.ID, Rules: rules})
			ingest(t, one, lines...)
			verify(t, one)
			if rep.Strands != one.Stats().Strands || rep.Profiles != one.Stats().Profiles {
				t.Errorf("many nodes: %d strands in %d profiles; one node: %d in %d", rep.Strands, rep.Profiles, one.Stats().Strands, one.Stats().Profiles)
			}
			for _, l := range lines[:40] {
				id := parse(t, l).AnonymousID
				if id == "" {
					continue
				}
				if got, want := summary(t, spaces[0], user("anonymous_id", id)), summary(t, one, user("anonymous_id", id)); got != want {
					t.Errorf("%s on many nodes:\n%s\non one:\n%s", id, got, want)
				}
			}
		})
	}
}

// A rules change is one version for all nodes.
func TestRulesOfManyNodes(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	var spaces []*space.Space
	for range 2 {
		store := openShared(t, server)
		s := openSpace(t, store, space.Config{ID: "rules"})
		spaces = append(spaces, s)
		t.Cleanup(func() {
			s.Close(context.Background())
			store.Close()
		})
	}
	event := func(n int, ids string) string {
		return fmt.Sprintf(`{"type":"track","event":"X","messageId":"m%d","timestamp":"2025-01-0%dT00:00:00Z",%s}`, n, n, ids)
	}
	ingest(t, spaces[0], event(1, `"userId":"u","anonymousId":"a1"`))
	ingest(t, spaces[1], event(2, `"userId":"u","anonymousId":"a2"`))
	rules := identity.Rules{Identifiers: []identity.Identifier{{Type: "user_id"}, {Type: "anonymous_id", Limit: 1, Window: "ever"}}}
	if err := spaces[0].SetRules(t.Context(), rules, nil); err != nil {
		t.Fatal(err)
	}
	if err := spaces[0].AwaitRules(t.Context()); err != nil {
		t.Fatal(err)
	}
	ingest(t, spaces[1], event(3, `"userId":"u","anonymousId":"a3"`))
	for _, s := range spaces {
		verify(t, s)
		v, err := query.New(s).Profile(t.Context(), user("user_id", "u"))
		if err != nil || len(v.Identifiers) != 2 {
			t.Errorf("%+v, %v", v, err)
		}
	}
	if err := spaces[1].SetRules(t.Context(), identity.Rules{}, nil); err != nil {
		t.Fatal(err)
	}
	if err := spaces[1].AwaitRules(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := summary(t, spaces[0], user("anonymous_id", "a3")); !strings.Contains(got, "user_id:u") {
		t.Errorf("after the rules were loosened again:\n%s", got)
	}
	verify(t, spaces[0])
}

// New rules hold for what other nodes stored since this one was started, too.
func TestRulesReachTheEventsOfOtherNodes(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	var spaces [2]*space.Space
	for i := range spaces {
		store := openShared(t, server)
		spaces[i] = openSpace(t, store, space.Config{ID: "rules"})
		t.Cleanup(func() {
			spaces[i].Close(context.Background())
			store.Close()
		})
	}
	ingest(t, spaces[1], `{"type":"track","event":"X","messageId":"m1","timestamp":"2025-01-01T00:00:00Z","userId":"u","anonymousId":"a1"}`,
		`{"type":"track","event":"X","messageId":"m2","timestamp":"2025-01-02T00:00:00Z","userId":"u","anonymousId":"a2"}`)
	rules := identity.Rules{Identifiers: []identity.Identifier{{Type: "user_id"}, {Type: "anonymous_id", Limit: 1, Window: "ever"}}}
	if err := spaces[0].SetRules(t.Context(), rules, nil); err != nil {
		t.Fatal(err)
	}
	if err := spaces[0].AwaitRules(t.Context()); err != nil {
		t.Fatal(err)
	}
	verify(t, spaces[0])
	rules.Alias = "link"
	if err := spaces[0].SetRules(t.Context(), rules, nil); err != nil {
		t.Errorf("rules that look elsewhere: %v", err)
	}
	verify(t, spaces[0])
}
