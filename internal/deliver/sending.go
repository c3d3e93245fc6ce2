package deliver

import (
	"context"
	"errors"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/lease"
)

// sending is the part of a destination that sends. It runs while something waits to
// be sent and for a while after that, so that connections are kept.
type sending struct {
	wake  chan struct{}
	stop  context.CancelFunc // lets nothing new begin
	cut   context.CancelFunc // ends tries that are under way
	ended chan struct{}

	// Guarded by mu of the destination: it is about to end, and is to begin again then.
	ending, again bool
}

// tried is a try that has ended.
type tried struct {
	batch    []*entry
	outcomes []Outcome
}

// startSending sends what waits, if nothing does already.
func (d *destination) startSending() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.sending; s != nil {
		s.again = s.ending
		select {
		case s.wake <- struct{}{}:
		default: // it was woken already
		}
		return
	}
	if d.on.idle || !d.loaded || d.st.Queued == 0 || d.stoppedBy(&d.st) != nil || d.def.Disabled || d.life.Err() != nil {
		return
	}
	ctx, stop := context.WithCancel(d.life)
	tries, cut := context.WithCancel(context.WithoutCancel(d.life))
	d.sending = &sending{wake: make(chan struct{}, 1), stop: stop, cut: cut, ended: make(chan struct{})}
	go d.send(ctx, tries, d.sending)
}

// endTime is how long tries that are under way may take when the sender is to stop.
// Of what is cut off nobody knows whether it arrived.
const endTime = 8 * time.Second

// stopSending lets nothing new begin, waits for what is under way until ctx ends, but
// not for very long, and then ends it. Outcomes are committed.
func (d *destination) stopSending(ctx context.Context) {
	d.mu.Lock()
	s := d.sending
	d.mu.Unlock()
	if s == nil {
		return
	}
	s.stop()
	timer := time.NewTimer(endTime)
	defer timer.Stop()
	select {
	case <-s.ended:
	case <-timer.C:
	case <-ctx.Done():
	}
	s.cut()
	<-s.ended
}

const (
	// maxRest is how long the sender sleeps at most before it looks again.
	maxRest = 30 * time.Second
	// linger is how long it stays when nothing waits.
	linger = 20 * time.Second
	// ahead is how many messages it has in hand for each try that may be under way, and how
	// many outcomes may wait for their commit: so neither reading nor writing the queue
	// holds up whoever is fast.
	ahead = 4
)

// send tries what is due until nothing waits any more.
func (d *destination) send(ctx, tries context.Context, s *sending) {
	defer func() {
		s.stop()
		s.cut()
		d.mu.Lock()
		d.sending = nil
		again := s.again
		d.mu.Unlock()
		close(s.ended)
		if again {
			d.startSending()
		}
	}()
	sender, err := d.def.Settings.Open(d.on.environment(d))
	if err != nil {
		d.on.log.Error("a destination cannot be opened", "space", d.on.space, "destination", d.def.Key, "error", err)
		return
	}
	limits := d.limits()
	l := &sendLoop{
		d: d, limits: limits, sender: sender, tries: tries, room: limits.Workers,
		results: make(chan tried, limits.Workers), settled: make(chan error, 1),
	}
	if limits.Batch == 1 && !limits.AtMostOnce {
		l.room = ahead * limits.Workers
	}
	l.run(ctx, s)
	d.troubled.Store(false)
	if err := sender.Close(); err != nil {
		d.on.log.Debug("a destination was not closed", "space", d.on.space, "destination", d.def.Key, "error", err)
	}
}

// sendLoop is a sender at work. All but the tries and the commits of outcomes is done
// by one goroutine.
type sendLoop struct {
	d      *destination
	limits Limits
	sender Sender
	tries  context.Context
	room   int // how many batches it has in hand at most

	ready    [][]*entry // to be tried, marked as under way
	flying   int        // tries under way
	results  chan tried
	done     []tried // their outcomes are to be committed
	settling int     // how many are being committed; 0: no commit is under way
	settled  chan error

	breaker breaker
	probe   identity.Hash // the lane that is tried while there is trouble
}

// run tries what is due until ctx ends, or nothing has waited for a while.
func (l *sendLoop) run(ctx context.Context, s *sending) {
	var quiet time.Time // since when nothing waits; zero: something does
	for ctx.Err() == nil {
		rest, idle := l.begin(ctx)
		switch {
		case !idle:
			quiet = time.Time{}
		case quiet.IsZero():
			quiet = time.Now()
		}
		if idle {
			left := linger - time.Since(quiet)
			if rest == 0 {
				left = 0 // it is stopped: who enables it again wants other connections
			}
			if left <= 0 && l.d.endSending(s) {
				return
			}
			rest = min(rest, left)
		}
		l.wait(ctx, s, rest)
	}
	l.release()
	for l.flying+len(l.done)+l.settling > 0 {
		l.wait(context.WithoutCancel(ctx), s, maxRest)
	}
}

