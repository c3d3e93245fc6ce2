package deliver

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// settle puts the outcomes of tries into the commit.
func (w *work) settle(all []tried) error {
	limits := w.d.limits()
	var seqs []uint64
	for _, t := range all {
		for _, e := range t.batch {
			seqs = append(seqs, e.Seq)
		}
	}
	if err := w.loadEntries(seqs...); err != nil {
		return err
	}
	var lanes []identity.Hash
	for _, t := range all {
		for i := range t.batch {
			e := w.entries[t.batch[i].Seq]
			if e == nil {
				continue // its destination was emptied meanwhile
			}
			w.b.Delete(w.dueKey(e))
			lanes = append(lanes, e.Lane)
			if err := w.outcome(e, &t.outcomes[i]); err != nil {
				return err
			}
		}
	}
	if limits.AtMostOnce {
		w.st.Tried = slices.DeleteFunc(w.st.Tried, func(n uint64) bool { return slices.Contains(seqs, n) })
	}
	return w.promote(lanes)
}

// outcome does what follows from the outcome of one message.
func (w *work) outcome(e *entry, o *Outcome) error {
	if o.Result != Later {
		e.Tries++
		if e.First == 0 {
			e.First = w.now
		}
	}
	c := &w.st.Counts
	switch o.Result {
	case Delivered:
		c.Delivered++
		c.LastDelivered = w.now
		if hour := w.now - w.now%int64(time.Hour); w.st.Hour != hour {
			w.st.Hour, w.st.HourCount = hour, 0
		}
		w.st.HourCount++
		return w.gone(e)
	case Later:
		e.Next = w.now + int64(max(o.After, time.Second))
		w.changed[e.Seq] = true
		return nil
	case Refused, Dropped, Unknown:
		if o.Bounced != "" {
			if err := w.bounce(o.Bounced, o.Reason); err != nil {
				return err
			}
		}
		return w.bury(e, o.Result, o.Reason)
	}
	// Its content may change until the next try, unless it may be known by this one, or by
	// one before the process ended.
	lost := o.Result == Retry && !o.NotTaken && !w.d.limits().AtMostOnce
	e.Maybe = e.Maybe || lost || e.Begun && e.Seq <= w.d.since
	e.Begun = false
	c.Failures++
	c.LastFailed, c.LastReason = w.now, o.Reason
	e.Reason = o.Reason
	if o.Result == Disabled {
		if w.d.stoppedBy(&w.st) == nil {
			w.st.Stopped = &Stopped{Reason: o.Reason, At: w.now, Revision: w.d.revision}
			w.d.on.log.Warn("a destination is stopped", "space", w.d.on.space, "destination", w.d.def.Key, "reason", o.Reason)
		}
		e.Next = w.now
		w.changed[e.Seq] = true
		return nil
	}
	if pause := w.d.on.pauses.GiveUp; w.now-e.First > int64(pause) {
		return w.bury(e, Refused, "given up after "+SpanText(pause)+": "+o.Reason)
	}
	e.Next = w.now + int64(max(w.d.on.pauses.after(e.Tries), o.After))
	w.changed[e.Seq] = true
	return nil
}

// bounce lets no mail go any more to an address that a server refused for good.
func (w *work) bounce(address, why string) error {
	key := codec.Suppressed.Key(w.d.on.keys, w.d.on.addressHash(address))
	old, err := w.r.Get(w.ctx, key)
	if err != nil || old[0] != nil {
		return err
	}
	v, err := json.Marshal(&Suppression{Reason: Bounced, At: w.now, Detail: why})
	if err == nil {
		w.b.Require(key, nil) // somebody may unsubscribe at this moment
		w.b.Put(key, v)
	}
	return err
}

// gone takes a message out of the queue that needs not be sent any more.
func (w *work) gone(e *entry) error {
	w.drop(e)
	if !e.Message.IsValue() || e.Message.Value != nil {
		return nil
	}
	// That something is so no more needs no row once it was said.
	told, err := w.told(collectionOf(e.Message.Profile), e.Message.Identifier)
	if err != nil {
		return err
	}
	if s := told[e.Message.Identifier][e.Name]; s.Pending == e.Seq && s.Value == nil {
		w.put(row{w.d.hashOf(collectionOf(e.Message.Profile), e.Message.Identifier), e.Name}, said{})
	}
	return nil
}

// bury makes a message a dead letter.
func (w *work) bury(e *entry, r Result, why string) error {
	dead := &deadLetter{entry: *e, Result: r, Why: why, At: w.now}
	v, err := dead.encode()
	if err != nil {
		return err
	}
	switch r {
	case Dropped:
		w.st.Counts.Dropped++
	case Unknown:
		w.st.Counts.Unknown++
	default:
		w.st.Counts.Refused++
	}
	w.st.Dead++
	w.b.Delete(w.dueKey(e))
	w.b.Put(codec.DeadLetters.Key(w.d.on.keys, w.d.number, e.Seq), v)
	return w.gone(e)
}

// promote makes what is first in lanes now due.
func (w *work) promote(lanes []identity.Hash) error {
	ranges := make([]kv.Range, len(lanes))
	for i, l := range lanes {
		from, to := codec.Under(codec.DeliveryLanes.Of2(w.d.on.keys, w.d.number, l))
		ranges[i] = kv.Range{From: from, To: to}
	}
	pages, err := w.r.Scans(w.ctx, ranges, min(w.d.limits().Batch, mostOfLane)+1, false)
	if err != nil {
		return err
	}
	for _, page := range pages {
		for _, row := range page {
			_, _, seq, ok := codec.DeliveryLanes.Parse(row.Key)
			if !ok {
				return kv.ErrCorrupt
			}
			if err := w.loadEntries(seq); err != nil {
				return err
			}
			if e := w.entries[seq]; e != nil {
				w.b.Put(w.dueKey(e), nil)
				break
			}
		}
	}
	return nil
}
