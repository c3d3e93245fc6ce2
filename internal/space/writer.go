package space

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// A round is what one commit takes: all that waits, up to these bounds.
const (
	roundEvents = 6000
	roundBytes  = 12 << 20
)

// writerRest is how long the writer waits for the next delivery before it ends.
const writerRest = time.Second

// write is the space's only writer: it begins with the first delivery and ends when
// none came for a while, or the space is closed. Deliveries that arrive while one
// commit is under way share the next one.
func (s *Space) write(stopped chan struct{}) {
	defer close(stopped)
	timer := time.NewTimer(writerRest)
	defer timer.Stop()
	for {
		for s.commitRound() { // under load there is always more
		}
		timer.Reset(writerRest)
		select {
		case <-s.wake:
		case <-timer.C:
			if s.endWriter() {
				return
			}
		case <-s.closing:
			for s.commitRound() {
			}
			return
		}
	}
}

// endWriter ends the writer unless something waits for it.
func (s *Space) endWriter() bool {
	s.mu.Lock()
	if len(s.queue) > 0 {
		s.mu.Unlock()
		return false
	}
	s.writer = nil
	s.mu.Unlock()
	s.writing.Lock()
	s.spare = nil // it may be large
	s.writing.Unlock()
	return true
}

// commitRound commits what waits and reports whether there was anything.
func (s *Space) commitRound() bool {
	batch := s.nextRound(time.Now())
	if len(batch) == 0 {
		return false
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	began := time.Now()
	for _, w := range batch {
		if w.tries == 0 {
			s.stats.wait.Add(int64(began.Sub(w.queued)))
		}
	}
	s.commitRequests(batch)
	return true
}

// nextRound takes what the next commit is for out of the queue.
func (s *Space) nextRound(now time.Time) (batch []*ingestRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	events, bytes := 0, int64(0)
	kept := s.queue[:0]
	full := false
	for _, w := range s.queue {
		full = full || len(batch) > 0 && (events+len(w.events) > roundEvents || bytes+w.bytes > roundBytes)
		if full || w.backingOff(now) && !s.shut {
			kept = append(kept, w)
			continue
		}
		batch = append(batch, w)
		events += len(w.events)
		bytes += w.bytes
	}
	clear(s.queue[len(kept):]) // the array must not keep what is done
	if s.queue = kept; len(kept) == 0 {
		s.queue = nil
	}
	return batch
}

// commitRequests commits deliveries together; if that fails for a reason that may
// lie in one of them, one by one. Those of which something is left, because other
// nodes change the same profiles, go back to the head of the queue; for twice the
// time that a delivery may wait they compete, then their clients come again.
func (s *Space) commitRequests(ws []*ingestRequest) {
	err := s.commit(ws)
	if err != nil && len(ws) > 1 && !outside(err) {
		for _, w := range ws {
			s.commitRequests([]*ingestRequest{w})
		}
		return
	}
	if err != nil {
		s.log.Error("commit failed", "space", s.cfg.ID, "deliveries", len(ws), "error", err)
	}
	var left []*ingestRequest
	for _, w := range ws {
		o := outcome{w.receipt, err}
		if err == nil && len(w.events) > 0 {
			if time.Since(w.came) < 2*s.cfg.QueueWait {
				left = append(left, w)
				continue
			}
			o.err = ErrBusy
		}
		s.queueBytes.Add(-w.bytes - workOverhead)
		w.done <- o
	}
	s.requeue(left)
}

// requeue puts deliveries of which something is left back to the head of the queue.
// Those that met other nodes more than once rest for a random time: who all come
// back at once meet again.
func (s *Space) requeue(left []*ingestRequest) {
	if len(left) == 0 {
		return
	}
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range left {
		w.queued = now
		if w.tries > 1 {
			pause := time.Duration(rand.Int64N(int64(4*time.Millisecond) << min(w.tries, 6)))
			w.backoffUntil = now.Add(pause)
			time.AfterFunc(pause, s.awaken)
		}
	}
	s.queue = append(left, s.queue...)
}

// backingOff reports whether a delivery is not to be tried again yet.
func (w *ingestRequest) backingOff(now time.Time) bool { return w.backoffUntil.After(now) }

// awaken has the writer look at the queue.
func (s *Space) awaken() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// workOverhead is what a delivery costs in the queue besides its bodies.
const workOverhead = 512

// outside reports whether an error lies in the store and not in what is stored.
// A damaged record does not: deliveries that have no need of it shall not fail.
func outside(err error) bool {
	for _, target := range []error{ErrBusy, kv.ErrUnavailable, kv.ErrNoSpace, kv.ErrReadOnly, kv.ErrClosed, kv.ErrUnknown, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

// Ingest commits a delivery and returns when all of it is durable, resolved and
// readable. Messages and their bodies must not change until Ingest has returned;
// after that nothing of them is kept. So Ingest does not return while work on
// the delivery is under way, even if ctx ends; a ctx that has ended before is
// its error. Errors: ErrOverloaded, ErrClosed, and those of the store.
func (s *Space) Ingest(ctx context.Context, d Delivery) (Receipt, error) {
	if err := ctx.Err(); err != nil {
		return Receipt{}, err
	}
	s.Use(ctx)
	w := &ingestRequest{delivery: d, done: make(chan outcome, 1)}
	compared := 0
	if d.Dedupe != DedupeWindow {
		// This may take long, and nobody waits behind it.
		s.prepare(w)
		var err error
		if compared, err = s.compare(ctx, w); err != nil {
			return Receipt{}, err
		}
	}
	var size int64 = workOverhead
	for i := range d.Messages {
		size += int64(d.Messages[i].Size())
	}
	for i := range d.Rejects {
		size += int64(len(d.Rejects[i].Body))
	}
	if s.queueBytes.Add(size) > s.cfg.QueueBytes && size < s.queueBytes.Load() {
		s.queueBytes.Add(-size)
		return Receipt{}, ErrOverloaded
	}
	if !s.admit(time.Now()) {
		s.queueBytes.Add(-size)
		return Receipt{}, ErrOverloaded
	}
	if len(w.events) == 0 {
		s.prepare(w)
	}
	w.bytes = size - workOverhead

	s.mu.Lock()
	if s.shut {
		s.mu.Unlock()
		s.queueBytes.Add(-size)
		s.release(false)
		return Receipt{}, ErrClosed
	}
	w.came = time.Now()
	w.queued = w.came
	s.queue = append(s.queue, w)
	if s.writer == nil {
		s.writer = make(chan struct{})
		go s.write(s.writer)
	}
	s.mu.Unlock()
	s.awaken()
	o, ok := s.awaitCommit(w)
	s.release(ok)
	if !ok {
		s.queueBytes.Add(-size)
		return Receipt{}, ErrOverloaded
	}
	o.receipt.Compared = compared
	return o.receipt, o.err
}
