package deliver

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// baselinePage is how many profiles one commit of a baseline takes.
const baselinePage = 500

// takeBaseline takes one step towards having the baseline of all that is subscribed
// and complete. The cursor in the feed does not move meanwhile, so what changes while
// profiles are walked is seen afterwards. The caller holds mu.
func (d *destination) takeBaseline(ctx context.Context, about map[string]subscribed) (done bool, err error) {
	if d.st.Baseline == nil {
		next := d.nextBaseline(about)
		if next == nil {
			return true, nil
		}
		return false, d.update(ctx, func(w *work) error {
			next.At = w.now
			w.st.Baseline = next
			return nil
		})
	}
	of := map[string]subscribed{}
	for _, name := range d.st.Baseline.Names {
		if s, still := about[name]; still && s.Complete {
			of[name] = s
		}
	}
	page, next, err := d.on.source.Walk(ctx, d.st.Baseline.After, baselinePage, d.st.Baseline.CatchUp)
	if err == nil {
		err = d.stillComplete(ctx, of)
	}
	if errors.Is(err, errStale) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return false, d.update(ctx, func(w *work) error {
		silent := int64(0)
		if !d.def.InitialSend && !d.st.Baseline.CatchUp {
			silent = d.st.Baseline.At
		}
		for _, p := range page {
			if err := w.compare(p, of, nil, silent); err != nil {
				return err
			}
		}
		w.st.Baseline.After = next
		w.st.Baseline.Done += int64(len(page))
		if next != "" {
			return nil
		}
		known := maps.Clone(w.st.Known)
		if known == nil {
			known = map[string]bool{}
		}
		for name := range of {
			known[name] = true
		}
		w.st.Known, w.st.Baseline = known, nil
		return nil
	})
}

// nextBaseline is the one that has to be taken next; nil: none has.
func (d *destination) nextBaseline(about map[string]subscribed) *baseline {
	var fresh, behind []string
	for name, s := range about {
		switch current, known := d.st.Known[name]; {
		case !s.Complete || current:
		case known:
			behind = append(behind, name)
		default:
			fresh = append(fresh, name)
		}
	}
	slices.Sort(fresh)
	slices.Sort(behind)
	switch {
	case len(fresh) > 0:
		return &baseline{Names: fresh}
	case len(behind) > 0:
		return &baseline{Names: behind, CatchUp: true}
	}
	return nil
}

// leavePage is how many rows of the ledger are looked at in one commit.
const leavePage = 2_000

// leave takes one step towards a ledger without names that are subscribed no more.
// Nobody is told: a deleted audience leaves nothing behind. The caller holds mu.
func (d *destination) leave(ctx context.Context, about map[string]subscribed) (done bool, err error) {
	if !slices.Equal(d.st.Hears, d.def.Identifiers) {
		// Other identifiers hear now: what they have not heard is their baseline.
		return false, d.update(ctx, func(w *work) error {
			w.st.Hears, w.st.Known, w.st.Baseline = d.def.Identifiers, nil, nil
			return nil
		})
	}
	if d.st.Leaving == nil {
		var names, behind []string
		for name, current := range d.st.Known {
			if s, still := about[name]; !still {
				names = append(names, name)
			} else if !s.Complete && current {
				behind = append(behind, name)
			}
		}
		if len(behind) > 0 {
			// Disabled, or computed over history again: it is not followed until then.
			return false, d.update(ctx, func(w *work) error {
				for _, name := range behind {
					w.st.Known[name] = false
				}
				return nil
			})
		}
		if len(names) == 0 {
			return true, nil
		}
		slices.Sort(names)
		return false, d.update(ctx, func(w *work) error {
			w.st.Leaving = &leaving{Names: names}
			for _, name := range names {
				delete(w.st.Known, name)
			}
			if w.st.Baseline != nil {
				w.st.Baseline = nil // it begins anew, of what is subscribed now
			}
			return nil
		})
	}
	return false, d.update(ctx, func(w *work) error {
		from, to := codec.Under(codec.Ledger.Of(d.on.keys, d.number))
		if len(d.st.Leaving.After) > 0 {
			from = kv.After(d.st.Leaving.After)
		}
		rows, err := w.r.Scan(ctx, from, to, leavePage, false)
		if err != nil {
			return err
		}
		var pending []uint64
		for _, e := range rows {
			_, who, name, ok := codec.Ledger.Parse(e.Key)
			if !ok {
				return kv.ErrCorrupt
			}
			if !slices.Contains(d.st.Leaving.Names, name) {
				continue
			}
			s, err := decodeSaid(e.Value)
			if err != nil {
				return err
			}
			w.put(row{who, name}, said{})
			if s.Pending != 0 {
				pending = append(pending, s.Pending)
			}
		}
		if err := w.loadEntries(pending...); err != nil {
			return err
		}
		for _, seq := range pending {
			if e := w.entries[seq]; e != nil && !d.flying[seq] {
				w.remove(e)
			}
		}
		if len(rows) < leavePage {
			w.st.Leaving = nil
			return nil
		}
		w.st.Leaving.After = bytes.Clone(rows[len(rows)-1].Key)
		return nil
	})
}

// forgetIn has a commit remove everything that the store has of a destination.
func forgetIn(b *kv.Batch, keys codec.Keyspace, number uint32) {
	for _, prefix := range [][]byte{
		codec.Ledger.Of(keys, number), codec.DeliveryQueue.Of(keys, number), codec.DeliveryLanes.Of(keys, number),
		codec.DeliveryDue.Of(keys, number), codec.DeadLetters.Of(keys, number), codec.MailLog.Of(keys, number),
		codec.DestinationStates.Key(keys, number),
	} {
		from, to := codec.Under(prefix)
		b.DeleteRange(from, to)
	}
}

// forgetAll removes everything that the store has of a destination.
func forgetAll(ctx context.Context, store kv.Store, keys codec.Keyspace, number uint32) error {
	var b kv.Batch
	forgetIn(&b, keys, number)
	if err := store.Commit(ctx, &b); err != nil && !errors.Is(err, kv.ErrUnknown) {
		return err
	}
	return nil
}
