package space

import (
	"context"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/lease"
	"github.com/selfsame-id/selfsame/internal/space/journal"
	"github.com/selfsame-id/selfsame/internal/task"
)

// WatchAll has the watcher read the feed to its end, with the memory of the
// store. On a shared store it does so only if this node holds the lease.
func (s *Space) WatchAll(ctx context.Context) error {
	var w *watcher
	last := "none"
	for {
		var err error
		if w, err = s.watchOnce(ctx, w); err != nil {
			return err
		}
		_, holds := s.leases.watch.Held()
		switch {
		case w == nil && !holds:
			return nil
		case w != nil && w.cursor == last:
			return nil
		case w != nil:
			last = w.cursor
		}
	}
}

// NextJob has the job run and returns a channel that is closed when it has; NextWatch
// is the same for the watcher.
func (s *Space) NextJob() <-chan struct{}   { return next(s.tasks.job) }
func (s *Space) NextWatch() <-chan struct{} { return next(s.tasks.watch) }

func next(t *task.Task) <-chan struct{} {
	ran := t.Ran()
	t.Wake()
	return ran
}

// What the watcher goes by.
var (
	LooksLikeNobody = looksLikePlaceholder
	UnusualRate     = unusualRate
)

// CrowdMemory adds n keys, one of them again and again, and says how many are
// held and how often that one was seen.
func CrowdMemory(n int, keys func(i int) string, again string) (held, seen int) {
	c := crowds{}
	for i := range n {
		c.add(keys(i))
		if i%1000 == 0 {
			c.add(again)
		}
		held = max(held, len(c))
	}
	return held, c[again]
}

// TrimRejects has the job look at the budget of refused messages to the end.
func (s *Space) TrimRejects(ctx context.Context) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	for {
		s.job.trim = time.Time{}
		n, err := s.trimPage(ctx, lease.Fence{})
		if err != nil || n == 0 {
			return err
		}
	}
}

// Repack packs the bodies of a block again, with another one in the place of one;
// without packed bodies, none.
func Repack(packed []byte, ordinal int, body []byte) []byte {
	bodies, err := journal.UnpackBodies(packed)
	if err == nil {
		bodies[ordinal] = body
	}
	var p journal.Packer
	return p.Pack(nil, bodies)
}

// Botch makes a change as the jobs do, with a mistake in it: a panic while it is
// decided, or, with late, a record that is not there when it is written.
func (s *Space) Botch(ctx context.Context, late bool) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	return s.update(ctx, change{}, func(d *Tx) error {
		if !late {
			panic("a mistake")
		}
		d.changedStrands[identity.Hash{1}] = true
		return nil
	})
}
