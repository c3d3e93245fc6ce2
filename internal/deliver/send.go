package deliver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/lease"
)

// mostOfLane is how many messages of a lane go in one batch.
const mostOfLane = 100

// pick takes the first messages of lanes that are due, in at most room batches, and
// marks them as being under way. next is when to look again; empty: nothing is due in
// the next half minute and nothing waits at all; then next is 0 if the destination is stopped. only, if it is set, is the one lane
// that is taken, due or not.
func (d *destination) pick(ctx context.Context, room int, limits Limits, only identity.Hash) (batches [][]*entry, next time.Duration, empty bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.load(ctx); err != nil {
		return nil, 0, false, err
	}
	if d.stoppedBy(&d.st) != nil {
		return nil, 0, true, nil
	}
	if d.st.Queued == 0 {
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
	if begin || len(p.stale)+len(p.hints) > 0 {
		err := d.update(ctx, func(w *work) error {
			for _, key := range p.stale {
				w.b.Delete(key)
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
func (d *destination) settle(ctx context.Context, all []tried) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	defer func() {
		for _, t := range all {
			d.land(t.batch)
		}
	}()
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
	d.loaded = false // what was tried then counts as begun, and is not replaced
	return err
}
