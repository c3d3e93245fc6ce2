package space

import (
	"slices"
	"time"
)

// A queue that is bounded in bytes alone makes small requests wait for as long as
// a slow store likes, only to be told in the end to come again. So the wait is
// bounded as well:
//
//   - no delivery waits longer than Config.QueueWait for a commit to take it
//     along; then it is taken out of the queue and refused, and nothing of it was
//     written (one that competes with other nodes may wait twice as long, see
//     commitWorks, and part of it may be there then);
//   - once the first in the queue has waited half of that, or nothing was
//     answered for as long, deliveries are refused at once: they would wait in vain.
//
// Nothing is estimated, so there is nothing to tune and nothing that lags
// behind. What a commit has taken along waits for the commit's outcome, however
// long: its bytes may be on their way.

// admit lets a delivery in, or says that it would wait too long.
func (s *Space) admit(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	most := s.cfg.QueueWait / 2
	switch {
	case s.inside == 0:
		s.answered = now // from here nobody waits for longer
	case now.Sub(s.answered) > most, len(s.queue) > 0 && now.Sub(s.queue[0].queued) > most:
		return false
	}
	s.inside++
	return true
}

// release lets a delivery go; answered says that a commit decided its fate.
func (s *Space) release(answered bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inside--
	if answered {
		s.answered = time.Now()
	}
}

// awaitCommit waits for a delivery's commit. ok is false if none took it along in time;
// then none will.
func (s *Space) awaitCommit(w *ingestRequest) (o outcome, ok bool) {
	patience := time.NewTimer(s.cfg.QueueWait)
	defer patience.Stop()
	select {
	case o = <-w.done:
		return o, true
	case <-patience.C:
	}
	s.mu.Lock()
	i := slices.Index(s.queue, w)
	if i >= 0 && w.tries > 0 {
		i = -1 // a commit has been at it, and the next one takes what was left
	}
	if i >= 0 {
		s.queue = slices.Delete(s.queue, i, i+1)
	}
	s.mu.Unlock()
	if i >= 0 {
		return outcome{}, false
	}
	return <-w.done, true
}