// endSending lets the sender end, if nobody has just added something.
func (d *destination) endSending(s *sending) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case <-s.wake:
		return false
	default:
	}
	s.ending = true
	return true
}

// begin begins tries. It says when to look again unless something happens before; idle:
// nothing is under way, and nothing waits.
func (l *sendLoop) begin(ctx context.Context) (rest time.Duration, idle bool) {
	d, now := l.d, l.d.on.now()
	trouble := l.breaker.open()
	d.troubled.Store(trouble || l.breaker.until.After(now))
	if trouble {
		l.release()
	}
	if wait := l.breaker.until.Sub(now); wait > 0 {
		l.release()
		return min(wait, maxRest), false
	}
	workers, room := l.limits.Workers, l.room-l.flying-len(l.ready)
	if trouble { // one at a time, and each after what became of the last
		workers, room = 1, 1-l.flying-len(l.done)-l.settling
	}
	room = min(room, ahead*l.limits.Workers-len(l.done)-l.settling)
	rest = maxRest
	if len(l.ready) < workers-l.flying && room > 0 {
		rest, idle = l.read(ctx, room, trouble)
	}
	for l.flying < workers && len(l.ready) > 0 {
		batch := l.ready[0]
		l.ready = l.ready[1:]
		l.flying++
		go func() { l.results <- tried{batch, d.try(l.tries, l.sender, batch)} }()
	}
	return rest, idle && l.flying+len(l.done)+l.settling == 0
}

// read reads what is to be tried next, up to room batches, and says when to look again.
func (l *sendLoop) read(ctx context.Context, room int, trouble bool) (rest time.Duration, idle bool) {
	only := identity.Hash{}
	if trouble && !l.breaker.fresh() {
		only = l.probe
	}
	batches, next, empty, err := l.d.pick(ctx, room, l.limits, only)
	if err != nil {
		if !errors.Is(err, lease.ErrHeld) && !errors.Is(err, kv.ErrConflict) && ctx.Err() == nil {
			l.d.failed("what is to be sent could not be read", err)
		}
		return time.Second, false
	}
	if len(batches) > 0 && !l.breaker.fresh() {
		l.probe = batches[0][0].Lane
	}
	l.ready = append(l.ready, batches...)
	if len(batches) == room {
		return maxRest, false // until one of them has ended
	}
	return next, empty
}

// release gives back what is ready, so that newer messages can take its place.
func (l *sendLoop) release() {
	if len(l.ready) == 0 {
		return
	}
	l.d.mu.Lock()
	defer l.d.mu.Unlock()
	for _, batch := range l.ready {
		l.d.land(batch)
	}
	l.ready = nil
}

// wait waits for what happens next, at most for a time.
func (l *sendLoop) wait(ctx context.Context, s *sending, most time.Duration) {
	if l.settling == 0 && len(l.done) > 0 {
		all := l.done
		l.done, l.settling = nil, len(all)
		go func() { l.settled <- l.d.settle(context.WithoutCancel(ctx), all) }()
	}
	timer := time.NewTimer(max(most, time.Millisecond))
	defer timer.Stop()
	select {
	case t := <-l.results:
		l.note(t)
		for more := true; more; {
			select {
			case t := <-l.results:
				l.note(t)
			default:
				more = false
			}
		}
	case err := <-l.settled:
		l.settling = 0
		if err != nil {
			l.d.failed("outcomes of deliveries could not be kept", err)
		}
	case <-s.wake:
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (l *sendLoop) note(t tried) {
	l.flying--
	l.done = append(l.done, t)
	l.breaker.note(&t, &l.d.on.pauses, l.d.on.now())
}

func (d *destination) failed(what string, err error) {
	d.on.log.Warn(what, "space", d.on.space, "destination", d.def.Key, "error", err)
}

// try has the sender try a batch.
func (d *destination) try(ctx context.Context, sender Sender, batch []*entry) []Outcome {
	messages := make([]Message, len(batch))
	for i, e := range batch {
		messages[i] = e.Message
	}
	outcomes := sender.Send(ctx, messages)
	for len(outcomes) < len(batch) { // a mistake of the kind
		outcomes = append(outcomes, Outcome{Result: Unknown, Reason: "the destination did not say what became of it"})
	}
	return outcomes
}

// land marks messages as not under way any more. The caller holds mu.
func (d *destination) land(batch []*entry) {
	for _, e := range batch {
		delete(d.flying, e.Seq)
		delete(d.lanes, e.Lane)
	}
}
