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
)

// plan decides what becomes of ingest requests. known is what an earlier try read.
func (s *Space) plan(d *Tx, ws []*ingestRequest, known map[string][]byte) error {
	began := time.Now()
	defer func() { s.stats.plan.Add(int64(time.Since(began))) }()
	if s.notice > s.yielded && d.now.UnixNano() < s.notice {
		return errYield
	}
	for _, w := range ws {
		if w.rules != d.rules || w.definitions != d.definitions {
			s.prepare(w)
		}
	}
	if !s.store.Exclusive() {
		d.known, d.saw, d.dependencies = known, map[string][]byte{}, newDependencies()
	}
	d.receipts = make([]Receipt, len(ws))

	found, err := s.dropDuplicates(d.ctx, d, ws, d.now)
	if err != nil {
		return err
	}
	s.appendEvents(d, ws, found)
	d.listUncommitted = func() map[identity.Hash][]identity.Pos { return uncommittedOf(d.fresh) }
	if err := s.fetch(d); err != nil {
		return err
	}
	for i := range d.fresh {
		e := &d.fresh[i]
		d.deciding(i)
		if ws[e.request].whole {
			d.dependencies.note(dependsOnRequest, binary.BigEndian.AppendUint32(nil, uint32(e.request)))
		}
		if err := s.take(d, e); err != nil {
			return err
		}
	}
	d.deciding(none)
	if err := s.setTraits(d); err != nil {
		return err
	}
	if err := s.pair(d); err != nil {
		return err
	}
	if err := s.takeRejects(d, ws, d.now); err != nil {
		return err
	}
	return s.fill(d, ws)
}

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
func (s *Space) fetch(d *Tx) error {
	var strands []identity.Hash
	for i := range d.fresh {
		e := &d.fresh[i]
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
	if err := s.loadKnown(d, strands); err != nil {
		return err
	}
	var nodes []identity.Hash
	want := func(sd *side, coll identity.Collection, at event.Moment, traits bool) {
		k := d.strands[sd.hash]
		if k == nil {
			for _, x := range sd.ids {
				nodes = append(nodes, d.hasher.ID(coll, x))
			}
			return
		}
		if traits || !k.Settled(d.rules, identity.Pos{Class: k.First.Class, Moment: at, Strand: sd.hash}) {
			for i := range k.Links {
				nodes = append(nodes, k.Links[i].Hash)
			}
		}
	}
	for i := range d.fresh {
		e := &d.fresh[i]
		if len(e.users.ids) > 0 && (!e.userSettled || e.traits) {
			want(&e.users, identity.Users, e.at, e.traits)
		}
		if len(e.account.ids) > 0 && (!e.accountSettled || e.traits) {
			want(&e.account, identity.Accounts, e.at, e.traits)
		}
	}
	if d.dependencies != nil {
		return d.lookAhead(nodes)
	}
	return d.LoadOwners(nodes...)
}

// lookAhead reads the records of IDs and of the profiles that own them for later,
// in two round trips.
func (d *View) lookAhead(nodes []identity.Hash) error {
	values, err := d.ahead(nodes)
	if err != nil {
		return err
	}
	var owners [][]byte
	for _, v := range values {
		if v == nil {
			continue
		}
		n, err := codec.DecodeIdentifier(v)
		if err != nil {
			return err
		}
		if !n.Owner.IsZero() {
			owners = append(owners, codec.Profiles.Key(d.keys, n.Owner))
		}
	}
	_, err = d.aheadOf(owners)
	return err
}

// ahead reads records of IDs for later, and returns them as they are stored.
func (d *View) ahead(hashes []identity.Hash) ([][]byte, error) {
	keys := make([][]byte, len(hashes))
	for i, h := range hashes {
		keys[i] = codec.Identifiers.Key(d.keys, h)
	}
	return d.aheadOf(keys)
}

func (d *View) aheadOf(keys [][]byte) ([][]byte, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	values, err := d.look(keys)
	if err != nil {
		return nil, err
	}
	for i, k := range keys {
		d.seen(k, values[i])
	}
	return values, nil
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
func (s *Space) loadKnown(d *Tx, strands []identity.Hash) error {
	if d.stale {
		// Values that were blocked may not be any more, and have no record yet.
		return d.LoadStrands(strands...)
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
			if !d.rules.Blocked(sd.ids[i]) && (best < 0 || sd.ids[i].Type == "anonymous_id") {
				best = i // cookies are new more often than anything else
			}
		}
		if best < 0 {
			load = append(load, sd.hash)
			return
		}
		h := d.hasher.ID(coll, sd.ids[best])
		probes = append(probes, h)
		asked = append(asked, sd.hash)
	}
	for i := range d.fresh {
		probe(&d.fresh[i].users, identity.Users)
		probe(&d.fresh[i].account, identity.Accounts)
	}
	absent := func(i int) bool { return d.nodes[probes[i]] == nil }
	if d.dependencies != nil {
		values, err := d.ahead(probes)
		if err != nil {
			return err
		}
		absent = func(i int) bool { return values[i] == nil }
	} else if err := d.LoadIdentifiers(probes...); err != nil {
		return err
	}
	for i, a := range asked {
		if absent(i) {
			d.strands[a] = nil
		} else {
			load = append(load, a)
		}
	}
	return d.LoadStrands(load...)
}

// take makes one event part of the graph.
func (s *Space) take(d *Tx, e *placedEvent) error {
	rc := &d.receipts[e.request]
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
		sight := e.occasion(sd.hash)
		if err := d.identify(sd.hash, coll, sd.ids, sight); err != nil {
			return err
		}
		d.bump(sd.hash)
		for i := range d.strands[sd.hash].Links {
			resolved = resolved || d.strands[sd.hash].Links[i].Verdict == identity.Accepted
		}
		for _, id := range sd.ids {
			if !d.rules.Unlisted(id.Type) {
				continue
			}
			if isNew, instead := s.noteType(id.Type); isNew {
				d.newTypes = append(d.newTypes, id.Type)
				if instead != "" {
					d.oldTypes = append(d.oldTypes, instead)
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
		d.demoted++
		d.emit(codec.ProfileID{}, l.Collection, feed.Change{Kind: feed.Demoted, IDType: feed.Clip(l.ID.Type), IDValue: feed.Clip(l.ID.Value), Reason: l.Why},
			e.occasion(identity.Hash{}))
	}
	rc.Stored++
	d.counters.Events++
	if !resolved {
		d.emitUnresolved(e)
		rc.Unresolved++
		d.counters.Unresolved++
	}
	rc.Created += d.created - created
	rc.Merged += d.merges - merges
	rc.Demoted += d.demoted - demoted
	return nil
}
