package space

import (
	"errors"
	"maps"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// commitTries is how often a commit is decided again after a conflict with
// another node; partTries is how often parts of it are deferred before all of it
// is read again.
const (
	commitTries = 12
	splitTries  = 30
)

// commit takes deliveries through dedupe, resolve, apply and feed in one
// durable commit. When another node came in between, what does not depend on
// what it changed is committed all the same, and the rest of the deliveries is
// left to the next commit: w.events is what is left of each.
func (s *Space) commit(ws []*ingestRequest) error {
	ctx := s.life
	var known map[string][]byte // what the last try read, if only parts of it are out of date
	for tries, parted := 0, 0; ; {
		c, err := s.try(ctx, change{room: s.takeRoom(), told: true}, func(d *Tx) error { return s.plan(d, ws, known) })
		if errors.Is(err, errYield) {
			s.yielded = s.notice
			s.recycle(c)
			select {
			case <-time.After(yieldPause):
				continue
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if errors.Is(err, errClockBehind) {
			s.forgetTypes(c.newTypes)
			s.recycle(c)
			continue
		}
		var conflict *kv.Conflict
		if errors.As(err, &conflict) {
			if events, ok := c.dependencies.dependents(s.keys, conflict.Keys, len(c.fresh)); ok && parted < splitTries {
				parted++
				s.stats.conflicts.Add(1)
				s.stats.again.Add(int64(c.deferEvents(events)))
				s.forgetTypes(c.newTypes)
				known = c.read
				maps.Copy(known, c.saw)
				s.recycle(c)
				if allDeferred(ws) {
					s.finishRequests(ws, nil)
					return nil
				}
				continue
			}
		}
		receipts, types := c.receipts, c.newTypes
		if err == nil {
			s.recycle(c)
			s.finishRequests(ws, receipts)
			return nil
		}
		s.stats.again.Add(int64(len(c.fresh)))
		if conflict != nil && s.written(c, conflict) {
			s.lostLane = true
		}
		s.recycle(c)
		s.forgetTypes(types)
		if known != nil && errors.Is(err, kv.ErrCorrupt) {
			// What was read at different moments may not go together.
			known = nil
			continue
		}
		if !errors.Is(err, kv.ErrConflict) {
			return err
		}
		s.stats.conflicts.Add(1)
		for _, w := range ws {
			w.recheckAll()
		}
		known = nil
		if tries++; tries > commitTries {
			return ErrBusy
		}
		if err := s.pause(ctx, tries); err != nil {
			return err
		}
	}
}

// deferEvents leaves events for the next commit, and with each what its request holds
// behind it of the same time: that has to arrive later. It returns how many these are.
func (c *Tx) deferEvents(events []int) (n int) {
	for _, i := range events {
		c.fresh[i].deferred = true
	}
	type moment struct {
		work int
		time int64
	}
	follow := map[moment]bool{}
	for i := range c.fresh {
		e := &c.fresh[i]
		m := moment{e.request, e.at.Time}
		if e.deferred = e.deferred || follow[m]; e.deferred {
			follow[m] = true
			n++
		}
	}
	return n
}

// finishRequests leaves of each delivery what was deferred. receipts tell of the rest,
// which is done; nil: nothing is.
func (s *Space) finishRequests(ws []*ingestRequest, receipts []Receipt) {
	for k, w := range ws {
		if receipts != nil {
			w.receipt.add(&receipts[k])
			if !w.hasDeferred() {
				w.delivery.Rejects, w.delivery.Resolves = nil, nil
			}
		}
		left := w.events[:0]
		for i := range w.events {
			if e := &w.events[i]; e.deferred {
				e.deferred, e.recheck = false, true
				left = append(left, *e)
			}
		}
		w.events = left
		if len(left) > 0 {
			w.tries++
			w.packed = nil
		}
	}
}

// placedEvent is an event that is no repeat, with its place in the journal.
type placedEvent struct {
	*prepared
	request int
	source  string
	at      event.Moment
	// settled sides need no decision; the cache said so.
	userSettled, accountSettled       bool
	userUnresolved, accountUnresolved bool
	traits                            bool
}

// occasion is the event as identity sees it, in a strand.
func (e *placedEvent) occasion(strand identity.Hash) occasion {
	return occasion{identity.Pos{Moment: e.at, Strand: strand}, e.id, e.source}
}

// block is the number of the n-th block of the commit, from 0.
func (c *Tx) block(n uint64) event.Block {
	return event.NewBlock(c.clock+n, uint32(c.lane))
}

// takeRoom takes the room of the last transaction; nil if there is none.
func (s *Space) takeRoom() *Tx {
	d := s.spare
	s.spare = nil
	return d
}

// recycle keeps the room of a transaction for the next one.
func (s *Space) recycle(c *Tx) {
	c.clear()
	s.spare = c
}

// fill writes what comes with events into the batch.
func (s *Space) fill(d *Tx, ws []*ingestRequest) error {
	b := &d.batch
	n := 0
	for i := range d.fresh {
		e := &d.fresh[i]
		if len(e.users.ids) > 0 {
			n++
		}
		if len(e.account.ids) > 0 {
			n++
		}
	}
	arena := make([]byte, 0, n*codec.EventKeyBytes)
	for i := range d.fresh {
		e := &d.fresh[i]
		for _, sd := range [...]*side{&e.users, &e.account} {
			if len(sd.ids) > 0 {
				at := len(arena)
				arena = codec.Events.Append(arena, d.keys, sd.hash, e.at)
				s.putNew(b, arena[at:len(arena):len(arena)], nil)
			}
		}
	}
	s.stageRows(d)
	d.putSeeds(b)
	s.stageTypes(d)
	for _, w := range ws {
		if w.hasDeferred() {
			continue
		}
		if m := w.delivery.Mark; m != nil {
			b.Put(codec.Marks.Key(d.keys, m.Name), m.Value)
		}
		if e := w.delivery.Audit; e != nil {
			if err := s.putAudit(b, *e); err != nil {
				return err
			}
		}
	}
	return nil
}
