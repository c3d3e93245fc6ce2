package tx

import (
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// A profile's version moves with every commit that changes what people see of it: its
// IDs and when they were first seen, its traits, the IDs of profiles that were merged
// into it, and whether pending work may change it. It does not move with an event that
// changes none of these. So whoever has folded a profile of one version need not fold
// it again.

// moveVersions moves the versions of the profiles whose strands, or rows of whose
// strands, changed. Most were moved by what changed them.
func (tx *Tx) moveVersions() error {
	for _, h := range tx.shown {
		if err := tx.showStrand(h); err != nil {
			return err
		}
	}
	for _, p := range tx.left {
		if err := tx.show(p); err != nil {
			return err
		}
	}
	for _, t := range tx.tables() {
		for h := range t.changes() {
			if err := tx.showStrand(h); err != nil {
				return err
			}
		}
	}
	return nil
}

func (tx *Tx) showStrand(h identity.Hash) error {
	if _, ok := tx.strands[h]; !ok {
		if err := tx.LoadStrands(h); err != nil {
			return err
		}
	}
	st := tx.strands[h]
	if st == nil {
		return nil
	}
	p, err := tx.profileOf(st.Strand)
	if err != nil {
		return err
	}
	return tx.show(p)
}

// show moves the version of a profile, if there is one.
func (tx *Tx) show(p codec.ProfileID) error {
	if p.IsZero() || tx.changedProfiles[p] {
		return nil
	}
	if _, ok := tx.profiles[p]; !ok {
		if err := tx.LoadProfiles(p); err != nil {
			return err
		}
	}
	if tx.profiles[p] != nil {
		tx.touch(p)
	}
	return nil
}

// profileOf finds the profile that a strand belongs to: the owner of the IDs that are
// accepted with it. It is zero if there is none. What is loaded already is not asked
// for again.
func (v *View) profileOf(st *identity.Strand) (codec.ProfileID, error) {
	for i := range st.Links {
		l := &st.Links[i]
		if l.Verdict != identity.Accepted {
			continue
		}
		n, ok := v.nodes[l.Hash]
		if !ok {
			if err := v.LoadIdentifiers(l.Hash); err != nil {
				return codec.ProfileID{}, err
			}
			n = v.nodes[l.Hash]
		}
		if n != nil && !n.Owner.IsZero() {
			return n.Owner, nil
		}
	}
	return codec.ProfileID{}, nil
}
