package space

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/tx"
)

// plan decides what becomes of ingest requests. known is what an earlier try read.
func (s *Space) plan(c *commit, ws []*ingestRequest, known map[string][]byte) error {
	began := time.Now()
	defer func() { s.stats.plan.Add(int64(time.Since(began))) }()
	if s.notice > s.yielded && c.Now().UnixNano() < s.notice {
		return errYield
	}
	for _, w := range ws {
		if w.rules != c.Rules() || w.definitions != c.definitions {
			s.prepare(w)
		}
	}
	if !s.store.Exclusive() {
		c.Track(known)
	}
	c.receipts = make([]Receipt, len(ws))

	found, err := s.dropDuplicates(c.Context(), c, ws, c.Now())
	if err != nil {
		return err
	}
	s.appendEvents(c, ws, found)
	c.Uncommitted(func() map[identity.Hash][]identity.Pos { return uncommittedOf(c.fresh) })
	if err := s.fetch(c); err != nil {
		return err
	}
	for i := range c.fresh {
		e := &c.fresh[i]
		c.Deciding(i)
		if ws[e.request].whole {
			c.DependOn(dependsOnRequest, binary.BigEndian.AppendUint32(nil, uint32(e.request)))
		}
		if err := s.take(c, e); err != nil {
			return err
		}
	}
	c.Deciding(tx.None)
	if err := s.setTraits(c); err != nil {
		return err
	}
	if err := s.pair(c); err != nil {
		return err
	}
	if err := s.takeRejects(c, ws, c.Now()); err != nil {
		return err
	}
	return s.fill(c, ws)
}

// dependsOnRequest is the tag of what events of a delivery depend on that is taken whole or
// not at all.
const dependsOnRequest = ""

// followRules makes sure, on a shared store, that the rules at work here are
// those of the snapshot.
func (s *Space) followRules(ctx context.Context, r kv.Reader) error {
	if s.store.Exclusive() {
		return nil
	}
	got, err := r.Get(ctx, codec.Rules.Key(s.keys), codec.RulesNotice.Key(s.keys))
	if err != nil {
		return err
	}
	if len(got[1]) == 8 {
		s.notice = codec.ParseTime(got[1])
	}
	return s.refresh(ctx, r, got[0])
}

// uncommittedOf lists the events of a commit by strand.
func uncommittedOf(fresh []placedEvent) map[identity.Hash][]identity.Pos {
	news := map[identity.Hash][]identity.Pos{}
	for i := range fresh {
		e := &fresh[i]
		for _, sd := range [...]*side{&e.users, &e.account} {
			if len(sd.ids) > 0 {
				news[sd.hash] = append(news[sd.hash], identity.Pos{Moment: e.at, Strand: sd.hash})
			}
		}
	}
	return news
}

