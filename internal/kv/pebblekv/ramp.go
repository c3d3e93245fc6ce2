package pebblekv

import (
	"fmt"
	"sync"
)

// mostWaiting is how many full memtables may wait for a flush that the engine does
// not begin.
const mostWaiting = 2

// ramp keeps the first memtables after an opening from piling up. The engine
// begins with one of 256 KiB, doubles it each time that it is full, and flushes none
// before they have half of MemtableBytes together. Until then every get would look
// into all of them, seven at the end, and a memtable has no filter.
type ramp struct {
	wake chan struct{} // has one element when memtables should be flushed

	mu       sync.Mutex
	waiting  int // memtables that are full and not being flushed
	flushing bool
}

// reset begins the count at an opening, which flushes what was in the logs.
func (r *ramp) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting, r.flushing = 0, false
}

// rotated notes that a memtable is full and another one begins.
func (r *ramp) rotated() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting++; r.due() {
		signal(r.wake)
	}
}

// began notes that n memtables are being flushed.
func (r *ramp) began(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting, r.flushing = max(r.waiting-n, 0), true
}

func (r *ramp) ended() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flushing = false
}

// due reports whether more memtables wait than should and nobody flushes them. The
// caller holds mu.
func (r *ramp) due() bool { return r.waiting >= mostWaiting && !r.flushing }

func (r *ramp) isDue() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.due()
}

// flushEarly has memtables flushed that pile up, until stop is closed.
func (s *Store) flushEarly(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-s.ramp.wake:
		}
		// The engine must not meet a full disk when it begins another log.
		if !s.ramp.isDue() || s.mayWrite() != nil || !s.space.roomFor(2*int64(s.opts.MemtableBytes)) {
			continue
		}
		if err := s.flushNow(); err != nil {
			s.fail(err)
			return
		}
	}
}

// flushNow begins another log and has all memtables before it flushed, without waiting
// for that. The engine answers a log that cannot be made with a panic.
func (s *Store) flushNow() (err error) {
	s.commitMu.Lock() // a commit has to know which log it is in
	defer s.commitMu.Unlock()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("engine: %v", r)
			if cause, ok := r.(error); ok {
				err = fmt.Errorf("engine: %w", sentinel(cause))
			}
		}
	}()
	_, err = s.db.AsyncFlush()
	return err
}
