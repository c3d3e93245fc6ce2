package space_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space"
)

// slow is a store whose commits take a while.
type slow struct{ kv.Store }

func (s slow) Commit(ctx context.Context, b *kv.Batch) error {
	time.Sleep(2 * time.Millisecond)
	return s.Store.Commit(ctx, b)
}

// Whatever comes in, and although somebody always waits for the next commit,
// replays that were deferred are finished.
func TestLoadDoesNotStarveTheJob(t *testing.T) {
	store := slow{memoryDisk()(t)}
	rules := &identity.Rules{Identifiers: []identity.Identifier{{Type: "anonymous_id", Limit: 1, Window: "ever"}}}
	s := openSpace(t, store, space.Config{Rules: rules, ReplayBound: 1})
	defer store.Close()
	defer s.Close(context.Background())
	var over atomic.Bool
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for n := 0; !over.Load(); n++ {
				ingest(t, s, fmt.Sprintf(`{"type":"track","event":"X","messageId":"l%d-%d","userId":"load%d"}`, g, n, g))
			}
		})
	}
	put := false
	for _, l := range world(rand.New(rand.NewPCG(1, 1)), 200, 10) {
		ingest(t, s, l)
		put = put || s.Stats().Pending > 0
	}
	if !put {
		t.Error("nothing was put off: this tests nothing")
	}
	for end := time.Now().Add(2 * time.Minute); s.Stats().Pending > 0; {
		if <-s.NextJob(); time.Now().After(end) {
			t.Errorf("%d replays are pending after 20 s under load", s.Stats().Pending)
			break
		}
	}
	over.Store(true)
	all.Wait()
	verify(t, s)
}
