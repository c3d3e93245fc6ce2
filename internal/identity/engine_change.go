package identity

import (
	"slices"
)

// change gathers what differs at the end of the sweep.
func (r *replay) change() *Change {
	c := &Change{Decisions: r.decisions}
	for _, en := range r.strands {
		if en.touched && (!en.known || !equalStrands(en.s, en.old)) {
			c.Strands = append(c.Strands, en.s)
		}
	}
	slices.SortFunc(c.Strands, func(a, b *Strand) int { return slices.Compare(a.Hash[:], b.Hash[:]) })
	seen := map[*group]bool{}
	hashes := make([]Hash, 0, len(r.dirty))
	for h := range r.dirty {
		hashes = append(hashes, h)
	}
	slices.SortFunc(hashes, func(a, b Hash) int { return slices.Compare(a[:], b[:]) })
	for _, h := range hashes {
		g := r.dirty[h]
		if g == nil {
			c.Bare = append(c.Bare, Member{ID: r.ids[h], Hash: h})
			continue
		}
		if !seen[g] {
			seen[g] = true
			members, unseen := g.seen()
			c.Bare = append(c.Bare, unseen...)
			if len(members) > 0 {
				c.Groups = append(c.Groups, members)
				c.Merges = append(c.Merges, g.merges)
			}
		}
	}
	for h := range r.taint {
		c.Tainted = append(c.Tainted, h)
	}
	slices.SortFunc(c.Tainted, func(a, b Hash) int { return slices.Compare(a[:], b[:]) })
	return c
}

func equalStrands(a, b *Strand) bool {
	return a.First == b.First && a.Evaluated == b.Evaluated && a.Recheck == b.Recheck && slices.Equal(a.Links, b.Links)
}
