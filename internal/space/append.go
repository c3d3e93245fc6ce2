package space

import (
	"slices"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/space/dedupe"
	"github.com/selfsame-id/selfsame/internal/space/journal"
)

// appendEvents gives the events that are unseen their places in the journal, stages
// their blocks, and counts the others in the receipts. found is what dropDuplicates
// says of the events of all deliveries.
func (s *Space) appendEvents(c *commit, ws []*ingestRequest, found []dedupe.Seen) {
	c.fresh = slices.Grow(c.fresh, len(found))
	blocks := journal.NewAppender(s.keys, &s.packer, c.block(0), func(key, value []byte) { s.putNew(&c.Batch, key, value) })
	at := 0
	for k, w := range ws {
		of := found[at : at+len(w.events)]
		at += len(w.events)
		if c.countSeen(k, w, of) < len(of) {
			c.appendWork(blocks, k, w, of)
		}
	}
	blocks.Flush()
	c.record.Blocks = blocks.Blocks()
	c.blocks = uint64(len(c.record.Blocks))
	s.dedupe.stage(c)
}

// countSeen counts the events of a delivery that are not stored, and returns how many
// these are.
func (c *commit) countSeen(k int, w *ingestRequest, found []dedupe.Seen) (n int) {
	for i, f := range found {
		if f == dedupe.Unseen {
			continue
		}
		n++
		switch {
		case w.events[i].deferred:
		case f == dedupe.UsedBefore:
			c.used = append(c.used, &w.events[i])
			c.receipts[k].IDUsed++
		default:
			c.repeats++
			c.receipts[k].Repeats++
		}
	}
	return n
}

// appendWork appends the unseen events of a delivery. Runs of bodies that were packed
// ahead are taken as they are if all their events are unseen. What is left of the
// others, and what was not packed ahead, is packed together with events of other
// deliveries: a body that is no event must not be stored, for nobody would find it
// when its person is erased.
func (c *commit) appendWork(blocks *journal.Appender, k int, w *ingestRequest, found []dedupe.Seen) {
	place := func(e *prepared, at event.Arrival) {
		c.fresh = append(c.fresh, placedEvent{prepared: e, request: k, source: w.delivery.Source, at: e.msg.At(at)})
	}
	add := func(first, end int) {
		for i := first; i < end; i++ {
			if e := &w.events[i]; found[i] == dedupe.Unseen {
				place(e, blocks.Add(e.head(), e.msg))
			}
		}
	}
	if len(w.packed) == 0 {
		add(0, len(w.events))
		return
	}
	for _, run := range w.packed {
		end := run.First + run.Count
		if slices.ContainsFunc(found[run.First:end], func(f dedupe.Seen) bool { return f != dedupe.Unseen }) {
			add(run.First, end)
			continue
		}
		heads := make([]journal.Head, run.Count)
		for o := range heads {
			heads[o] = w.events[run.First+o].head()
		}
		block := blocks.AddPacked(heads, run.Bodies)
		for o := range heads {
			place(&w.events[run.First+o], block.At(o))
		}
	}
}

// head is what the journal says of the event besides its body.
func (e *prepared) head() journal.Head {
	h := journal.Head{
		Time: e.msg.Time, ReceivedAt: e.msg.ReceivedAt, Source: e.source,
		Type: e.msg.Type, Name: journal.NameHash(e.msg.Name), MessageHash: e.hash,
		User: e.users.hash, HasUser: len(e.users.ids) > 0,
		Account: e.account.hash, HasAccount: len(e.account.ids) > 0,
	}
	if e.given {
		h.GivenID = e.id
	}
	return h
}
