package space

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
)

// commitTries is how often a commit is decided again after a conflict with
// another node.
const commitTries = 12

// commit takes deliveries through dedupe, resolve, apply and feed in one
// durable commit. When another node came in between, what does not depend on
// what it changed is committed all the same, and the rest of the deliveries is
// left to the next commit: w.events is what is left of each.
func (s *Space) commit(ws []*work) error {
	ctx := s.life
	var known map[string][]byte // what the last try read, if only parts of it are out of date
	for tries := 0; ; {
		c, err := s.guardedPlan(ctx, ws, known)
		if err == nil && allWait(ws) {
			s.tidy(c)
			s.settle(ws, nil)
			return s.pause(ctx, ws)
		}
		if err == nil {
			err = s.land(ctx, c)
		}
		var conflict *kv.Conflict
		if errors.As(err, &conflict) {
			if events, ok := c.desk.parts.depend(s.keys, conflict.Keys, len(c.fresh)); ok {
				for _, i := range events {
					c.fresh[i].aside = true
				}
				s.stats.conflicts.Add(1)
				s.stats.again.Add(int64(len(events)))
				s.forgetTypes(c.newTypes)
				known = c.desk.read
				maps.Copy(known, c.desk.saw)
				s.tidy(c)
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
		known = nil
		if tries++; tries > commitTries {
			return errBusy
		}
		if err := s.rest(ctx, tries); err != nil {
			return err
		}
	}
}

// errBusy ends what was decided again too often.
var errBusy = fmt.Errorf("%w: other nodes changed the same profiles again and again", kv.ErrUnavailable)

// rest waits for a random time that grows with the tries.
func (s *Space) rest(ctx context.Context, try int) error {
	select {
	case <-time.After(time.Duration(rand.Int64N(int64(2*time.Millisecond) << min(try, 6)))):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pause gives other nodes time when nothing of deliveries could be taken.
func (s *Space) pause(ctx context.Context, ws []*work) error {
	most := 0
	for _, w := range ws {
		most = max(most, w.tries)
	}
	return s.rest(ctx, most)
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
				e.aside = false
				left = append(left, *e)
			}
		}
		w.events = left
		if len(left) > 0 {
			w.tries++
			w.blocks = nil
		}
	}
}

// commitPlan is what one commit will write, and what is learned when it lands.
type commitPlan struct {
	desk     *desk
	rules    *identity.Ruleset
	batch    kv.Batch
	record   feed.Record
	receipts []Receipt
	fresh    []placedEvent
	blocks   uint64 // used
	rejects  int
	newTypes []string
	repeats  int
	counts   map[rejectKey]int64
	tally    tallied
}

// placedEvent is an event that is no repeat, with its place in the journal.
type placedEvent struct {
	*prepared
	work    int
	source  string
	block   uint64
	ordinal int
	// settled sides need no decision; the cache said so.
	userSettled, accountSettled       bool
	userUnresolved, accountUnresolved bool
	traits                            bool
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
			c = &commitPlan{desk: s.newDesk(ctx, nil, nil, time.Time{})}
			err = fmt.Errorf("%w: what is stored contradicts itself", kv.ErrCorrupt)
		}
	}()
	return s.plan(ctx, ws, known)
}

// plan decides what a commit will write. It returns a plan in every case. known
// is what an earlier try read.
func (s *Space) plan(ctx context.Context, ws []*work, known map[string][]byte) (*commitPlan, error) {
	began := time.Now()
	defer func() { s.stats.plan.Add(int64(time.Since(began))) }()

	c := s.spare
	s.spare = nil
	if c == nil {
		c = &commitPlan{desk: s.newDesk(ctx, nil, nil, time.Time{})}
	}
	if err := s.renewLane(ctx); err != nil {
		return c, err
	}
	now := s.cfg.Now()
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return c, err
	}
	defer r.Close()
	d := c.desk
	if err := s.lookAtRules(ctx, r); err != nil {
		return c, err
	}
	rs := s.rules.Load()
	for _, w := range ws {
		if w.rules != rs {
			s.prepare(w)
		}
	}
	s.sit(d, ctx, r, rs, now)
	d.lastID, d.memory = s.lastID, s.memory
	if !s.store.Exclusive() {
		d.known, d.saw, d.parts = known, map[string][]byte{}, newParts()
	}
	c.rules, c.receipts = rs, make([]Receipt, len(ws))
	c.record = feed.Record{Lane: s.lane, Seq: s.feedSeq + 1, Time: now.UnixNano()}

	if err := s.sift(ctx, c, ws, now); err != nil {
		return c, err
	}
	d.makeNews = func() map[identity.Hash][]identity.Pos { return newsOf(c.fresh) }
	if err := s.fetch(c); err != nil {
		return c, err
	}
	for i := range c.fresh {
		e := &c.fresh[i]
		d.decide(i)
		if ws[e.work].whole {
			d.parts.touch(kindDelivery, binary.BigEndian.AppendUint32(nil, uint32(e.work)))
		}
		if err := s.take(c, e); err != nil {
			return c, err
		}
	}
	d.decide(none)
	if err := s.setTraits(c); err != nil {
		return c, err
	}
	if err := s.pair(c); err != nil {
		return c, err
	}
	if err := s.takeRejects(c, ws, now); err != nil {
		return c, err
	}
	return c, s.fill(c, ws)
}

