package deliver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/lease"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/task"
)

// destination is one destination at work in this process.
type destination struct {
	on     *Dispatcher
	number uint32
	def    *Definition
	// revision is that of the definition; setAt and setBy say when and by whom it was
	// set.
	revision uint64
	setAt    int64
	setBy    string

	lease *lease.Lease
	task  *task.Task
	life  context.Context
	kill  context.CancelFunc

	// mu is held during whatever changes the state: one commit at a time.
	mu     sync.Mutex
	loaded bool
	st     state
	stored []byte // the state as it is in the store
	fence  lease.Fence
	// since is the last message that was in the queue when the state was loaded: what
	// was begun by then may have been tried by another process, or by this one before.
	since uint64
	// flying are messages of tries that are under way in this process. Reading the state
	// again does not end them.
	flying map[uint64]bool
	lanes  map[identity.Hash]bool // of these

	sending  *sending // guarded by mu; nil: nothing is sent
	trimming trimming // belongs to the task
	// troubled means that what is due is not tried at once.
	troubled atomic.Bool
}

// hashOf is the hash of an identifier in the ledger.
func (d *destination) hashOf(collection string, id Identifier) identity.Hash {
	return d.on.hash("ledger", collection, id.Type, id.Value)
}

// laneOf is the lane of a profile's messages. Where messages wait for different times,
// each name has lanes of its own.
func (d *destination) laneOf(profile, name string) identity.Hash {
	if !d.limits().PerPerson {
		name = ""
	}
	return d.on.hash("lane", profile, name)
}

func (d *destination) limits() Limits { return d.def.Settings.Limits() }

func (d *destination) hearing() *hearing {
	h := &hearing{Types: d.def.Identifiers, PerPerson: d.limits().PerPerson}
	if h.PerPerson {
		h.Needs = "email"
	}
	return h
}

// load holds the lease and reads the state, if that was not done or was lost. The
// caller holds mu. lease.ErrHeld: another process works on the destination.
func (d *destination) load(ctx context.Context) error {
	fence, err := d.lease.Hold(ctx)
	if err != nil {
		d.loaded = false
		return err
	}
	if d.loaded {
		d.fence = fence
		return nil
	}
	r, err := d.on.store.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	values, err := r.Get(ctx, codec.DestinationStates.Key(d.on.keys, d.number))
	if err != nil {
		return err
	}
	if values[0] == nil {
		return fmt.Errorf("%w: the state of the destination %s", kv.ErrCorrupt, d.def.Key)
	}
	var st state
	if err := json.Unmarshal(values[0], &st); err != nil {
		return fmt.Errorf("%w: the state of the destination %s", kv.ErrCorrupt, d.def.Key)
	}
	d.st, d.stored, d.fence, d.since = st, values[0], fence, st.Seq
	if d.flying == nil {
		d.flying, d.lanes = map[uint64]bool{}, map[identity.Hash]bool{}
	}
	d.loaded = true
	return nil
}

// update makes one commit: change says what it is to change, on a snapshot. The caller
// holds mu, and load has succeeded.
func (d *destination) update(ctx context.Context, change func(*work) error) error {
	if !d.loaded {
		return lease.ErrHeld
	}
	r, err := d.on.store.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	w := newWork(ctx, d, r)
	if err := change(w); err != nil {
		return err
	}
	stored, err := w.finish()
	if err != nil {
		return err
	}
	if err := d.on.store.Commit(ctx, &w.b); err != nil {
		if errors.Is(err, kv.ErrConflict) || errors.Is(err, kv.ErrUnknown) || ctx.Err() != nil {
			d.loaded = false // the store knows
		}
		return err
	}
	d.st, d.stored = w.st, stored
	return nil
}

// stoppedBy is why the destination is left alone; nil: it is not. What stopped it under
// another definition does not count any more.
func (d *destination) stoppedBy(st *state) *Stopped {
	if st.Stopped == nil || st.Stopped.Revision != d.revision {
		return nil
	}
	return st.Stopped
}

// maybeTried reports whether a try of a message may have reached the destination.
func (d *destination) maybeTried(e *entry) bool {
	return e.Maybe || d.flying[e.Seq] || e.Begun && e.Seq <= d.since
}

// copyState copies what a commit may change in place.
func copyState(s state) state {
	s.Known = maps.Clone(s.Known)
	s.Tried = slices.Clone(s.Tried)
	if s.Baseline != nil {
		b := *s.Baseline
		s.Baseline = &b
	}
	if s.Leaving != nil {
		l := *s.Leaving
		s.Leaving = &l
	}
	return s
}

// run is the task of the destination: it follows the feed, and sees to it that what
// waits is sent.
func (d *destination) run(ctx context.Context) (task.Rest, error) {
	d.mu.Lock()
	err := d.load(ctx)
	if err == nil {
		err = d.recoverTried(ctx)
	}
	d.mu.Unlock()
	if errors.Is(err, lease.ErrHeld) {
		d.stopSending(ctx)
		return task.Rest{Least: heldPause, Most: heldPause}, nil
	}
	if err != nil {
		return task.Rest{}, err
	}
	more := true
	for began := time.Now(); more && err == nil && time.Since(began) < followTurn; {
		more, err = d.follow(ctx)
	}
	d.startSending()
	if err == nil && !more {
		if _, wrong := d.trim(ctx); wrong != nil && ctx.Err() == nil {
			d.failed("what is old could not be removed, and will be in an hour", wrong)
			d.trimming = trimming{next: d.on.now().Add(trimPause)}
		}
	}
	switch {
	case errors.Is(err, lease.ErrHeld), errors.Is(err, kv.ErrConflict):
		return task.Rest{Least: heldPause, Most: heldPause}, nil
	case err != nil:
		return task.Rest{}, err
	case more:
		return task.Rest{Most: time.Nanosecond}, nil // when the others had their turn
	case d.trimming.under:
		return task.Rest{Least: gatherPause, Most: stepPause}, nil
	case d.on.store.Exclusive():
		return task.Rest{Least: gatherPause, Most: idlePause}, nil
	}
	return task.Rest{Least: followPause, Most: sharedPause}, nil
}

const (
	heldPause = 3 * time.Second
	idlePause = time.Minute
	// followTurn is how long the task follows the feed until those of other destinations
	// get their turn: where much comes, the end of the feed is never reached.
	followTurn = 100 * time.Millisecond
	// gatherPause is how long it rests at least: what comes meanwhile is read together.
	gatherPause = 5 * time.Millisecond
	followPause = 20 * time.Millisecond
	sharedPause = 500 * time.Millisecond
)

// recoverTried lists what may have been delivered by a try whose outcome was lost, of a
// destination that delivers at most once. The caller holds mu.
func (d *destination) recoverTried(ctx context.Context) error {
	var lost []uint64
	for _, seq := range d.st.Tried {
		if !d.flying[seq] {
			lost = append(lost, seq)
		}
	}
	if len(lost) == 0 {
		return nil
	}
	return d.update(ctx, func(w *work) error {
		if err := w.loadEntries(lost...); err != nil {
			return err
		}
		for _, seq := range lost {
			w.st.Tried = slices.DeleteFunc(w.st.Tried, func(n uint64) bool { return n == seq })
			if e := w.entries[seq]; e != nil {
				if err := w.bury(e, Unknown, "the server was stopped while it was sent: it may have arrived"); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
