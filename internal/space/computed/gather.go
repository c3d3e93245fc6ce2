package computed

import (
	"cmp"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// gathered is what evaluation knows of a profile besides its rows.
type gathered struct {
	id      codec.ProfileID
	rec     *codec.Profile
	strands []*codec.Strand
	traits  profile.Traits
	ids     []profile.Identifier // nil: those of the strands
}

// ownerOf is the profile that a strand belongs to, whose owners must be loaded; zero
// if it is nobody's. All accepted IDs of a strand are of one profile, but for those
// that were let go while it waits to be decided again.
func ownerOf(v *space.View, st *codec.Strand) codec.ProfileID {
	for i := range st.Links {
		if st.Links[i].Verdict != identity.Accepted {
			continue
		}
		if p, rec := v.Owner(st.Links[i].Hash); rec != nil {
			return p
		}
	}
	return codec.ProfileID{}
}

// ownersOf finds the profiles of strands; those that are nobody's are left out.
func ownersOf(v *space.View, strands []identity.Hash) (map[identity.Hash]codec.ProfileID, error) {
	if err := v.LoadStrands(strands...); err != nil {
		return nil, err
	}
	var ids []identity.Hash
	for _, h := range strands {
		if st := v.Strand(h); st != nil {
			for i := range st.Links {
				if st.Links[i].Verdict == identity.Accepted {
					ids = append(ids, st.Links[i].Hash)
				}
			}
		}
	}
	if err := v.LoadOwners(ids...); err != nil {
		return nil, err
	}
	out := make(map[identity.Hash]codec.ProfileID, len(strands))
	for _, h := range strands {
		if st := v.Strand(h); st != nil {
			if p := ownerOf(v, st); !p.IsZero() {
				out[h] = p
			}
		}
	}
	return out, nil
}

// gather reads what profiles are made of, all of them in a few round trips. Those that
// are not there, or were merged into others, have no record in the result.
func gather(v *space.View, profiles []codec.ProfileID, traits bool) ([]gathered, error) {
	if err := v.LoadProfiles(profiles...); err != nil {
		return nil, err
	}
	out := make([]gathered, len(profiles))
	var ids []identity.Hash
	for i, p := range profiles {
		out[i].id = p
		if rec := v.Profile(p); rec != nil && !rec.Merged {
			out[i].rec = rec
			for _, m := range rec.IDs {
				ids = append(ids, m.Hash)
			}
		}
	}
	lists, err := v.Accepting(ids)
	if err != nil {
		return nil, err
	}
	var all []identity.Hash
	for _, l := range lists {
		all = append(all, l...)
	}
	if err := v.LoadStrands(all...); err != nil {
		return nil, err
	}
	at := 0
	var ofProfiles []identity.Hash
	for i := range out {
		g := &out[i]
		if g.rec == nil {
			continue
		}
		seen := map[identity.Hash]bool{}
		for range g.rec.IDs {
			for _, h := range lists[at] {
				st := v.Strand(h)
				if st == nil || seen[h] {
					continue
				}
				seen[h] = true
				if ownerOf(v, st) == g.id {
					g.strands = append(g.strands, st)
					ofProfiles = append(ofProfiles, h)
				}
			}
			at++
		}
	}
	if !traits {
		return out, nil
	}
	sets, err := v.TraitsOf(ofProfiles...)
	if err != nil {
		return nil, err
	}
	at = 0
	for i := range out {
		n := len(out[i].strands)
		out[i].traits = profile.FoldTraits(sets[at : at+n]...)
		at += n
	}
	return out, nil
}

// identifiers are the accepted IDs of the profile, each with its first sighting.
func (g *gathered) identifiers() []profile.Identifier {
	if g.ids != nil {
		return g.ids
	}
	lists := make([][]profile.Identifier, len(g.strands))
	for i, st := range g.strands {
		for k := range st.Links {
			if l := &st.Links[k]; l.Verdict == identity.Accepted {
				lists[i] = append(lists[i], profile.Identifier{Type: l.ID.Type, Value: l.ID.Value, Moment: l.At.Moment, Source: st.Source})
			}
		}
	}
	return profile.FoldIdentifiers(lists...)
}

// byProfile orders profile IDs.
func byProfile(a, b codec.ProfileID) int { return cmp.Compare(string(a[:]), string(b[:])) }
