package app

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/selfsame-id/selfsame/internal/catalog"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/erasure"
	"github.com/selfsame-id/selfsame/internal/task"
)

const (
	// lookPause is how often a node of a shared store looks for spaces that other nodes
	// deleted. Of its own it hears at once.
	lookPause = 250 * time.Millisecond
	// settleTime passes between the moment when a server hears of a deletion and the
	// one when it erases: by then every node has closed the space.
	settleTime = 3 * time.Second
	// closeTime is how long a deleted space has to finish what it accepted.
	closeTime = 20 * time.Second
	// mostPause bounds the pause between two portions of an erasure, which is as long
	// as the portion took: at least half of the store's time is left to others.
	mostPause = time.Second
	// eraseErrorPause passes before an erasure that failed is tried again, othersPause
	// before one that another node is at.
	eraseErrorPause = 10 * time.Second
	othersPause     = time.Second
)

// erasing closes the spaces that were deleted, here or on another node, and erases
// their data: one task looks for them, another erases.
type erasing struct {
	e     *Engine
	owner uint64
	end   context.CancelFunc
	look  atomic.Pointer[task.Task] // nil before the start
	erase *task.Task

	heard map[string]time.Time // when a deletion was heard of; the look's
	mu    sync.Mutex
	due   []catalog.Space // to be erased
}

func (x *erasing) start(e *Engine) {
	ctx, cancel := context.WithCancel(context.Background())
	x.e, x.owner, x.end, x.heard = e, rand.Uint64(), cancel, map[string]time.Time{}
	x.erase = e.tasks.Add(ctx, task.Config{Class: task.Long, Run: x.eraseDue}, task.Rest{})
	look := e.tasks.Add(ctx, task.Config{Class: task.Bulk, Run: x.lookForDeleted}, task.Rest{})
	x.look.Store(look)
	look.Wake()
}

// wake has the spaces looked at that are in the catalog now.
func (x *erasing) wake() {
	if look := x.look.Load(); look != nil {
		look.Wake()
	}
}

// stop ends the work; the next start goes on with it.
func (x *erasing) stop() {
	if look := x.look.Load(); look != nil {
		x.end()
		_ = look.Stop(context.Background()) // it and what it waits for are bounded in time
		_ = x.erase.Stop(context.Background())
	}
}

// lookForDeleted closes the spaces that were deleted, and has those erased that every
// node has closed.
func (x *erasing) lookForDeleted(ctx context.Context) (task.Rest, error) {
	deleted := x.e.catalog.DeletedSpaces(ctx)
	x.e.closeDeleted(ctx)
	heard := map[string]time.Time{}
	var due []catalog.Space
	for _, sp := range deleted {
		at, known := x.heard[sp.ID]
		if !known {
			at = time.Now()
		}
		heard[sp.ID] = at
		if time.Since(at) >= settleTime && !x.e.holds(sp.ID) {
			due = append(due, sp)
		}
	}
	for id := range x.heard {
		if _, still := heard[id]; !still {
			x.declareAgain(ctx, id)
		}
	}
	x.heard = heard
	x.mu.Lock()
	x.due = due
	x.mu.Unlock()
	if len(due) > 0 {
		x.erase.Wake()
	}
	if len(heard) == 0 && x.e.store.Exclusive() {
		return task.Rest{}, nil // the catalog tells
	}
	return task.Rest{Most: lookPause}, nil
}

// eraseDue erases the spaces that are due, one after the other. What goes wrong is
// tried again.
func (x *erasing) eraseDue(ctx context.Context) (task.Rest, error) {
	x.mu.Lock()
	due := x.due
	x.mu.Unlock()
	var rest task.Rest
	for _, sp := range due {
		if ctx.Err() != nil {
			return task.Rest{}, nil
		}
		if !slices.ContainsFunc(x.e.catalog.DeletedSpaces(ctx), func(d catalog.Space) bool { return d.ID == sp.ID && d.CreatedAt.Equal(sp.CreatedAt) }) {
			continue // erased since they were looked for
		}
		rest.Least = max(rest.Least, x.eraseOne(ctx, sp))
	}
	return rest, nil
}

// eraseOne erases a space, and says how long to rest before what is left of it is tried
// again.
func (x *erasing) eraseOne(ctx context.Context, sp catalog.Space) time.Duration {
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
		return 0
	case errors.Is(err, erasure.ErrOthers):
		return othersPause
	case err != nil:
		e.log.Warn("the data of a deleted space could not be erased; this will be tried again", "space", sp.ID, "error", err)
		return eraseErrorPause
	}
	e.log.Info("the data of a deleted space is erased", "space", sp.ID, "rows", rows, "took", time.Since(began).Round(time.Millisecond))
	return 0
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
