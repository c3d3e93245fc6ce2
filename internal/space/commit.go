package space

import (
	"errors"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/tx"
)

// commitTries is how often a commit is decided again after a conflict with
// another node; splitTries is how often parts of it are deferred before all of it
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
		c, err := s.try(ctx, change{room: s.takeRoom(), told: true}, func(c *commit) error { return s.plan(c, ws, known) })
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
			if events, ok := c.Dependents(conflict.Keys, len(c.fresh)); ok && parted < splitTries {
				parted++
				s.stats.conflicts.Add(1)
				s.stats.again.Add(int64(c.deferEvents(events)))
				s.forgetTypes(c.newTypes)
				known = c.Reads()
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
func (e *placedEvent) occasion(strand identity.Hash) tx.Occasion {
	return tx.Occasion{Pos: identity.Pos{Moment: e.at, Strand: strand}, MessageID: e.id, Source: e.source}
}

// fill writes what comes with events into the batch.
func (s *Space) fill(c *commit, ws []*ingestRequest) error {
	b := &c.Batch
	n := 0
	for i := range c.fresh {
		e := &c.fresh[i]
		if len(e.users.ids) > 0 {
			n++
		}
		if len(e.account.ids) > 0 {
			n++
		}
	}
	arena := make([]byte, 0, n*codec.EventKeyBytes)
	for i := range c.fresh {
		e := &c.fresh[i]
		for _, sd := range [...]*side{&e.users, &e.account} {
			if len(sd.ids) > 0 {
				at := len(arena)
				arena = codec.Events.Append(arena, s.keys, sd.hash, e.at)
				s.putNew(b, arena[at:len(arena):len(arena)], nil)
			}
		}
	}
	s.stageRows(c)
	c.PutDeferred()
	s.stageTypes(c)
	for _, w := range ws {
		if w.hasDeferred() {
			continue
		}
		if m := w.delivery.Mark; m != nil {
			b.Put(codec.Marks.Key(s.keys, m.Name), m.Value)
		}
		if e := w.delivery.Audit; e != nil {
			if err := s.putAudit(b, *e); err != nil {
				return err
			}
		}
	}
	return nil
}
