package bulk

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Profile is a profile as one snapshot has it.
type Profile struct {
	ID          codec.ProfileID
	Record      *codec.Profile
	Provisional bool                 // pending work may still change who this is
	Merged      []codec.ProfileID    // that lead here, the oldest first
	FirstSeen   int64                // time of the first event, nanoseconds since 1970; 0: not known
	Identifiers []profile.Identifier // by first sighting, the oldest first
	Traits      []Trait              // by name; removed ones left out
}

// Trait is a trait of a profile with the strand under which it was said.
type Trait struct {
	profile.Trait
	Strand identity.Hash
}

// Trait is the trait of a name, nil if there is none.
func (p *Profile) Trait(name string) *Trait {
	i, there := slices.BinarySearchFunc(p.Traits, name, func(t Trait, name string) int { return cmp.Compare(t.Name, name) })
	if !there {
		return nil
	}
	return &p.Traits[i]
}

// Identifier is the first value of a type of identifiers, "" if there is none.
func (p *Profile) Identifier(kind string) string {
	for i := range p.Identifiers {
		if p.Identifiers[i].Type == kind {
			return p.Identifiers[i].Value
		}
	}
	return ""
}

// Read reads profiles, in the order of their IDs in want. Those that are not there, or
// were merged away, are left out. Errors are those of the store.
func Read(v *space.View, want []codec.ProfileID) ([]*Profile, error) {
	if err := v.LoadProfiles(want...); err != nil {
		return nil, err
	}
	var ids []identity.Hash
	for _, p := range want {
		if rec := v.Profile(p); rec != nil {
			for _, m := range rec.IDs {
				ids = append(ids, m.Hash)
			}
		}
	}
	// In the order of the store, so that neighbours come out of one block.
	if err := v.LoadIdentifiers(sorted(ids)...); err != nil {
		return nil, err
	}
	lists, err := v.Accepting(ids)
	if err != nil {
		return nil, err
	}
	accepting := make(map[identity.Hash][]identity.Hash, len(ids))
	var strands []identity.Hash
	for i, id := range ids {
		accepting[id] = lists[i]
		strands = append(strands, lists[i]...)
	}
	strands = sorted(strands)
	if err := v.LoadStrands(strands...); err != nil {
		return nil, err
	}
	if _, err := v.TraitsOf(strands...); err != nil {
		return nil, err
	}
	out := make([]*Profile, 0, len(want))
	for _, p := range want {
		rec := v.Profile(p)
		if rec == nil || rec.Merged {
			continue
		}
		one, err := fold(v, p, rec, accepting)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// sorted is hashes in order, each once.
func sorted(hashes []identity.Hash) []identity.Hash {
	out := slices.Clone(hashes)
	slices.SortFunc(out, func(a, b identity.Hash) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(out)
}

// fold folds a profile whose records were loaded.
func fold(v *space.View, id codec.ProfileID, rec *codec.Profile, accepting map[identity.Hash][]identity.Hash) (*Profile, error) {
	var hashes []identity.Hash
	var strands []*codec.Strand
	seen := map[identity.Hash]bool{}
	provisional := v.Applying()
	for _, m := range rec.IDs {
		n := v.Identifier(m.Hash)
		provisional = provisional || n != nil && n.Pending
		for _, h := range accepting[m.Hash] {
			st := v.Strand(h)
			if seen[h] || st == nil || !v.Belongs(st, id) {
				continue
			}
			seen[h] = true
			hashes, strands = append(hashes, h), append(strands, st)
		}
	}
	rows, err := v.TraitsOf(hashes...)
	if err != nil {
		return nil, err
	}
	p := Fold(id, rec, strands, rows)
	p.Provisional = provisional
	return p, nil
}

// Fold folds a profile over its strands, each once, with what was said of traits under
// each. That pending work may change it, it does not know.
func Fold(id codec.ProfileID, rec *codec.Profile, strands []*codec.Strand, rows []profile.Traits) *Profile {
	p := &Profile{ID: id, Record: rec}
	lists := make([][]profile.Identifier, len(strands))
	hashes := make([]identity.Hash, len(strands))
	for i, st := range strands {
		lists[i], hashes[i] = accepted(st), st.Hash
		if !st.Founded.IsZero() && st.Founded != id {
			p.Merged = append(p.Merged, st.Founded)
		}
		if p.FirstSeen == 0 || st.First.Time < p.FirstSeen {
			p.FirstSeen = st.First.Time
		}
	}
	slices.SortFunc(p.Merged, func(a, b codec.ProfileID) int { return slices.Compare(a[:], b[:]) })
	p.Identifiers = profile.FoldIdentifiers(lists...)
	p.Traits = foldTraits(hashes, rows)
	return p
}

// foldTraits folds the traits of strands, of each name the setting of the latest moment.
func foldTraits(strands []identity.Hash, rows []profile.Traits) []Trait {
	n := 0
	for _, row := range rows {
		n += len(row)
	}
	all := make([]Trait, 0, n)
	for i, row := range rows {
		for k := range row {
			all = append(all, Trait{row[k], strands[i]})
		}
	}
	slices.SortFunc(all, func(a, b Trait) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), b.Moment.Compare(a.Moment))
	})
	all = slices.CompactFunc(all, func(a, b Trait) bool { return a.Name == b.Name })
	return slices.DeleteFunc(all, func(t Trait) bool { return t.Removed() })
}

// accepted are the identifiers that a strand gives to its profile.
func accepted(st *codec.Strand) []profile.Identifier {
	var list []profile.Identifier
	for k := range st.Links {
		if l := &st.Links[k]; l.Verdict == identity.Accepted {
			id := profile.Identifier{Type: l.ID.Type, Value: l.ID.Value, Moment: l.At.Moment, Source: st.Source}
			if l.At == st.First {
				id.MessageID = st.MessageID
			}
			list = append(list, id)
		}
	}
	return list
}
