package space

import (
	"github.com/selfsame-id/selfsame/internal/space/codec"

	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
)

// commitTries is how often a commit is decided again after a conflict with
// another node; partTries is how often parts of it are set aside before all of it
// is read again.
const (
	commitTries = 12
	partTries   = 30
)

// commit takes deliveries through dedupe, resolve, apply and feed in one
// durable commit. When another node came in between, what does not depend on
// what it changed is committed all the same, and the rest of the deliveries is
// left to the next commit: w.events is what is left of each.
func (s *Space) commit(ws []*work) error {
	ctx := s.life
	var known map[string][]byte // what the last try read, if only parts of it are out of date
	for tries, parted := 0, 0; ; {
		c, err := s.guardedPlan(ctx, ws, known)
		if errors.Is(err, errGiveWay) {
			s.gaveWay = s.notice
			s.tidy(c)
			select {
			case <-time.After(giveWay):
				continue
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if errors.Is(err, errClockBehind) {
			s.forgetTypes(c.newTypes)
			s.tidy(c)
			continue
		}
		if err == nil {
			err = s.land(ctx, c)
		}
		var conflict *kv.Conflict
		if errors.As(err, &conflict) {
			if events, ok := c.desk.parts.depend(s.keys, conflict.Keys, len(c.fresh)); ok && parted < partTries {
				parted++
				s.stats.conflicts.Add(1)
				s.stats.again.Add(int64(c.putAside(events)))
				s.forgetTypes(c.newTypes)
				known = c.desk.read
				maps.Copy(known, c.desk.saw)
				s.tidy(c)
				if allWait(ws) {
					s.settle(ws, nil)
					return nil
				}
				continue
			}
		}
		receipts, types := c.receipts, c.newTypes
		if err == nil {
			s.tidy(c)
			s.settle(ws, receipts)
			return nil
		}
		s.stats.again.Add(int64(len(c.fresh)))
		if conflict != nil && s.written(c, conflict) {
			s.lostLane = true
		}
		s.tidy(c)
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
			w.suspectAll()
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

// putAside leaves events for the next commit, and with each what its request holds
// behind it of the same time: that has to arrive later. It returns how many these are.
func (c *commitPlan) putAside(events []int) (n int) {
	for _, i := range events {
		c.fresh[i].aside = true
	}
	type moment struct {
		work int
		time int64
	}
	follow := map[moment]bool{}
	for i := range c.fresh {
		e := &c.fresh[i]
		m := moment{e.work, e.at.Time}
		if e.aside = e.aside || follow[m]; e.aside {
			follow[m] = true
			n++
		}
	}
	return n
}

// errClockBehind: a commit read of an event that arrived later than what it was about
// to store, for the clocks of nodes disagree. The lane's clock is moved, and it is
// planned again.
var errClockBehind = errors.New("the clock is behind what is stored")

// written reports whether a conflict is with the record of the commit itself: an
// earlier one of this lane, whose fate was not known, has happened after all.
func (s *Space) written(c *commitPlan, conflict *kv.Conflict) bool {
	own := codec.FeedRecords.Key(s.keys, c.record.Lane, c.record.Seq)
	return slices.ContainsFunc(conflict.Keys, func(k []byte) bool { return string(k) == string(own) })
}

// again does f again, after a pause, for as long as it conflicts with other nodes.
// ErrBusy ends what was done too often.
func (s *Space) again(ctx context.Context, f func() error) error {
	for try := 0; ; try++ {
		err := f()
		if !errors.Is(err, kv.ErrConflict) {
			return err
		}
		s.stats.conflicts.Add(1)
		if try == commitTries {
			return ErrBusy
		}
		if err := s.pause(ctx, try); err != nil {
			return err
		}
	}
}

// pause waits for a random time that grows with the tries.
func (s *Space) pause(ctx context.Context, try int) error {
	select {
	case <-time.After(time.Duration(rand.Int64N(int64(2*time.Millisecond) << min(try, 6)))):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// settle leaves of each delivery what was set aside. receipts tell of the rest,
// which is done; nil: nothing is.
func (s *Space) settle(ws []*work, receipts []Receipt) {
	for k, w := range ws {
		if receipts != nil {
			w.receipt.add(&receipts[k])
			if !w.waits() {
				w.delivery.Rejects, w.delivery.Resolves = nil, nil
			}
		}
		left := w.events[:0]
		for i := range w.events {
			if e := &w.events[i]; e.aside {
				e.aside, e.suspect = false, true
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

// commitPlan is what one commit will write, and what is learned when it lands.
type commitPlan struct {
	desk        *Tx
	rules       *identity.Ruleset
	batch       kv.Batch
	record      feed.Record
	receipts    []Receipt
	fresh       []placedEvent
	clock       uint64 // of the first block
	lane        uint64 // of the blocks
	blocks      uint64 // used
	rejects     int
	newTypes    []string // noted by this plan; oldTypes made room for them
	oldTypes    []string
	repeats     int
	used        []*prepared // whose messageIds other events had before
	counts      rejectCounts
	openRejects map[sameReject]*openReject
	sources     []sourceNews
	tally       tallied
}

// placedEvent is an event that is no repeat, with its place in the journal.
type placedEvent struct {
	*prepared
	work   int
	source string
	at     event.Moment
	// settled sides need no decision; the cache said so.
	userSettled, accountSettled       bool
	userUnresolved, accountUnresolved bool
	traits                            bool
}

// sighting is the event as identity sees it, in a strand.
func (e *placedEvent) sighting(strand identity.Hash) sighting {
	return sighting{identity.Pos{Moment: e.at, Strand: strand}, e.id, e.source}
}

// block is the number of the n-th block of the commit, from 0.
func (c *commitPlan) block(n uint64) event.Block {
	return event.NewBlock(c.clock+n, uint32(c.lane))
}

// tidy keeps the room of a plan for the next one.
func (s *Space) tidy(c *commitPlan) {
	c.desk.clear()
	c.batch.Reset()
	clear(c.fresh)
	s.spare = &commitPlan{desk: c.desk, batch: c.batch, fresh: c.fresh[:0]}
}

// guardedPlan is plan, except that a mistake of ours or a store that contradicts
// itself costs the deliveries at hand and not the process: SDKs send again, so a
// process that ended would end again and again.
func (s *Space) guardedPlan(ctx context.Context, ws []*work, known map[string][]byte) (c *commitPlan, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("a commit could not be decided", "space", s.cfg.ID, "panic", p, "stack", string(debug.Stack()))
			c = &commitPlan{desk: s.newTx(ctx, nil, nil, time.Time{})}
			err = fmt.Errorf("%w: what is stored contradicts itself", kv.ErrCorrupt)
		}
	}()
	return s.plan(ctx, ws, known)
}

// fill writes the plan into its batch.
func (s *Space) fill(c *commitPlan, ws []*work) error {
	d, b := c.desk, &c.batch
	d.write(b)
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
				arena = codec.Events.Append(arena, d.keys, sd.hash, e.at)
				s.putNew(b, arena[at:len(arena):len(arena)], nil)
			}
		}
	}
	for i := range d.seeds {
		b.Put(d.seeds[i].Key(d.keys), d.seeds[i].Append(nil))
	}
	s.stageTypes(c)
	for _, w := range ws {
		if w.waits() {
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
	s.closePlan(c)
	return nil
}

// putNew puts a key that cannot be there, because its block is this lane's. A
// shared store is told so: it need not look first. An exclusive one would look.
func (s *Space) putNew(b *kv.Batch, key, value []byte) {
	if s.store.Exclusive() {
		b.Put(key, value)
	} else {
		b.Insert(key, value)
	}
}

// closePlan adds what every commit has: the feed record, counters, and on a
// shared store the preconditions.
func (s *Space) closePlan(c *commitPlan) {
	d, b := c.desk, &c.batch
	if d.counters != (codec.Counters{}) {
		total := s.counters
		total.Add(d.counters)
		b.Put(codec.LaneCounters.Key(d.keys, s.lane), total.Append(nil))
	}
	s.stageSources(c)
	c.record.Events = len(c.fresh)
	b.Count(len(c.fresh))
	c.record.Time = max(c.record.Time, s.feedTime) // within a lane time never goes back
	for i := range d.changes {
		if rec := d.profiles[d.changeOf[i]]; rec != nil {
			d.changes[i].Version = rec.Version
		}
	}
	c.record.Changes = d.changes
	// The record is inserted, never overwritten: it is also the commit's token.
	s.putNew(b, codec.FeedRecords.Key(d.keys, c.record.Lane, c.record.Seq), c.record.Append(nil))
	for k, v := range d.read {
		b.Require([]byte(k), v)
	}
	if d.read != nil {
		b.Require(codec.Rules.Key(d.keys), s.ruleBytes)
	}
}

// land commits a plan and learns from it.
func (s *Space) land(ctx context.Context, c *commitPlan) error {
	if err := s.stageTally(ctx, c); err != nil {
		return err
	}
	began := time.Now()
	err := s.store.Commit(ctx, &c.batch)
	if errors.Is(err, kv.ErrUnknown) {
		if err = s.findOut(ctx, c, err); err != nil && !s.store.Exclusive() {
			// The commit may be there after all, and with it the record that
			// comes next in this lane.
			s.lostLane = true
		}
	}
	s.stats.commit.Add(int64(time.Since(began)))
	if err != nil {
		s.tally.known = false
		return err
	}
	d := c.desk
	if s.store.Exclusive() {
		s.cache.learn(c.rules, d.strands)
	}
	if s.memory != nil {
		s.memory.learn(d)
	}
	s.repeats.landed(c)
	s.pairs.learn(c.fresh)
	if s.lastID.Less(d.lastID) { // not every transaction knows of one
		s.lastID = d.lastID
	}
	if c.blocks > 0 {
		s.clock = c.clock + c.blocks - 1
	}
	s.feedSeq++
	s.feedTime = c.record.Time
	if c.tally.known {
		s.tally = c.tally
	}
	s.counters.Add(d.counters)
	s.pending.Add(int64(len(d.seeds)))
	s.rejectsLanded(c)
	s.sourcesLanded(c)
	st := &s.stats
	st.commits.Add(1)
	st.events.Add(int64(len(c.fresh)))
	st.repeats.Add(int64(c.repeats))
	st.rejected.Add(int64(c.rejects))
	st.unresolved.Add(d.counters.Unresolved)
	st.profiles.Add(d.counters.Profiles)
	st.strands.Add(d.counters.Strands)
	st.created.Add(int64(d.created))
	st.merges.Add(int64(d.merges))
	st.unmerges.Add(int64(d.unmerges))
	st.demotions.Add(int64(d.demoted))
	st.replays.Add(d.replays)
	st.decisions.Add(d.decisions)
	return nil
}

// findOut learns the fate of a commit whose outcome is unknown: its feed record
// is there or not. The lane is ours alone, so a record there is this commit's;
// and since the record is inserted, trying again cannot write twice.
func (s *Space) findOut(ctx context.Context, c *commitPlan, err error) error {
	key := codec.FeedRecords.Key(c.desk.keys, c.record.Lane, c.record.Seq)
	for try := 0; try < commitTries; try++ {
		select {
		case <-time.After(20 * time.Millisecond << min(try, 6)):
		case <-ctx.Done():
			return err
		}
		r, rerr := s.store.Snapshot(ctx)
		if rerr != nil {
			continue
		}
		values, rerr := r.Get(ctx, key)
		r.Close()
		if rerr != nil {
			continue
		}
		if values[0] != nil {
			return nil
		}
		if !errors.Is(err, kv.ErrUnknown) {
			return err
		}
		err = s.store.Commit(ctx, &c.batch)
		if err == nil {
			return nil
		}
	}
	return err
}
