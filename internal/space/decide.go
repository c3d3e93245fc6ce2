package space

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
)

// sighting is an event as the identity of a strand sees it.
type sighting struct {
	pos    identity.Pos
	source string
}

// identify makes the strand of an event part of the graph: nothing to do when
// it is known and settled, else by the fast path or by a replay. ids are the
// strand's IDs in canonical order.
func (d *desk) identify(h identity.Hash, c identity.Collection, ids []identity.ID, e sighting) error {
	if err := d.loadStrands(h); err != nil {
		return err
	}
	known := d.strands[h]
	if known != nil {
		e.pos.Class = known.First.Class
		if known.Settled(d.rules, e.pos) {
			return nil
		}
	}
	e.pos.MessageID = strings.Clone(e.pos.MessageID)
	var s *identity.Strand
	if known != nil {
		s = known.Strand.Clone()
	} else {
		s = identity.NewStrand(d.hasher, c, ids)
		detach(s.Links)
		e.pos = s.Place(d.rules, e.pos.Time, e.pos.MessageID)
	}
	links := d.unblocked(s)
	if err := d.loadOwners(links...); err != nil {
		return err
	}
	fast, err := d.accept(s, known, links, e)
	if err != nil || fast {
		return err
	}
	seed := identity.Seed{Strand: s, Pos: e.pos}
	change, err := d.engine.Replay(d, []identity.Seed{seed})
	if errors.Is(err, identity.ErrBound) {
		return d.putOff(seed, known, links, e)
	}
	if err != nil {
		return err
	}
	d.replays++
	d.decisions += int64(change.Decisions)
	return d.apply(change, e)
}

// unblocked lists the IDs of a strand that the rules let in.
func (d *desk) unblocked(s *identity.Strand) []identity.Hash {
	links := make([]identity.Hash, 0, len(s.Links))
	for i := range s.Links {
		if !d.rules.Blocked(s.Links[i].ID) {
			links = append(links, s.Links[i].Hash)
		}
	}
	return links
}

// detach copies the IDs of a new strand into memory of their own. The writer
// remembers strands and IDs from commit to commit, while the body of a request,
// in which they lay, serves the next request.
func detach(links []identity.Link) {
	n := 0
	for i := range links {
		n += len(links[i].ID.Type) + len(links[i].ID.Value)
	}
	var b strings.Builder
	b.Grow(n)
	for i := range links {
		b.WriteString(links[i].ID.Type)
		b.WriteString(links[i].ID.Value)
	}
	text := b.String()
	for i := range links {
		id := &links[i].ID
		id.Type, text = text[:len(id.Type)], text[len(id.Type):]
		id.Value, text = text[:len(id.Value)], text[len(id.Value):]
	}
}

// accept is the fast path: where nothing is demoted and no limit is in sight,
// strands commute and the profile is what the accepted links connect.
func (d *desk) accept(s *identity.Strand, known *strandRecord, links []identity.Hash, e sighting) (bool, error) {
	var owners []profileID
	var censuses []*identity.Census
	var bare []identity.ID
	for i := range s.Links {
		l := &s.Links[i]
		if !slices.Contains(links, l.Hash) {
			continue // blocked
		}
		if d.engine.Overrides.Concern(l.Hash) {
			return false, nil
		}
		p, rec := d.ownerOf(l.Hash)
		if rec == nil {
			if n := d.nodes[l.Hash]; n != nil && n.tainted {
				return false, nil
			}
			bare = append(bare, l.ID)
			continue
		}
		if !slices.Contains(owners, p) {
			owners = append(owners, p)
			censuses = append(censuses, rec.census())
		}
	}
	if !d.engine.Commutes(s.Collection, censuses, bare) {
		return false, nil
	}
	rec := &strandRecord{Strand: s}
	var old *identity.Strand
	if known != nil {
		old = known.Strand
		rec.source, rec.founded, rec.revision = known.source, known.founded, known.revision
	}
	s.Accept(d.rules, e.pos)
	if s.First == e.pos {
		rec.source = e.source
	}
	if err := d.putStrand(rec, old); err != nil {
		return false, err
	}
	if len(links) == 0 {
		return true, nil
	}
	var into profileID
	if len(owners) == 0 {
		var err error
		if into, err = d.found(rec, e); err != nil {
			return false, err
		}
	} else {
		into = owners[0]
		for _, p := range owners[1:] {
			if p.less(into) {
				into = p
			}
		}
	}
	target := d.profiles[into]
	for _, p := range owners {
		if p == into {
			continue
		}
		if err := d.mergeInto(into, p, e); err != nil {
			return false, err
		}
	}
	for i := range s.Links {
		if l := &s.Links[i]; slices.Contains(links, l.Hash) && d.nodes[l.Hash].owner != into {
			d.own(l, into)
			target.ids = append(target.ids, profileMember{l.Hash, l.ID.Type})
			d.emit(into, s.Collection, feed.Change{Kind: feed.IDAdded, IDType: l.ID.Type, IDValue: l.ID.Value}, e)
		}
	}
	d.touch(into)
	return true, nil
}