// fetch reads what the decisions will need, in few round trips whatever the
// number of events. On a shared store it only looks ahead: what a decision then
// does not ask for, the commit does not rely on.
func (s *Space) fetch(c *commit) error {
	var strands []identity.Hash
	for i := range c.fresh {
		e := &c.fresh[i]
		e.traits = saysTraits(e.msg)
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
	want := func(sd *side, coll identity.Collection, at event.Moment, traits bool) {
		k := c.Strand(sd.hash)
		if k == nil {
			nodes = append(nodes, sd.idHashes(c.Hasher(), coll)...)
			return
		}
		if traits || !k.Settled(c.Rules(), identity.Pos{Class: k.First.Class, Moment: at, Strand: sd.hash}) {
			for i := range k.Links {
				nodes = append(nodes, k.Links[i].Hash)
			}
		}
	}
	for i := range c.fresh {
		e := &c.fresh[i]
		if len(e.users.ids) > 0 && (!e.userSettled || e.traits) {
			want(&e.users, identity.Users, e.at, e.traits)
		}
		if len(e.account.ids) > 0 && (!e.accountSettled || e.traits) {
			want(&e.account, identity.Accounts, e.at, e.traits)
		}
	}
	if !s.store.Exclusive() {
		return c.LookAhead(nodes)
	}
	return c.LoadOwners(nodes...)
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
func (s *Space) loadKnown(c *commit, strands []identity.Hash) error {
	if c.Applying() {
		// Values that were blocked may not be any more, and have no record yet.
		return c.LoadStrands(strands...)
	}
	wanted := make(map[identity.Hash]bool, len(strands))
	for _, h := range strands {
		wanted[h] = true
	}
	probes := make([]identity.Hash, 0, len(strands))
	var asked []identity.Hash // the strand of each probe
	var load []identity.Hash
	probe := func(sd *side, coll identity.Collection) {
		if len(sd.ids) == 0 || !wanted[sd.hash] {
			return
		}
		wanted[sd.hash] = false
		best := -1
		for i := range sd.ids {
			if !c.Rules().Blocked(sd.ids[i]) && (best < 0 || sd.ids[i].Type == "anonymous_id") {
				best = i // cookies are new more often than anything else
			}
		}
		if best < 0 {
			load = append(load, sd.hash)
			return
		}
		probes = append(probes, sd.idHashes(c.Hasher(), coll)[best])
		asked = append(asked, sd.hash)
	}
	for i := range c.fresh {
		probe(&c.fresh[i].users, identity.Users)
		probe(&c.fresh[i].account, identity.Accounts)
	}
	absent := func(i int) bool { return c.Identifier(probes[i]) == nil }
	if !s.store.Exclusive() {
		values, err := c.Ahead(probes)
		if err != nil {
			return err
		}
		absent = func(i int) bool { return values[i] == nil }
	} else if err := c.LoadIdentifiers(probes...); err != nil {
		return err
	}
	for i, a := range asked {
		if absent(i) {
			c.Absent(a)
		} else {
			load = append(load, a)
		}
	}
	return c.LoadStrands(load...)
}

// take makes one event part of the graph.
func (s *Space) take(c *commit, e *placedEvent) error {
	rc := &c.receipts[e.request]
	created, merges, demoted := c.Done.Created, c.Done.Merged, c.Done.Demoted
	resolved := false
	side := func(sd *side, coll identity.Collection, isSettled, unresolved bool) error {
		if len(sd.ids) == 0 {
			return nil
		}
		// What the cache said was so before this commit. An event of it may have
		// unsettled the strand since.
		if isSettled && !c.ChangedStrand(sd.hash) {
			resolved = resolved || !unresolved
			return nil
		}
		sight := e.occasion(sd.hash)
		if err := c.Identify(sd.hash, coll, sd.ids, sd.idHashes(c.Hasher(), coll), sight); err != nil {
			return err
		}
		c.Bump(sd.hash)
		for i := range c.Strand(sd.hash).Links {
			resolved = resolved || c.Strand(sd.hash).Links[i].Verdict == identity.Accepted
		}
		for _, id := range sd.ids {
			if !c.Rules().Unlisted(id.Type) {
				continue
			}
			if isNew, instead := s.noteType(id.Type); isNew {
				c.newTypes = append(c.newTypes, id.Type)
				if instead != "" {
					c.oldTypes = append(c.oldTypes, instead)
				}
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
		c.Done.Demoted++
		c.Emit(codec.ProfileID{}, l.Collection, feed.Change{Kind: feed.Demoted, IDType: feed.Clip(l.ID.Type), IDValue: feed.Clip(l.ID.Value), Reason: l.Why},
			e.occasion(identity.Hash{}))
	}
	rc.Stored++
	c.Done.Counters.Events++
	if !resolved {
		c.emitUnresolved(e)
		rc.Unresolved++
		c.Done.Counters.Unresolved++
	}
	rc.Created += c.Done.Created - created
	rc.Merged += c.Done.Merged - merges
	rc.Demoted += c.Done.Demoted - demoted
	return nil
}
