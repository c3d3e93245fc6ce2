package space

import (
	"context"
	"maps"
	"math"
	"time"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/lease"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

const (
	rejectTrimPause = time.Minute            // between two looks at the budget
	rejectTrimWork  = 100 * time.Millisecond // of one run of the job
	rejectTrimPage  = 4096                   // removed in one commit
)

// trimRejects removes the oldest refused messages of each source that has more
// than its budget allows, in number or bytes, and those that are too old. fence is
// that of the job's lease.
func (s *Space) trimRejects(ctx context.Context, fence lease.Fence) error {
	began := time.Now()
	if began.Before(s.job.trim) && !s.tooManyRejects() {
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

// tooManyRejects reports whether what this node has kept since the last look is a
// reason not to wait for the next one: somebody fills the budget.
func (s *Space) tooManyRejects() bool {
	for source, n := range sourcesOf(s.rejected) {
		if s.overRejects(n.plus(s.job.elsewhere[source])) {
			return true
		}
	}
	return false
}

// overRejects reports whether a source has more rejects than its budget.
func (s *Space) overRejects(n rejectCount) bool {
	return n.records > s.cfg.RejectMost || n.bytes > s.cfg.RejectBytes
}

// sourcesOf adds up the counts of each source.
func sourcesOf(counts rejectCounts) map[string]rejectCount {
	by := map[string]rejectCount{}
	for k, n := range counts {
		by[k.source] = by[k.source].plus(n)
	}
	return by
}

// trimPage removes a page of the rejects of one source that is over its budget or
// has too old ones. It returns how many it removed; 0: there are none.
func (s *Space) trimPage(ctx context.Context, fence lease.Fence) (removed int, err error) {
	_, err = s.try(ctx, change{fence: fence}, func(c *commit) (err error) {
		removed, err = s.trimRejectsIn(c)
		return err
	})
	return removed, err
}

// trimRejectsIn is what trimPage does in a transaction.
func (s *Space) trimRejectsIn(c *commit) (int, error) {
	counts, err := readRejectCounts(c.Context(), c.Reader(), s.keys, 0)
	if err != nil {
		return 0, err
	}
	all := sourcesOf(counts)
	s.job.elsewhere = maps.Clone(all)
	for source, n := range sourcesOf(s.rejected) {
		s.job.elsewhere[source] = s.job.elsewhere[source].minus(n)
	}
	byTag := map[rejectTag]rejectCount{}
	for source, n := range all {
		tag := s.rejectTag(source)
		byTag[tag] = byTag[tag].plus(n)
	}
	limit := c.Now().Add(-s.cfg.RejectAge).UnixNano()
	for tag, n := range byTag {
		if !s.overRejects(n) {
			from, end := codec.Under(codec.Rejects.Of(s.keys, tag.number()))
			first, err := c.Reader().Scan(c.Context(), from, end, 1, false)
			if err != nil {
				return 0, err
			}
			if len(first) == 0 {
				continue
			}
			if id, ok := rejectIDOf(first[0].Key); ok && id.time() >= limit {
				continue
			}
		}
		removed, err := s.trimSource(c, tag, n, limit, counts)
		if err != nil || removed > 0 {
			return removed, err
		}
	}
	return 0, nil
}

// trimSource removes the oldest rejects of a tag that has n, as many as must go,
// up to a page. counts are those of all rejects.
func (s *Space) trimSource(c *commit, tag rejectTag, n rejectCount, limit int64, counts rejectCounts) (int, error) {
	from, end := codec.Under(codec.Rejects.Of(s.keys, tag.number()))
	oldest, err := c.Reader().Scan(c.Context(), from, end, rejectTrimPage, false)
	if err != nil {
		return 0, err
	}
	delta := rejectCounts{}
	var gone []rejectID
	for _, e := range oldest {
		id, ok := rejectIDOf(e.Key)
		if !ok {
			return 0, kv.ErrCorrupt
		}
		if !s.overRejects(n) && id.time() >= limit {
			break
		}
		kind, size, err := s.rejectSize(c, id, e.Value, counts)
		if err != nil {
			return 0, err
		}
		c.Rely(e.Key, e.Value) // somebody may send it again in this moment
		less := rejectCount{}.minus(size)
		delta.add(kind, less)
		n = n.plus(less)
		gone = append(gone, id)
	}
	if len(gone) == 0 {
		return 0, nil
	}
	if s.store.Exclusive() {
		last := gone[len(gone)-1]
		c.Batch.DeleteRange(from, kv.After(rejectKey(codec.Rejects, s.keys, last)))
		c.Batch.DeleteRange(codec.RejectBodies.Of(s.keys, tag.number()), kv.After(rejectKey(codec.RejectBodies, s.keys, last)))
	} else {
		// Another node may keep one in between that was received earlier.
		for _, id := range gone {
			c.Batch.Delete(rejectKey(codec.Rejects, s.keys, id))
			c.Batch.Delete(rejectKey(codec.RejectBodies, s.keys, id))
		}
	}
	s.stageRejectCounts(c, delta)
	return len(gone), nil
}

// rejectSize is what a stored reject is counted by, and as what. One that is damaged
// does not say: it is taken for one message, of the kind that its source has most of.
func (s *Space) rejectSize(c *commit, id rejectID, stored []byte, counts rejectCounts) (kind rejectKind, n rejectCount, err error) {
	if head, err := decodeReject(id, stored); err == nil {
		return rejectKind{head.Source, head.Code}, rejectCount{1, head.Count, head.size()}, nil
	}
	body, err := c.Reader().Get(c.Context(), rejectKey(codec.RejectBodies, s.keys, id))
	if err != nil {
		return kind, n, err
	}
	most := int64(math.MinInt64)
	for k, n := range counts {
		if s.rejectTag(k.source) == id.tag() && n.records > most {
			kind, most = k, n.records
		}
	}
	return kind, rejectCount{1, 1, int64(len(body[0])) + rejectOverhead}, nil
}
