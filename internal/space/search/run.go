package search

import (
	"context"
	"log/slog"
	"time"

	"github.com/selfsame-id/selfsame/internal/lease"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/task"
)

// Status says how far the index is.
type Status struct {
	// AsOf is the time, in nanoseconds since 1970, up to which the index says all that
	// was committed; 0 while it says nothing yet.
	AsOf int64
	// Complete means that what was stored before there was an index, or before other
	// rules, is in it. Until then Progress goes from 0 to 1.
	Complete bool
	Progress float64
}

func (f *finder) status(ctx context.Context) (Status, error) {
	st, stored, err := readState(ctx, f.Reader(), f.Keys())
	if err != nil || stored == nil {
		return Status{}, err
	}
	s := Status{AsOf: st.Time, Complete: st.Built && st.Pass == nil && !f.Applying()}
	if st.Pass != nil {
		s.Progress = st.Pass.progress()
	} else if s.Complete {
		s.Progress = 1
	}
	end, err := feedEnd(ctx, f.Reader(), f.Keys())
	if err == nil && end.String() == st.Cursor {
		s.AsOf = f.Now().UnixNano()
	}
	return s, err
}

const (
	// stretch is how long the task works at once, at most.
	stretch = 100 * time.Millisecond
	// least is the pause between runs. What was committed is found after about as long.
	least = 100 * time.Millisecond
	// share: while events come in, the task works one of so many moments; while they pour in,
	// one of busyShare, and falls behind.
	share, busyShare = 8, 40
	// busyLeast is the pause while events pour in: what changes often meanwhile is indexed
	// once.
	busyLeast = time.Second
	// sharedRest is how often the task looks for what other nodes have committed.
	sharedRest = time.Second
	// idle: a space that was not used for so long is looked at less often.
	idle = time.Minute
)

// Index is the search index of a space.
type Index struct {
	space   *space.Space
	indexer *indexer
	task    *task.Task
	pace    *space.Pace
}

// New begins to keep the search index of a space, until the space is closed. told knows
// what was computed of its profiles.
func New(s *space.Space, log *slog.Logger, told Told) *Index {
	x := &Index{space: s, pace: s.Pace(), indexer: &indexer{
		store: s.Store(), keys: s.Keys(), hasher: s.Hasher(), log: log.With("space", s.ID()), rules: s.RulesInForce, told: told,
	}}
	x.task = s.Follow(space.Follower{
		Duty: "search", Class: task.Bulk, Run: x.run,
		Failed: "the search index could not be brought up to date and will be tried again",
	})
	return x
}

// run works for a while and says when to go on.
func (x *Index) run(ctx context.Context, l *lease.Lease) (task.Rest, error) {
	began := time.Now()
	busy, share, least := x.pace.Busy() > 0, time.Duration(share), least
	if busy {
		share, least = busyShare, busyLeast
	}
	for {
		fence, err := l.Hold(ctx)
		if err != nil {
			return task.Rest{}, err
		}
		worked, err := x.indexer.step(ctx, fence)
		if err != nil {
			return task.Rest{}, err
		}
		took := time.Since(began)
		switch {
		case !worked && x.space.Store().Exclusive():
			return task.Rest{Least: max(least, share*took), Most: x.space.IdleRest()}, nil
		case !worked: // other nodes wake nobody
			rest := task.Rest{Least: max(least, share*took), Most: sharedRest}
			if x.space.Idle() > idle {
				rest.Most = x.space.IdleRest()
			}
			return rest, nil
		case took < stretch:
			continue
		}
		// There is more: half of the time while nothing else is to be done.
		rest := task.Rest{Least: took, Most: took}
		if busy || x.space.Crowded() {
			rest.Least = share * took
		}
		return rest, nil
	}
}
