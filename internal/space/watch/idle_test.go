package watch_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/kv/kvtest"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/watch"
	"github.com/selfsame-id/selfsame/internal/task"
)

// asked counts the snapshots that are taken of a store that several processes use.
type asked struct {
	kv.Store
	snapshots atomic.Int64
}

func (*asked) Exclusive() bool { return false }

func (a *asked) Snapshot(ctx context.Context) (kv.Reader, error) {
	a.snapshots.Add(1)
	return a.Store.Snapshot(ctx)
}

// The watchers of the idle spaces of a shared store ask it as rarely as their jobs do.
func TestWatchersOfIdleSpacesAskRarely(t *testing.T) {
	t.Parallel()
	store := &asked{Store: kvtest.NewMemory().Open()}
	defer store.Close()
	tasks := task.New()
	const spaces = 400
	var open []*space.Space
	for i := range spaces {
		s := openSpace(t, store, space.Config{ID: fmt.Sprint("s", i), Tasks: tasks})
		t.Cleanup(func() { s.Close(context.Background()) })
		open = append(open, s)
	}
	for _, s := range open {
		<-watch.New(s).Next() // the first look, which comes after that of the job
	}
	before := store.snapshots.Load()
	const span = 3 * time.Second
	time.Sleep(span)
	// A look each second at each would be 400 in a second, and as many of the jobs.
	if n := store.snapshots.Load() - before; n > 200 {
		t.Errorf("%d idle spaces asked the store %d times in %v", spaces, n, span)
	}
}
