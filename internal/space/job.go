package space

import (
	"context"
	"errors"
	"time"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/lease"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/tx"
	"github.com/selfsame-id/selfsame/internal/task"
)

// maxSeeds is how many deferred replays one run of the job takes together.
const maxSeeds = 20000

// jobState is when the job of pending replays may run again: it takes at most a
// fifth of the writer's time, so a crowded kiosk delays its own answers and not
// everybody's events.
type jobState struct {
	next   time.Time
	sweep  []byte    // where the removal of old messageIds goes on, on a shared store
	duties time.Time // when this node asked for the leases last
	trim   time.Time // when to look again at the budget of refused messages

	counted time.Time // when the gauges were looked up in a shared store
}

const jobPause = 300 * time.Millisecond

// runJob finishes replays that were deferred, all that wait together, and removes
// what is kept for a time only.
func (s *Space) runJob(ctx context.Context) (task.Rest, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	if !s.store.Exclusive() {
		return s.runSharedJob(ctx), nil
	}
	replayed := s.pending.Load() > 0 && !s.version.Load().Applying
	if replayed {
		s.replayNow(lease.Fence{})
	}
	rest := task.Rest{Least: jobPause, Most: s.IdleRest()}
	if replayed {
		rest.Least = max(jobPause, time.Until(s.job.next))
	}
	if err := s.trimRejects(ctx, lease.Fence{}); err != nil && ctx.Err() == nil {
		s.log.Warn("old refused messages could not be removed; this will be tried again", "space", s.cfg.ID, "error", err)
	}
	switch {
	case s.job.trim.IsZero() || s.pending.Load() > 0 && !s.version.Load().Applying:
		rest.Most = rest.Least
	case s.InUse():
		rest.Most = rejectTrimPause
	}
	return rest, nil
}

// jobErrorPause is how long the job waits after it failed.
const jobErrorPause = 5 * time.Second

// runSharedJob does what this node holds the leases for, on a store of several nodes.
// One on which the space is idle leaves them to others, and looks now and then whether
// there is work that nobody does.
func (s *Space) runSharedJob(ctx context.Context) (rest task.Rest) {
	began := time.Now()
	defer func() {
		if s.busy() {
			// Looking takes some round trips: a slow store must not be left with nothing
			// else to do, and the leases are to be renewed in time.
			rest.Least = min(max(jobPause, 4*time.Since(began)), lease.Duration/4)
			rest.Least = max(rest.Least, time.Until(s.job.next))
			rest.Most = rest.Least
		} else {
			rest = task.Rest{Least: jobPause, Most: s.IdleRest()}
		}
	}()
	err := s.refreshGauges(ctx)
	if err == nil && !s.busy() && began.Sub(s.job.duties) < idlePause {
		return rest
	}
	if err == nil {
		err = errors.Join(s.ruleDuty(), s.jobDuty())
		s.job.duties = began
	}
	if err != nil && ctx.Err() == nil {
		s.log.Warn("the job could not run and will be tried again", "space", s.cfg.ID, "error", err)
	}
	return rest
}

// busy reports whether a shared store has work of the space, or is about to.
func (s *Space) busy() bool {
	return s.InUse() || s.pending.Load() > 0 || s.version.Load().Applying || s.job.sweep != nil
}

// ruleDuty goes on with a change of rules, if this node holds the lease.
func (s *Space) ruleDuty() error {
	switch _, err := s.leases.rules.Hold(s.life); {
	case errors.Is(err, lease.ErrHeld):
		return nil
	case err != nil:
		return err
	}
	return s.takeOverRules(s.life)
}

// jobDuty decides what was deferred and removes what is too old, if this node holds the
// lease.
func (s *Space) jobDuty() error {
	fence, err := s.leases.job.Hold(s.life)
	if errors.Is(err, lease.ErrHeld) {
		s.job.sweep = nil
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.seeRules(s.life); err != nil {
		return err
	}
	if !s.version.Load().Applying { // which would decide it again anyhow
		s.replayNow(fence)
	}
	if err = s.sweepRepeats(s.life, fence); err == nil {
		err = s.trimRejects(s.life, fence)
	}
	if errors.Is(err, kv.ErrConflict) {
		err = nil // somebody sent one again; the next look comes
	}
	return err
}

func (s *Space) replayNow(fence lease.Fence) {
	began := time.Now()
	err := s.replayPending(s.life, fence)
	if errors.Is(err, kv.ErrConflict) {
		s.stats.conflicts.Add(1)
		err = nil // events of other nodes came in between; the seeds are still there
	}
	if err != nil && s.life.Err() == nil {
		s.log.Error("a pending replay failed and will be tried again", "space", s.cfg.ID, "error", err)
		s.job.next = time.Now().Add(jobErrorPause)
		return
	}
	s.job.next = time.Now().Add(max(jobPause, 4*time.Since(began)))
}

// replayPending decides the seeds that wait and what follows from them, without
// a bound, in one commit.
func (s *Space) replayPending(ctx context.Context, fence lease.Fence) error {
	var recs []codec.Deferred
	_, err := s.try(ctx, change{fence: fence}, func(c *commit) (err error) {
		if recs, err = tx.ReadDeferred(ctx, c.Reader(), s.keys, maxSeeds); err != nil || len(recs) == 0 {
			return err
		}
		return c.ReplayDeferred(recs)
	})
	if err != nil {
		return err
	}
	if len(recs) == 0 {
		s.pending.Store(0)
		return nil
	}
	if s.pending.Add(-int64(len(recs))) < 0 {
		s.pending.Store(0) // they were another node's
	}
	if len(recs) == maxSeeds {
		s.pending.Store(max(1, s.pending.Load()))
	}
	return nil
}
