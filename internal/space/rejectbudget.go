package space

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/kv"
)

const (
	rejectTrimPause = time.Minute // between two looks at the budget
	rejectTrimPage  = 64          // removed in one commit; a body has up to 64 KiB
)

// trimRejects removes the oldest refused messages while there are more than the
// budget allows, or they are older. fence is the job's lease on a shared store.
func (s *Space) trimRejects(ctx context.Context, fence []byte) error {
	if time.Now().Before(s.job.trim) {
		return nil
	}
	s.job.trim = time.Now().Add(rejectTrimPause)
	n, err := s.trimPage(ctx, fence)
	if n == rejectTrimPage {
		s.job.trim = time.Now().Add(jobPause) // there may be more
	}
	return err
}

func (s *Space) trimPage(ctx context.Context, fence []byte) (int, error) {
	if err := s.renewLane(ctx); err != nil {
		return 0, err
	}
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	counts, err := readRejectCounts(ctx, r, s.keys, 0)
	if err != nil {
		return 0, err
	}
	over := -s.cfg.RejectMost
	for _, n := range counts {
		over += n
	}
	now := s.cfg.Now()
	limit := now.Add(-s.cfg.RejectAge).UnixNano()
	from := s.keys.key(kindReject)
	first, err := r.Scan(ctx, from, kv.PrefixEnd(from), 1, false)
	if err != nil || len(first) == 0 || over <= 0 && parseTime(first[0].Key[len(from):]) >= limit {
		return 0, err
	}
	oldest, err := r.Scan(ctx, from, kv.PrefixEnd(from), rejectTrimPage, false)
	if err != nil {
		return 0, err
	}
	d := s.newDesk(ctx, r, s.rules.Load(), now)
	c := &commitPlan{desk: d, rules: d.rules}
	c.record = feed.Record{Lane: s.lane, Seq: s.feedSeq + 1, Time: now.UnixNano()}
	delta := map[rejectKey]int64{}
	n := 0
	for _, e := range oldest {
		if over <= 0 && parseTime(e.Key[len(from):]) >= limit {
			break
		}
		rej, err := decodeReject(e.Key[len(from):], e.Value)
		if err != nil {
			return 0, err
		}
		if d.read != nil {
			d.read[string(e.Key)] = e.Value // somebody may send it again in this moment
		}
		c.batch.Delete(e.Key)
		delta[rejectKey{rej.Source, rej.Code}]--
		over--
		n++
	}
	s.stageRejectCounts(c, delta)
	if fence != nil {
		c.batch.Require(s.leaseKey(jobLease), fence)
	}
	s.closePlan(c)
	return n, s.land(ctx, c)
}

// stageRejectCounts adds to a plan what it makes of the numbers of kept rejects.
func (s *Space) stageRejectCounts(c *commitPlan, delta map[rejectKey]int64) {
	c.counts = delta
	for k, n := range delta {
		if n += s.rejected[k]; n != 0 {
			c.batch.Put(s.keys.rejectCount(s.lane, k), binary.AppendVarint(nil, n))
		} else {
			c.batch.Delete(s.keys.rejectCount(s.lane, k))
		}
	}
}