func (d *desk) own(l *identity.Link, p profileID) {
	n := d.nodes[l.Hash]
	n.owner = p
	d.changedNodes[l.Hash] = true
}

// touch keeps a profile as it has become and moves its version, once a commit.
func (d *desk) touch(p profileID) {
	if !d.changedProfiles[p] {
		d.changedProfiles[p] = true
		d.profiles[p].version++
	}
}

// found creates a profile with a founding strand.
func (d *desk) found(s *strandRecord, e sighting) (profileID, error) {
	p, err := newProfileID(d.now, d.random)
	if err != nil {
		return profileID{}, err
	}
	for !d.lastID.less(p) {
		// Two profiles of one commit: the second is the younger.
		p = d.lastID
		for i := len(p) - 1; i >= 0; i-- {
			if p[i]++; p[i] != 0 {
				break
			}
		}
	}
	d.lastID = p
	s.founded = p
	if _, ok := d.changedStrands[s.Hash]; !ok {
		d.changedStrands[s.Hash] = true
	}
	d.parts.touch(kindProfile, p[:])
	d.profiles[p] = &profileRecord{collection: s.Collection, founder: s.Hash, createdAt: d.now.UnixNano()}
	d.counters.profiles++
	d.created++
	d.touch(p)
	d.emit(p, s.Collection, feed.Change{Kind: feed.ProfileCreated}, e)
	return p, nil
}

// mergeInto gives all that a profile has to another. The profile's own ID leads
// to wherever its founding strand belongs.
func (d *desk) mergeInto(into, from profileID, e sighting) error {
	target, loser := d.profiles[into], d.profiles[from]
	hashes := make([]identity.Hash, len(loser.ids))
	for i, m := range loser.ids {
		hashes[i] = m.hash
	}
	if err := d.loadNodes(hashes...); err != nil {
		return err
	}
	for _, h := range hashes {
		n := d.nodes[h]
		if n == nil {
			return fmt.Errorf("%w: an ID of profile %s is missing", kv.ErrCorrupt, from.text(loser.collection))
		}
		n.owner = into
		d.changedNodes[h] = true
	}
	target.ids = append(target.ids, loser.ids...)
	target.merges += loser.merges + 1
	target.tainted = target.tainted || loser.tainted
	d.touch(into)
	d.retire(from, into, e)
	return nil
}

func (d *desk) retire(p, into profileID, e sighting) {
	rec := d.profiles[p]
	if !rec.merged {
		d.counters.profiles--
	}
	rec.merged, rec.ids, rec.merges = true, nil, 0
	d.merges++
	d.touch(p)
	if into.isZero() {
		return // nobody is left of it; that its IDs were removed was told
	}
	d.emit(into, rec.collection, feed.Change{Kind: feed.Merged, From: p.text(rec.collection)}, e)
}

// emit adds a change of a profile to the feed record. p is zero for a change of
// none.
func (d *desk) emit(p profileID, c identity.Collection, ch feed.Change, e sighting) {
	if !p.isZero() {
		ch.Profile = p.text(c)
	}
	ch.Time, ch.MessageID, ch.Source = e.pos.Time, e.pos.MessageID, e.source
	d.changes = append(d.changes, ch)
	d.changeOf = append(d.changeOf, p)
}

// putDown says to what the changes of profiles are due, where that is no event.
// A demotion has a reason of its own.
func (d *desk) putDown(reason string) {
	for i := range d.changes {
		switch c := &d.changes[i]; c.Kind {
		case feed.ProfileCreated, feed.Merged, feed.Unmerged, feed.IDAdded, feed.IDRemoved:
			c.Reason = reason
		}
	}
}

// putOff keeps a replay that is too large for a commit as a seed for the job,
// and answers provisionally meanwhile.
func (d *desk) putOff(seed identity.Seed, known *strandRecord, links []identity.Hash, e sighting) error {
	rec := seedRecord{strand: seed.Strand.Hash, collection: seed.Strand.Collection, time: seed.Pos.Time, messageID: seed.Pos.MessageID}
	d.seeds = append(d.seeds, rec)
	if known == nil {
		change, err := d.engine.Provisional(d, seed)
		if err != nil {
			return err
		}
		if err := d.apply(change, e); err != nil {
			return err
		}
	}
	for _, h := range links {
		n := d.nodes[h]
		if n == nil && d.stale {
			// A value that was blocked until now.
			for i := range seed.Strand.Links {
				if l := &seed.Strand.Links[i]; l.Hash == h {
					n = &nodeRecord{id: l.ID}
					d.nodes[h] = n
				}
			}
		}
		if n == nil {
			return fmt.Errorf("%w: an ID of strand %s is missing", kv.ErrCorrupt, rec.strand)
		}
		n.pending, n.tainted = true, true
		d.changedNodes[h] = true
		if p, o := d.ownerOf(h); o != nil && !o.tainted {
			o.tainted = true
			d.touch(p)
		}
	}
	return nil
}
