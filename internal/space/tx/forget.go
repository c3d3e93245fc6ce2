package tx

import (
	"errors"

	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// What nothing holds any more is taken out of the store: strands without events,
// IDs without strands, profiles without IDs.

// ForgetStrand takes a strand out. The profile that it founded is founded by its
// successor from now on, if there is one.
func (d *Tx) ForgetStrand(st *codec.Strand, heir identity.Hash) error {
	h := st.Hash
	hashes := make([]identity.Hash, 0, len(st.Links))
	for i := range st.Links {
		hashes = append(hashes, st.Links[i].Hash)
	}
	if err := d.LoadOwners(hashes...); err != nil {
		return err
	}
	if p, err := d.profileOf(st.Strand); err != nil {
		return err
	} else if d.profiles[p] != nil {
		d.touch(p)
	}
	for _, t := range d.tables() {
		if err := t.loadRows(&d.View, h); err != nil {
			return err
		}
		t.dropRow(h)
	}
	for i := range st.Links {
		if IsListed(&st.Links[i]) {
			d.forgetHolder(st.Strand, &st.Links[i])
		}
	}
	d.strands[h] = nil
	delete(d.changedStrands, h)
	d.Delete(codec.Strands.Key(d.keys, h))
	d.Done.Counters.Strands--
	if !st.Founded.IsZero() {
		if err := d.inherit(st.Founded, heir); err != nil {
			return err
		}
	}
	for _, id := range hashes {
		held, err := d.held(id)
		if err != nil {
			return err
		}
		if !held {
			if err := d.forgetNode(id); err != nil {
				return err
			}
		}
	}
	return nil
}

// inherit gives a profile another founding strand. A profile that lives is
// founded by a strand of its own: the successor, if it is one, or the first of the
// others. Of two profiles that one strand would found, the one that lives, else
// the older one, is the strand's, and the other leads there.
func (d *Tx) inherit(p codec.ProfileID, heir identity.Hash) error {
	if err := d.LoadProfiles(p); err != nil {
		return err
	}
	rec := d.profiles[p]
	if rec == nil {
		return nil
	}
	if err := d.LoadStrands(heir); err != nil {
		return err
	}
	st := d.strands[heir]
	if !rec.Merged {
		own, err := d.belongs(st, p)
		if err != nil {
			return err
		}
		if !own {
			ids := make([]identity.Hash, len(rec.IDs))
			for i := range rec.IDs {
				ids[i] = rec.IDs[i].Hash
			}
			if st, err = d.firstOf(p, ids); err != nil {
				return err
			}
		}
	}
	if st == nil {
		return nil
	}
	rec.Founder = st.Hash
	d.touch(p)
	if st.Founded.IsZero() || !rec.Merged || p.Less(st.Founded) {
		c := *st
		c.Founded = p
		d.strands[st.Hash] = &c
		d.shown = append(d.shown, st.Hash)
		if _, ok := d.changedStrands[st.Hash]; !ok {
			d.changedStrands[st.Hash] = true
		}
	}
	return nil
}

// belongs reports whether a strand is of a profile: whether that owns its most
// important ID.
func (d *View) belongs(st *codec.Strand, p codec.ProfileID) (bool, error) {
	if st == nil {
		return false, nil
	}
	top, ok := st.Top(d.rules, d.engine.Overrides)
	if !ok {
		return false, nil
	}
	if err := d.LoadOwners(top.Hash); err != nil {
		return false, err
	}
	owner, _ := d.Owner(top.Hash)
	return owner == p, nil
}

// firstOf finds the first strand of a profile that has some IDs; nil if it has
// none.
func (d *View) firstOf(p codec.ProfileID, ids []identity.Hash) (*codec.Strand, error) {
	lists, err := d.Accepting(ids)
	if err != nil {
		return nil, err
	}
	var best *codec.Strand
	for _, list := range lists {
		if err := d.LoadStrands(list...); err != nil {
			return nil, err
		}
		for _, h := range list {
			st := d.strands[h]
			own, err := d.belongs(st, p)
			if err != nil {
				return nil, err
			}
			if own && (best == nil || st.First.Before(best.First)) {
				best = st
			}
		}
	}
	return best, nil
}

// held reports whether any strand holds an ID, whose node must be loaded.
func (d *View) held(id identity.Hash) (bool, error) {
	n := d.nodes[id]
	if n == nil || len(n.Holders) > 0 {
		return n != nil, nil
	}
	if !n.Spilled {
		return false, nil
	}
	for _, list := range [...]byte{codec.ListAccepted, codec.ListDemoted} {
		found, err := d.scanList(id, codec.Links.Of4(d.keys, id, list, 0, minTime), list, 0)
		if err != nil {
			return false, err
		}
		if err := d.LoadStrands(found...); err != nil {
			return false, err
		}
		for _, h := range found {
			if d.strands[h] != nil {
				return true, nil
			}
		}
	}
	for _, h := range d.added[id] {
		if d.strands[h] != nil {
			return true, nil
		}
	}
	return false, nil
}

// forgetNode takes an ID out, and off its profile.
func (d *Tx) forgetNode(id identity.Hash) error {
	n := d.nodes[id]
	if n == nil {
		return nil
	}
	d.nodes[id] = nil
	delete(d.changedNodes, id)
	d.Delete(codec.Identifiers.Key(d.keys, id))
	p := n.Owner
	if p.IsZero() {
		return nil
	}
	if err := d.LoadProfiles(p); err != nil {
		return err
	}
	rec := d.profiles[p]
	if rec == nil {
		return nil
	}
	ids := make([]codec.Member, 0, len(rec.IDs))
	for _, m := range rec.IDs {
		if m.Hash != id {
			ids = append(ids, m)
		}
	}
	rec.IDs = ids
	d.touch(p)
	e := d.noEvent()
	d.Emit(p, rec.Collection, feed.Change{Kind: feed.IDRemoved, IDType: n.ID.Type, IDValue: n.ID.Value}, e)
	if len(ids) > 0 || rec.Merged {
		return nil
	}
	into, err := d.canonicalProfile(p)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if err == nil && into != p {
		d.markMerged(p, into, e)
		return nil
	}
	if d.strands[rec.Founder] != nil {
		d.markMerged(p, codec.ProfileID{}, e) // it comes back when its founding strand is somebody's again
		return nil
	}
	d.Done.Counters.Profiles--
	d.profiles[p] = nil
	delete(d.changedProfiles, p)
	d.Delete(codec.Profiles.Key(d.keys, p))
	return nil
}
