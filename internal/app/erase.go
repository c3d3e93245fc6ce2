package app

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/selfsame-id/selfsame/internal/catalog"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/erasure"
)

const (
	// lookPause is how often a server looks for spaces that were deleted.
	lookPause = 250 * time.Millisecond
	// settleTime passes between the moment when a server hears of a deletion and the
	// one when it erases: by then every node has closed the space.
	settleTime = 3 * time.Second
	// closeTime is how long a deleted space has to finish what it accepted.
	closeTime = 20 * time.Second
	// mostPause bounds the pause between two portions of an erasure, which is as long
	// as the portion took: at least half of the store's time is left to others.
	mostPause = time.Second
)

// erasing closes the spaces that were deleted, here or on another node, and erases
// their data.
type erasing struct {
	e     *Engine
	owner uint64
	end   context.CancelFunc
	tasks sync.WaitGroup

	heard map[string]time.Time // when a deletion was heard of; the watcher's
	seen  string               // the version of the catalog that was looked at; the watcher's
	mu    sync.Mutex
	busy  map[string]bool // being erased by this process
	one   sync.Mutex      // held by the one that erases
}

func (x *erasing) start(e *Engine) {
	ctx, cancel := context.WithCancel(context.Background())
	x.e, x.owner, x.end = e, rand.Uint64(), cancel
	x.heard, x.busy = map[string]time.Time{}, map[string]bool{}
	x.tasks.Go(func() { x.watch(ctx) })
}

// stop ends the work; the next start goes on with it.
func (x *erasing) stop() {
	if x.end != nil {
		x.end()
		x.tasks.Wait()
	}
}

func (x *erasing) watch(ctx context.Context) {
	t := time.NewTicker(lookPause)
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
		deleted := x.e.catalog.DeletedSpaces(ctx)
		version := x.e.catalog.Version()
		if len(deleted)+len(x.heard) == 0 && version == x.seen {
			continue
		}
		x.seen = version
		x.e.closeDeleted(ctx)
		heard := map[string]time.Time{}
		for _, sp := range deleted {
			at, known := x.heard[sp.ID]
			if !known {
				at = time.Now()
			}
			heard[sp.ID] = at
			if time.Since(at) >= settleTime && !x.e.holds(sp.ID) && x.begin(sp.ID) {
				x.tasks.Go(func() {
					defer x.done(sp.ID)
					x.erase(ctx, sp)
				})
			}
		}
		for id := range x.heard {
			if _, still := heard[id]; !still {
				x.declareAgain(ctx, id)
			}
		}
		x.heard = heard
	}
}

// begin reports whether the space is not being erased yet.
func (x *erasing) begin(id string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.busy[id] {
		return false
	}
	x.busy[id] = true
	return true
}

func (x *erasing) done(id string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.busy, id)
}

// erase erases a space, one space at a time. What goes wrong is tried again.
func (x *erasing) erase(ctx context.Context, sp catalog.Space) {
	x.one.Lock()
	defer x.one.Unlock()
	if ctx.Err() != nil {
		return
	}
	e, began, told := x.e, time.Now(), false
	eraser := erasure.Eraser{
		Store: e.store, Owner: x.owner, Now: time.Now,
		Guard: func(b *kv.Batch) { catalog.RequireDeleted(b, sp) },
		Between: func(ctx context.Context, took time.Duration, _ int64) error {
			if !told {
				told = true
				e.log.Info("a space was deleted, and its data is being erased", "space", sp.ID)
			}
			return wait(ctx, min(took, mostPause))
		},
	}
	rows, err := eraser.Erase(ctx, sp.ID)
	if err == nil {
		err = e.catalog.ForgetSpace(ctx, sp)
	}
	switch {
	case ctx.Err() != nil:
	case errors.Is(err, erasure.ErrOthers):
		_ = wait(ctx, time.Second)
	case err != nil:
		e.log.Warn("the data of a deleted space could not be erased; this will be tried again", "space", sp.ID, "error", err)
		_ = wait(ctx, 10*time.Second)
	default:
		e.log.Info("the data of a deleted space is erased", "space", sp.ID, "rows", rows, "took", time.Since(began).Round(time.Millisecond))
	}
}

// declareAgain makes the space anew if the configuration declares one of its ID,
// which could not be made as long as the old one was there.
func (x *erasing) declareAgain(ctx context.Context, id string) {
	for _, s := range x.e.cfg.Spaces {
		if s.ID == id {
			if err := x.e.declare(ctx); err != nil {
				x.e.log.Warn("the declared space could not be made after its predecessor was erased; restart the server", "space", id, "error", err)
			}
			return
		}
	}
}

// wait waits, at most until ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// holds reports whether a space of the ID is open here.
func (e *Engine) holds(id string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, open := e.spaces[id]
	return open
}

// closeDeleted closes the open spaces that are not in the catalog any more, after
// they have finished what they accepted.
func (e *Engine) closeDeleted(ctx context.Context) {
	e.mu.Lock()
	var gone []opened
	for id, s := range e.spaces {
		if made, there := e.catalog.Made(id); !there || !made.Equal(s.made) {
			gone = append(gone, s)
		}
	}
	e.mu.Unlock()
	for _, s := range gone {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
		if err := s.Close(ctx); err != nil {
			e.log.Warn("a deleted space did not close well", "space", s.ID(), "error", err)
		}
		cancel()
		e.mu.Lock()
		delete(e.spaces, s.ID())
		e.mu.Unlock()
	}
}

// erased is how many rows of a deleted space are erased; false: it has not begun, or
// it is over.
func (e *Engine) erased(ctx context.Context, id string) (int64, bool, error) {
	return erasure.Rows(ctx, e.store, id)
}
