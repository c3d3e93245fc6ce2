package space_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/selfsame-id/selfsame/internal/kv/pgkv/pgtest"
	"github.com/selfsame-id/selfsame/internal/space"
)

// Several nodes take events of the same people while rules are set through any
// of them: at the end all is as the batch function says under the last rules.
func TestRulesChangeOnManyNodes(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 23))
			const nodes, events = 3, 240
			var spaces []*space.Space
			for range nodes {
				store := openShared(t, server)
				s := openSpace(t, store, space.Config{ID: fmt.Sprint("apply", seed), ReplayBound: []int{1000, 5}[rng.IntN(2)]})
				spaces = append(spaces, s)
				t.Cleanup(func() {
					s.Close(context.Background())
					store.Close()
				})
			}
			lines := apart(world(rng, events, 3+rng.IntN(15))) // of one time, arrival counts
			var wg sync.WaitGroup
			for n, s := range spaces {
				rng := rand.New(rand.NewPCG(seed, uint64(n)))
				mine := lines[n*events/nodes : (n+1)*events/nodes]
				wg.Go(func() {
					for len(mine) > 0 {
						k := min(1+rng.IntN(12), len(mine))
						ingest(t, s, mine[:k]...)
						mine = mine[k:]
						if rng.IntN(8) == 0 {
							rules := drawnRules(rng, []string{"", "", "arrival"}[rng.IntN(3)])
							if rng.IntN(2) == 0 {
								rules = lookElsewhere(rng, rules)
							}
							if err := s.SetRules(context.Background(), rules, nil); err != nil {
								t.Error(err)
							}
						}
					}
				})
			}
			wg.Wait()
			last := drawnRules(rng, "")
			if seed%2 == 0 {
				last = lookElsewhere(rng, last)
			}
			if err := spaces[0].SetRules(t.Context(), last, nil); err != nil {
				t.Fatal(err)
			}
			// Of two who rely on the same version, one is told.
			v, err := spaces[1].Rules(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			old := v.Version - 1
			if err := spaces[1].SetRules(t.Context(), drawnRules(rng, ""), &old); !errors.Is(err, space.ErrChanged) {
				t.Errorf("rules over other rules: %v", err)
			}
			for _, s := range spaces {
				if rep := verify(t, s); rep.Events != events {
					t.Errorf("%d events, want %d", rep.Events, events)
				}
			}
			fresh := newSpace(t, space.Config{Rules: &last})
			ingest(t, fresh, lines...)
			if got, want := partition(t, spaces[2], lines), partition(t, fresh, lines); got != want {
				t.Errorf("after the changes it is\n%s\nunder the last rules alone it would be\n%s", got, want)
			}
		})
	}
}
