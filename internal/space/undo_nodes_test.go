package space_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv/pgkv/pgtest"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/overrides"
)

// Two nodes take events of the same people while both change overrides: what is
// stored is what the batch function says of those that are left.
func TestUndoOfManyNodes(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	rng := rand.New(rand.NewPCG(1, 9))
	rules := &identity.Rules{Identifiers: []identity.Identifier{{Type: "anonymous_id", Limit: 3}, {Type: "ios.id", Limit: 2, Window: "weekly"}}}
	var spaces []*space.Space
	for range 2 {
		store := openShared(t, server)
		s := openSpace(t, store, space.Config{ID: "undo", Rules: rules, ReplayBound: 4}) // IDs of more strands are undone in the background
		spaces = append(spaces, s)
		t.Cleanup(func() {
			s.Close(context.Background())
			store.Close()
		})
	}
	lines := world(rng, 200, 6)
	var wg sync.WaitGroup
	made := make([]int, len(spaces))
	var background atomic.Int64
	for n, s := range spaces {
		rng := rand.New(rand.NewPCG(uint64(n), 11))
		wg.Go(func() {
			mine := lines[n*100 : (n+1)*100]
			var inForce []string
			for len(mine) > 0 {
				k := min(10, len(mine))
				ingest(t, s, mine[:k]...)
				mine = mine[k:]
				u := overrides.Undo{Kind: codec.CannotLink, Collection: identity.Users, IDs: ids(
					fmt.Sprint("user_id:u", rng.IntN(6)), fmt.Sprint("anonymous_id:a", rng.IntN(6), "-", rng.IntN(8)))}
				if len(inForce) > 2 {
					u = overrides.Undo{Remove: inForce[0]}
					inForce = inForce[1:]
				}
				if u.Remove == "" && rng.IntN(2) == 0 {
					u.Kind, u.IDs = codec.Isolate, u.IDs[rng.IntN(2):][:1]
				}
				if u.Kind == codec.CannotLink && rng.IntN(2) == 0 {
					u.Kind = codec.Same
				}
				g, err := overrides.New(s).ApplyUndo(context.Background(), u)
				for errors.Is(err, space.ErrApplying) {
					if err = s.AwaitRules(context.Background()); err == nil {
						g, err = overrides.New(s).ApplyUndo(context.Background(), u)
					}
				}
				if g.Applying {
					background.Add(1)
				}
				switch {
				case errors.Is(err, space.ErrNotFound), errors.Is(err, space.ErrExists), errors.Is(err, space.ErrConflict), errors.Is(err, space.ErrInvalid):
				case err != nil:
					t.Error(err)
				case u.Remove == "":
					inForce = append(inForce, g.Override.ID)
					made[n]++
				}
			}
		})
	}
	wg.Wait()
	if made[0]+made[1] < 4 {
		t.Errorf("only %v overrides were made", made)
	}
	if background.Load() == 0 {
		t.Error("nothing was undone in the background")
	}
	for _, s := range spaces {
		if rep := verify(t, s); rep.Events != 200 {
			t.Errorf("%d events, want 200", rep.Events)
		}
	}
}
