package space

import (
	"context"
	"time"

	"github.com/selfsame-id/selfsame/internal/lease"
	"github.com/selfsame-id/selfsame/internal/space/rejects"
)

// Rejects lists refused messages that are kept, the newest first. ErrBadCursor
// if q.Next is not one of ours.
func (s *Space) Rejects(ctx context.Context, q rejects.Query) (rejects.Page, error) {
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return rejects.Page{}, err
	}
	defer r.Close()
	return s.rejects.List(ctx, r, q)
}

// Reject reads one refused message with its body; ErrNotFound if it is not kept.
func (s *Space) Reject(ctx context.Context, id string) (rejects.Reject, error) {
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return rejects.Reject{}, err
	}
	defer r.Close()
	return s.rejects.Get(ctx, r, id)
}

// RejectCounts counts the kept rejects by source and code, exactly.
func (s *Space) RejectCounts(ctx context.Context) ([]rejects.Count, error) {
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return s.rejects.Counts(ctx, r)
}

// takeRejects keeps the refused messages of deliveries and removes those that
// they send again.
func (s *Space) takeRejects(c *commit, ws []*ingestRequest, now time.Time) (err error) {
	var list []*rejects.Reject
	var again []string
	for _, e := range c.used {
		list = append(list, e.rejectUsed())
	}
	for _, w := range ws {
		if w.hasDeferred() {
			continue
		}
		for i := range w.delivery.Rejects {
			r := &w.delivery.Rejects[i]
			if r.ReceivedAt == 0 {
				r.ReceivedAt = now.UnixNano()
			}
			if r.Source == "" {
				r.Source = w.delivery.Source
			}
			list = append(list, r)
		}
		again = append(again, w.delivery.Resolves...)
	}
	c.rejects, err = s.rejects.Take(c.Tx, s.lane, list, again)
	return err
}

// refused is how many messages a commit keeps that were refused.
func (c *commit) refused() int {
	if c.rejects == nil {
		return 0
	}
	return c.rejects.Messages
}

const (
	rejectTrimPause = time.Minute            // between two looks at the budget
	rejectTrimWork  = 100 * time.Millisecond // of one run of the job
)

// trimRejects removes the oldest refused messages of each source that has more
// than its budget allows, in number or bytes, and those that are too old. fence is
// that of the job's lease.
func (s *Space) trimRejects(ctx context.Context, fence lease.Fence) error {
	began := time.Now()
	if began.Before(s.job.trim) && !s.rejects.TooMany() {
		return nil
	}
	for time.Since(began) < rejectTrimWork {
		n, err := s.trimPage(ctx, fence)
		if err != nil || n == 0 {
			s.job.trim = time.Now().Add(rejectTrimPause)
			return err
		}
	}
	s.job.trim = time.Time{} // there is more
	return nil
}

// trimPage removes a page of refused messages that must go, and returns how many these
// are; 0: there are none.
func (s *Space) trimPage(ctx context.Context, fence lease.Fence) (removed int, err error) {
	_, err = s.try(ctx, change{fence: fence}, func(c *commit) (err error) {
		removed, c.rejects, err = s.rejects.Trim(c.Tx, s.lane)
		return err
	})
	return removed, err
}