// lookAtRules makes sure, on a shared store, that the rules at work here are
// those of the snapshot.
func (s *Space) lookAtRules(ctx context.Context, r kv.Reader) error {
	if s.store.Exclusive() {
		return nil
	}
	got, err := r.Get(ctx, s.keys.key(kindRules))
	if err != nil {
		return err
	}
	return s.refresh(ctx, r, got[0])
}

// newsOf lists the events of a commit by strand.
func newsOf(fresh []placedEvent) map[identity.Hash][]identity.Pos {
	news := map[identity.Hash][]identity.Pos{}
	for i := range fresh {
		e := &fresh[i]
		for _, sd := range [...]*side{&e.users, &e.account} {
			if len(sd.ids) > 0 {
				// A replay may keep the place in a strand, longer than the body.
				news[sd.hash] = append(news[sd.hash], identity.Pos{Time: e.msg.Time, MessageID: strings.Clone(e.id), Strand: sd.hash})
			}
		}
	}
	return news
}

// fetch reads what the decisions will need, in three round trips whatever the
// number of events.
func (s *Space) fetch(c *commitPlan) error {
	d := c.desk
	var strands []identity.Hash
	for i := range c.fresh {
		e := &c.fresh[i]
		e.traits = (e.msg.Type == event.Identify || e.msg.Type == event.Group) && len(e.msg.Traits) > 2
		if len(e.users.ids) > 0 {
			e.userSettled, e.userUnresolved = s.settled(e.users.hash, e.msg.Time)
			if !e.userSettled || (e.traits && e.msg.Type == event.Identify) {
				strands = append(strands, e.users.hash)
			}
		}
		if len(e.account.ids) > 0 {
			e.accountSettled, e.accountUnresolved = s.settled(e.account.hash, e.msg.Time)
			if !e.accountSettled || (e.traits && e.msg.Type == event.Group) {
				strands = append(strands, e.account.hash)
			}
		}
	}
	if err := s.loadKnown(c, strands); err != nil {
		return err
	}
	var nodes []identity.Hash
	want := func(sd *side, coll identity.Collection, time int64, id string, traits bool) {
		k := d.strands[sd.hash]
		if k == nil {
			for _, x := range sd.ids {
				nodes = append(nodes, d.hasher.ID(coll, x))
			}
			return
		}
		if traits || !k.Settled(d.rules, identity.Pos{Class: k.First.Class, Time: time, MessageID: id, Strand: sd.hash}) {
			for i := range k.Links {
				nodes = append(nodes, k.Links[i].Hash)
			}
		}
	}
	for i := range c.fresh {
		e := &c.fresh[i]
		if len(e.users.ids) > 0 && (!e.userSettled || e.traits) {
			want(&e.users, identity.Users, e.msg.Time, e.id, e.traits)
		}
		if len(e.account.ids) > 0 && (!e.accountSettled || e.traits) {
			want(&e.account, identity.Accounts, e.msg.Time, e.id, e.traits)
		}
	}
	return d.loadOwners(nodes...)
}

// settled asks the cache about an event of a strand. On a shared store it knows
// nothing for sure.
func (s *Space) settled(h identity.Hash, time int64) (ok, unresolved bool) {
	if !s.store.Exclusive() {
		return false, false
	}
	return s.cache.get(h, time)
}

// loadKnown loads strands. Most that the cache does not know are new, and a new
// strand mostly has a new ID, so that is looked for first: where a strand is, its
// IDs are too.
func (s *Space) loadKnown(c *commitPlan, strands []identity.Hash) error {
	d := c.desk
	if d.stale {
		// Values that were blocked may not be any more, and have no record yet.
		return d.loadStrands(strands...)
	}
	wanted := make(map[identity.Hash]bool, len(strands))
	for _, h := range strands {
		wanted[h] = true
	}
	probes := make([]identity.Hash, 0, len(strands))
	type probed struct{ strand, probe identity.Hash }
	var asked []probed
	var load []identity.Hash
	probe := func(sd *side, coll identity.Collection) {
		if len(sd.ids) == 0 || !wanted[sd.hash] {
			return
		}
		wanted[sd.hash] = false
		best := -1
		for i := range sd.ids {
			if !c.rules.Blocked(sd.ids[i]) && (best < 0 || sd.ids[i].Type == "anonymous_id") {
				best = i // cookies are new more often than anything else
			}
		}
		if best < 0 {
			load = append(load, sd.hash)
			return
		}
		h := d.hasher.ID(coll, sd.ids[best])
		probes = append(probes, h)
		asked = append(asked, probed{sd.hash, h})
	}
	for i := range c.fresh {
		probe(&c.fresh[i].users, identity.Users)
		probe(&c.fresh[i].account, identity.Accounts)
	}
	if err := d.loadNodes(probes...); err != nil {
		return err
	}
	for _, a := range asked {
		if d.nodes[a.probe] == nil {
			d.strands[a.strand] = nil
		} else {
			load = append(load, a.strand)
		}
	}
	return d.loadStrands(load...)
}

