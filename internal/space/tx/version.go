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
func (d *Tx) moveVersions() error {
	for _, h := range d.shown {
		if err := d.showStrand(h); err != nil {
			return err
		}
	}
	for _, p := range d.left {
		if err := d.show(p); err != nil {
			return err
		}
	}
	for _, t := range d.tables() {
		for h := range t.changes() {
			if err := d.showStrand(h); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *Tx) showStrand(h identity.Hash) error {
	if _, ok := d.strands[h]; !ok {
		if err := d.LoadStrands(h); err != nil {
			return err
		}
	}
	st := d.strands[h]
	if st == nil {
		return nil
	}
	p, err := d.profileOf(st.Strand)
	if err != nil {
		return err
	}
	return d.show(p)
}

// show moves the version of a profile, if there is one.
func (d *Tx) show(p codec.ProfileID) error {
	if p.IsZero() || d.changedProfiles[p] {
		return nil
	}
	if _, ok := d.profiles[p]; !ok {
		if err := d.LoadProfiles(p); err != nil {
			return err
		}
	}
	if d.profiles[p] != nil {
		d.touch(p)
	}
	return nil
}

// profileOf finds the profile that a strand belongs to: the owner of the IDs that are
// accepted with it. It is zero if there is none. What is loaded already is not asked
// for again.
func (d *View) profileOf(st *identity.Strand) (codec.ProfileID, error) {
	for i := range st.Links {
		l := &st.Links[i]
		if l.Verdict != identity.Accepted {
			continue
		}
		n, ok := d.nodes[l.Hash]
		if !ok {
			if err := d.LoadIdentifiers(l.Hash); err != nil {
				return codec.ProfileID{}, err
			}
			n = d.nodes[l.Hash]
		}
		if n != nil && !n.Owner.IsZero() {
			return n.Owner, nil
		}
	}
	return codec.ProfileID{}, nil
}
