package space

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/lease"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/task"
)

// Follower is work that a room above the heart does behind ingestion, such as
// following the feed. It runs as the heart's own background work does, see task.
type Follower struct {
	// Duty names the lease that it holds while it writes, of which a shared store has
	// one for each duty of a space.
	Duty string
	// Lease is that lease if the room needs it elsewhere; nil: one is made.
	Lease *lease.Lease
	// Failed is what the log says when a run fails; it is tried again.
	Failed string
	Class  task.Class
	// Run does the work once. It ends with ErrHeld of package lease if another node does
	// it; that is no failure. What it writes requires the lease's fence.
	Run func(context.Context, *lease.Lease) (task.Rest, error)
}

// followers are those of a space.
type followers struct {
	mu     sync.Mutex
	tasks  []*task.Task
	leases []*lease.Lease
}

// heldPause is how long a follower rests whose lease another node holds.
const heldPause = lease.Duration / 4

// Follow starts background work of a room. It runs at once, then as its rests say, and
// when commits or use wake it, until the space is closed.
func (s *Space) Follow(f Follower) *task.Task {
	l := f.Lease
	if l == nil {
		l = s.NewLease(f.Duty)
	}
	t := s.cfg.Tasks.Add(s.life, task.Config{
		Class: f.Class, ErrorPause: jobErrorPause,
		Run: func(ctx context.Context) (task.Rest, error) {
			rest, err := f.Run(ctx, l)
			if errors.Is(err, lease.ErrHeld) {
				return task.Rest{Least: heldPause, Most: max(heldPause, s.IdleRest())}, nil
			}
			return rest, err
		},
		Failed: func(err error, pause time.Duration) {
			s.log.Warn(f.Failed, "space", s.cfg.ID, "error", err, "pause", pause)
		},
	}, task.Rest{})
	s.followers.mu.Lock()
	s.followers.tasks = append(s.followers.tasks, t)
	s.followers.leases = append(s.followers.leases, l)
	s.followers.mu.Unlock()
	t.Wake()
	return t
}

// wake tells the followers that there is something new.
func (f *followers) wake() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, t := range f.tasks {
		t.Wake()
	}
}

// stop ends the followers, whose context has ended. A run that is in the middle of a
// commit wakes the others first, so the lock is not held meanwhile.
func (f *followers) stop() {
	f.mu.Lock()
	tasks := slices.Clone(f.tasks)
	f.mu.Unlock()
	for _, t := range tasks {
		_ = t.Stop(context.Background())
	}
}

// release lets other nodes go on at once.
func (f *followers) release(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	for _, l := range f.leases {
		errs = append(errs, l.Release(ctx))
	}
	return errors.Join(errs...)
}

// Keys says where in its store the space lies.
func (s *Space) Keys() codec.Keyspace { return s.keys }

// RulesInForce is the version of the rules at work, and whether what is there is still
// being resolved by them.
func (s *Space) RulesInForce() (version uint64, applying bool) {
	v := s.version.Load()
	return v.Version, v.Applying
}

// Hasher makes the hashes of the space's IDs and strands.
func (s *Space) Hasher() identity.Hasher { return s.hasher }
