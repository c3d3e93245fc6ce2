package space

import (
	"sync/atomic"
	"time"
)

// counters are what Stats reports, kept up by the writer.
type counters struct {
	events, repeats, rejected, unresolved atomic.Int64
	profiles, strands                     atomic.Int64
	commits, conflicts, again             atomic.Int64
	created, merges, unmerges             atomic.Int64
	demotions, replays, decisions         atomic.Int64
	commit, plan, wait                    atomic.Int64 // nanoseconds
	counted                               atomic.Int64 // when the gauges were looked up, in nanoseconds since 1970
}

// Stats returns counters and gauges.
func (s *Space) Stats() Stats {
	c := &s.stats
	seconds := func(n *atomic.Int64) float64 { return time.Duration(n.Load()).Seconds() }
	st := Stats{
		Events: c.events.Load(), Repeats: c.repeats.Load(), Rejected: c.rejected.Load(), Unresolved: c.unresolved.Load(),
		Profiles: c.profiles.Load(), Strands: c.strands.Load(),
		Commits: c.commits.Load(), Conflicts: c.conflicts.Load(), Again: c.again.Load(),
		ProfilesCreated: c.created.Load(), Merges: c.merges.Load(), Unmerges: c.unmerges.Load(),
		Demotions: c.demotions.Load(), Replays: c.replays.Load(), ReplayedDecisions: c.decisions.Load(),
		Pending: s.pending.Load(), QueueBytes: s.queueBytes.Load(), Warnings: s.warnings.Load(),
		CommitSeconds: seconds(&c.commit), PlanSeconds: seconds(&c.plan), WaitSeconds: seconds(&c.wait),
	}
	if st.CountedAt = time.Now().UnixNano(); !s.store.Exclusive() {
		st.CountedAt = c.counted.Load()
	}
	st.StrandCacheHits, st.StrandCacheMisses = s.cache.stats()
	if l, ok := s.dedupe.(*localRepeats); ok {
		st.DedupeMemoryBytes, st.DedupeStoreChecks = l.recent.Memory(), l.recent.Checks()
	}
	return st
}

// add counts what a commit did.
func (st *counters) add(c *commit) {
	st.commits.Add(1)
	st.events.Add(int64(len(c.fresh)))
	st.repeats.Add(int64(c.repeats))
	st.rejected.Add(int64(c.refused()))
	st.unresolved.Add(c.Done.Counters.Unresolved)
	st.profiles.Add(c.Done.Counters.Profiles)
	st.strands.Add(c.Done.Counters.Strands)
	st.created.Add(int64(c.Done.Created))
	st.merges.Add(int64(c.Done.Merged))
	st.unmerges.Add(int64(c.Done.Unmerged))
	st.demotions.Add(int64(c.Done.Demoted))
	st.replays.Add(c.Done.Replays)
	st.decisions.Add(c.Done.Decisions)
}
