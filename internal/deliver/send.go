package deliver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/lease"
)

// sending is the part of a destination that sends. It runs while something waits to
// be sent, and rests otherwise.
type sending struct {
	running bool // guarded by mu of the destination
	wake    chan struct{}
	stop    context.CancelFunc // lets nothing new begin
	cut     context.CancelFunc // ends tries that are under way
	ended   chan struct{}
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
	if d.sending.running {
		select {
		case d.sending.wake <- struct{}{}:
		default: // it was woken already
		}
		return
	}
	if d.on.idle || !d.loaded || d.st.Queued == 0 || d.stoppedBy(&d.st) != nil || d.def.Disabled || d.life.Err() != nil {
		return
	}
	ctx, stop := context.WithCancel(d.life)
	tries, cut := context.WithCancel(context.WithoutCancel(d.life))
	d.sending = sending{running: true, wake: make(chan struct{}, 1), stop: stop, cut: cut, ended: make(chan struct{})}
	go d.send(ctx, tries)
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
	if s.stop == nil {
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

// mostOfLane is how many messages of a lane go in one batch.
const mostOfLane = 100

// maxRest is how long the sender sleeps at most before it looks again.
const maxRest = 30 * time.Second

// send tries what is due until nothing waits any more.
func (d *destination) send(ctx, tries context.Context) {
	defer close(d.sending.ended)
	sender, err := d.def.Settings.Open(d.on.environment(d))
	if err != nil {
		d.on.log.Error("a destination cannot be opened", "space", d.on.space, "destination", d.def.Key, "error", err)
		d.mu.Lock()
		d.sending.running = false
		d.mu.Unlock()
		return
	}
	limits := d.limits()
	results := make(chan tried, limits.Workers)
	flying := 0
	var breaker breaker
	var probe identity.Hash // the lane that is tried while there is trouble
	settleAll := func(first tried) error {
		all := []tried{first}
		flying--
		for more := true; more; {
			select {
			case t := <-results:
				all = append(all, t)
				flying--
			default:
				more = false
			}
		}
		return d.settle(context.WithoutCancel(ctx), all, &breaker)
	}
	defer d.troubled.Store(false)
	finish := func() {
		for flying > 0 {
			if err := settleAll(<-results); err != nil {
				d.failed("outcomes of deliveries could not be kept", err)
			}
		}
		if err := sender.Close(); err != nil {
			d.on.log.Debug("a destination was not closed", "space", d.on.space, "destination", d.def.Key, "error", err)
		}
	}
	for {
		rest := maxRest
		room := limits.Workers - flying
		d.troubled.Store(breaker.open() || breaker.until.After(d.on.now()))
		if breaker.open() {
			room = min(room, 1-flying)
		}
		if wait := breaker.until.Sub(d.on.now()); wait > 0 {
			room, rest = 0, min(rest, wait)
		}
		idle := false
		if room > 0 && ctx.Err() == nil {
			only := identity.Hash{}
			if breaker.open() && !breaker.fresh() {
				only = probe
			}
			batches, next, empty, err := d.pick(ctx, room, limits, only)
			if err != nil {
				if !errors.Is(err, lease.ErrHeld) && !errors.Is(err, kv.ErrConflict) && ctx.Err() == nil {
					d.failed("what is to be sent could not be read", err)
				}
				next = time.Second
			}
			if len(batches) > 0 && !breaker.fresh() {
				probe = batches[0][0].Lane
			}
			for _, b := range batches {
				flying++
				go func() { results <- tried{b, d.try(tries, sender, b)} }()
			}
			rest, idle = min(rest, next), empty && flying == 0
			if len(batches) == room {
				rest = maxRest // until one of them has ended
			}
		}
		if ctx.Err() != nil || idle && d.endSending() {
			finish()
			d.mu.Lock()
			d.sending.running = false
			d.mu.Unlock()
			return
		}
		timer := time.NewTimer(max(rest, time.Millisecond))
		select {
		case t := <-results:
			if err := settleAll(t); err != nil {
				d.failed("outcomes of deliveries could not be kept", err)
			}
		case <-d.sending.wake:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// endSending ends the sender if nothing waits, or nothing may be sent.
func (d *destination) endSending() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case <-d.sending.wake:
		return false // somebody has just added something
	default:
	}
	d.sending.running = false
	return true
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

// pick takes the first messages of lanes that are due, in at most room batches, and
// marks them as being under way. next is when to look again; empty: nothing is due in
// the next half minute and nothing waits at all. only, if it is set, is the one lane
// that is taken, due or not.
func (d *destination) pick(ctx context.Context, room int, limits Limits, only identity.Hash) (batches [][]*entry, next time.Duration, empty bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.load(ctx); err != nil {
		return nil, 0, false, err
	}
	if d.stoppedBy(&d.st) != nil || d.st.Queued == 0 {
		return nil, maxRest, true, nil
	}
	if limits.Hour > 0 {
		now := d.on.now()
		left := limits.Hour - d.st.HourCount
		if end := time.Unix(0, d.st.Hour).Add(time.Hour); !now.Before(end) {
			left = limits.Hour
		} else if left <= 0 {
			return nil, end.Sub(now), false, nil
		}
		if room = min(room, left-len(d.flying)); room <= 0 {
			return nil, maxRest, false, nil // until one of them has ended
		}
	}
	p := &picking{d: d, now: d.on.now().UnixNano(), most: room * limits.Batch, perLane: min(limits.Batch, mostOfLane), next: int64(maxRest)}
	if err := p.read(ctx, only); err != nil {
		return nil, 0, false, err
	}
	if wait := p.gather(limits); wait > 0 {
		return nil, wait, false, nil
	}
	begin := slices.ContainsFunc(p.taken, func(e *entry) bool { return !e.Begun })
	if begin || len(p.superseded)+len(p.stale)+len(p.hints) > 0 {
		err := d.update(ctx, func(w *work) error {
			for _, key := range p.stale {
				w.b.Delete(key)
			}
			for _, e := range p.superseded {
				if err := w.supersede(e); err != nil {
					return err
				}
			}
			for _, key := range p.hints {
				w.b.Put(key, nil)
			}
			for _, e := range p.taken {
				if limits.AtMostOnce {
					w.st.Tried = append(w.st.Tried, e.Seq)
				} else if !e.Begun {
					e.Begun = true
					w.entries[e.Seq], w.changed[e.Seq] = e, true
				}
			}
			return nil
		})
		if err != nil {
			return nil, 0, false, err
		}
		if len(p.superseded) > 0 {
			p.next = 0
		}
	}
	batches = p.batches(limits.Batch)
	batches = batches[:min(room, len(batches))]
	for _, batch := range batches {
		for _, e := range batch {
			d.flying[e.Seq], d.lanes[e.Lane] = true, true
		}
	}
	return batches, time.Duration(p.next), d.st.Queued == 0, nil
}

// settle commits what became of tries.
func (d *destination) settle(ctx context.Context, all []tried, b *breaker) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	defer func() {
		for _, t := range all {
			for _, e := range t.batch {
				delete(d.flying, e.Seq)
				delete(d.lanes, e.Lane)
			}
		}
	}()
	for _, t := range all {
		for i := range t.batch {
			switch o := t.outcomes[i]; {
			case o.Result == Delivered:
				b.worked()
			case o.Result == Retry && o.Trouble:
				b.failed(t.batch[i].Lane, &d.on.pauses, d.on.now(), o.After)
			}
		}
	}
	var err error
	for try := 0; try < 5; try++ {
		if err = d.load(ctx); err == nil {
			if err = d.update(ctx, func(w *work) error { return w.settle(all) }); err == nil {
				return nil
			}
		}
		if errors.Is(err, lease.ErrHeld) {
			return fmt.Errorf("another process took the destination over, and may send again: %w", err)
		}
		select {
		case <-time.After(time.Duration(try*try) * 50 * time.Millisecond):
		case <-d.life.Done():
		}
	}
	return err
}
