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
func (tx *Tx) ForgetStrand(st *codec.Strand, heir identity.Hash) error {
	h := st.Hash
	hashes := make([]identity.Hash, 0, len(st.Links))
	for i := range st.Links {
		hashes = append(hashes, st.Links[i].Hash)
	}
	if err := tx.LoadOwners(hashes...); err != nil {
		return err
	}
	if p, err := tx.profileOf(st.Strand); err != nil {
		return err
	} else if tx.profiles[p] != nil {
		tx.touch(p)
	}
	for _, t := range tx.tables() {
		if err := t.loadRows(&tx.View, h); err != nil {
			return err
		}
		t.dropRow(h)
	}
	for i := range st.Links {
		if IsListed(&st.Links[i]) {
			tx.forgetHolder(st.Strand, &st.Links[i])
		}
	}
	tx.strands[h] = nil
	delete(tx.changedStrands, h)
	tx.Delete(codec.Strands.Key(tx.keys, h))
	tx.Done.Counters.Strands--
	if !st.Founded.IsZero() {
		if err := tx.inherit(st.Founded, heir); err != nil {
			return err
		}
	}
	for _, id := range hashes {
		held, err := tx.held(id)
		if err != nil {
			return err
		}
		if !held {
			if err := tx.forgetNode(id); err != nil {
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
func (tx *Tx) inherit(p codec.ProfileID, heir identity.Hash) error {
	if err := tx.LoadProfiles(p); err != nil {
		return err
	}
	rec := tx.profiles[p]
	if rec == nil {
		return nil
	}
	if err := tx.LoadStrands(heir); err != nil {
		return err
	}
	st := tx.strands[heir]
	if !rec.Merged {
		own, err := tx.belongs(st, p)
		if err != nil {
			return err
		}
		if !own {
			ids := make([]identity.Hash, len(rec.IDs))
			for i := range rec.IDs {
				ids[i] = rec.IDs[i].Hash
			}
			if st, err = tx.firstOf(p, ids); err != nil {
				return err
			}
		}
	}
	if st == nil {
		return nil
	}
	rec.Founder = st.Hash
	tx.touch(p)
	if st.Founded.IsZero() || !rec.Merged || p.Less(st.Founded) {
		c := *st
		c.Founded = p
		tx.strands[st.Hash] = &c
		tx.shown = append(tx.shown, st.Hash)
		if _, ok := tx.changedStrands[st.Hash]; !ok {
			tx.changedStrands[st.Hash] = true
		}
	}
	return nil
}

// belongs reports whether a strand is of a profile: whether that owns its most
// important ID.
func (v *View) belongs(st *codec.Strand, p codec.ProfileID) (bool, error) {
	if st == nil {
		return false, nil
	}
	top, ok := st.Top(v.rules, v.engine.Overrides)
	if !ok {
		return false, nil
	}
	if err := v.LoadOwners(top.Hash); err != nil {
		return false, err
	}
	owner, _ := v.Owner(top.Hash)
	return owner == p, nil
}

// firstOf finds the first strand of a profile that has some IDs; nil if it has
// none.
func (v *View) firstOf(p codec.ProfileID, ids []identity.Hash) (*codec.Strand, error) {
	lists, err := v.Accepting(ids)
	if err != nil {
		return nil, err
	}
	var best *codec.Strand
	for _, list := range lists {
		if err := v.LoadStrands(list...); err != nil {
			return nil, err
		}
		for _, h := range list {
			st := v.strands[h]
			own, err := v.belongs(st, p)
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
func (v *View) held(id identity.Hash) (bool, error) {
	n := v.nodes[id]
	if n == nil || len(n.Holders) > 0 {
		return n != nil, nil
	}
	if !n.Spilled {
		return false, nil
	}
	for _, list := range [...]byte{codec.ListAccepted, codec.ListDemoted} {
		found, err := v.scanList(id, codec.Links.Of4(v.keys, id, list, 0, minTime), list, 0)
		if err != nil {
			return false, err
		}
		if err := v.LoadStrands(found...); err != nil {
			return false, err
		}
		for _, h := range found {
			if v.strands[h] != nil {
				return true, nil
			}
		}
	}
	for _, h := range v.added[id] {
		if v.strands[h] != nil {
			return true, nil
		}
	}
	return false, nil
}

// forgetNode takes an ID out, and off its profile.
func (tx *Tx) forgetNode(id identity.Hash) error {
	n := tx.nodes[id]
	if n == nil {
		return nil
	}
	tx.nodes[id] = nil
	delete(tx.changedNodes, id)
	tx.Delete(codec.Identifiers.Key(tx.keys, id))
	p := n.Owner
	if p.IsZero() {
		return nil
	}
	if err := tx.LoadProfiles(p); err != nil {
		return err
	}
	rec := tx.profiles[p]
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
	tx.touch(p)
	e := tx.noEvent()
	tx.Emit(p, rec.Collection, feed.Change{Kind: feed.IDRemoved, IDType: n.ID.Type, IDValue: n.ID.Value}, e)
	if len(ids) > 0 || rec.Merged {
		return nil
	}
	into, err := tx.canonicalProfile(p)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if err == nil && into != p {
		tx.markMerged(p, into, e)
		return nil
	}
	if tx.strands[rec.Founder] != nil {
		tx.markMerged(p, codec.ProfileID{}, e) // it comes back when its founding strand is somebody's again
		return nil
	}
	tx.Done.Counters.Profiles--
	tx.profiles[p] = nil
	delete(tx.changedProfiles, p)
	tx.Delete(codec.Profiles.Key(tx.keys, p))
	return nil
}