// take makes one event part of the graph.
func (s *Space) take(c *commitPlan, e *placedEvent) error {
	d := c.desk
	rc := &c.receipts[e.work]
	created, merges, demoted := d.created, d.merges, d.demoted
	resolved := false
	side := func(sd *side, coll identity.Collection, isSettled, unresolved bool) error {
		if len(sd.ids) == 0 {
			return nil
		}
		// What the cache said was so before this commit. An event of it may have
		// unsettled the strand since.
		if _, changed := d.changedStrands[sd.hash]; isSettled && !changed {
			resolved = resolved || !unresolved
			return nil
		}
		sight := sighting{identity.Pos{Time: e.msg.Time, MessageID: e.id, Strand: sd.hash}, e.source}
		if err := d.identify(sd.hash, coll, sd.ids, sight); err != nil {
			return err
		}
		d.bump(sd.hash)
		for i := range d.strands[sd.hash].Links {
			resolved = resolved || d.strands[sd.hash].Links[i].Verdict == identity.Accepted
		}
		for _, id := range sd.ids {
			if c.rules.Unlisted(id.Type) && s.noteType(id.Type) {
				c.newTypes = append(c.newTypes, id.Type)
			}
		}
		return nil
	}
	if err := side(&e.users, identity.Users, e.userSettled, e.userUnresolved); err != nil {
		return err
	}
	if err := side(&e.account, identity.Accounts, e.accountSettled, e.accountUnresolved); err != nil {
		return err
	}
	for _, l := range e.leftOut {
		d.demoted++
		d.emit(profileID{}, l.Collection, feed.Change{Kind: feed.Demoted, IDType: clip(l.ID.Type), IDValue: clip(l.ID.Value), Reason: l.Why},
			sighting{identity.Pos{Time: e.msg.Time, MessageID: e.id}, e.source})
	}
	rc.Stored++
	d.counters.events++
	if !resolved {
		d.emitUnresolved(e)
		rc.Unresolved++
		d.counters.unresolved++
	}
	rc.Created += d.created - created
	rc.Merged += d.merges - merges
	rc.Demoted += d.demoted - demoted
	return nil
}

// clip shortens a value that may be absurd to what a record may hold.
func clip(s string) string {
	if len(s) > 200 {
		return strings.ToValidUTF8(s[:200], "") + "…"
	}
	return s
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
	arena := make([]byte, 0, n*eventKeyBytes)
	for i := range c.fresh {
		e := &c.fresh[i]
		for _, sd := range [...]*side{&e.users, &e.account} {
			if len(sd.ids) > 0 {
				at := len(arena)
				arena = d.keys.event(arena, sd.hash, e.msg.Time, e.block, e.ordinal)
				s.putNew(b, arena[at:len(arena):len(arena)], nil)
			}
		}
	}
	for i := range d.seeds {
		b.Put(d.keys.key(kindPending, d.seeds[i].key()), d.seeds[i].append(nil))
	}
	for _, t := range c.newTypes {
		b.Put(d.keys.key(kindNewType, []byte(t)), appendTime(nil, c.record.Time))
	}
	for _, w := range ws {
		if w.waits() {
			continue
		}
		if m := w.delivery.Mark; m != nil {
			b.Put(d.keys.key(kindMark, []byte(m.Name)), m.Value)
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
	if d.counters != (countersRecord{}) {
		total := s.counters
		total.add(d.counters)
		b.Put(d.keys.number(kindCounters, s.lane), total.append(nil))
	}
	c.record.Events = len(c.fresh)
	c.record.Time = max(c.record.Time, s.feedTime) // within a lane time never goes back
	for i := range d.changes {
		if rec := d.profiles[d.changeOf[i]]; rec != nil {
			d.changes[i].Version = rec.version
		}
	}
	c.record.Changes = d.changes
	// The record is inserted, never overwritten: it is also the commit's token.
	s.putNew(b, d.keys.numbers(kindFeed, c.record.Lane, c.record.Seq), c.record.Append(nil))
	for k, v := range d.read {
		b.Require([]byte(k), v)
	}
	if d.read != nil {
		b.Require(d.keys.key(kindRules), s.ruleBytes)
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
	s.lastID = d.lastID
	s.nextBlock += c.blocks
	s.feedSeq++
	s.feedTime = c.record.Time
	if c.tally.known {
		s.tally = c.tally
	}
	s.counters.add(d.counters)
	s.pending.Add(int64(len(d.seeds)))
	s.rejected.landed(c)
	st := &s.stats
	st.commits.Add(1)
	st.events.Add(int64(len(c.fresh)))
	st.repeats.Add(int64(c.repeats))
	st.rejected.Add(int64(c.rejects))
	st.unresolved.Add(d.counters.unresolved)
	st.profiles.Add(d.counters.profiles)
	st.strands.Add(d.counters.strands)
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
	key := c.desk.keys.numbers(kindFeed, c.record.Lane, c.record.Seq)
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
