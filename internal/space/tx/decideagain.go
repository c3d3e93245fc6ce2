package tx

import (
	"math"

	"github.com/selfsame-id/selfsame/internal/identity"
)

// DecideAgain resolves strands, and all that is tied to them by IDs that name
// somebody, from what is stored of their events. What else their profiles own
// today is decided in its own turn.
func (tx *Tx) DecideAgain(hashes []identity.Hash) error {
	tx.touchBound = 0
	strands, err := tx.component(hashes, nil, math.MaxInt64, math.MaxInt, tx.ties)
	if err != nil {
		return err
	}
	var ids []identity.Hash
	seen := map[identity.Hash]bool{}
	for _, s := range strands {
		for i := range s.Links {
			if h := s.Links[i].Hash; !seen[h] {
				seen[h] = true
				ids = append(ids, h)
			}
		}
	}
	if err := tx.LoadOwners(ids...); err != nil {
		return err
	}
	occ, err := tx.needed(strands)
	if err != nil {
		return err
	}
	res := identity.Resolve(tx.rules, tx.engine.Overrides, occ)
	c := res.Change(tx.rules, tx.engine.Overrides, strands)
	c.Bare = nil
	for _, h := range ids {
		if _, owned := res.Owner[h]; !owned {
			if n := tx.nodes[h]; n != nil && !n.Owner.IsZero() {
				c.Bare = append(c.Bare, identity.Member{ID: n.ID, Hash: h})
			}
		}
	}
	if err := tx.prune(c); err != nil {
		return err
	}
	return tx.apply(c, tx.noEvent())
}

// needed is what Resolve needs of strands: their first events, or all.
func (v *View) needed(strands []*identity.Strand) ([]identity.Occurrence, error) {
	if identity.NeedsEvents(v.rules, v.engine.Overrides, strands) {
		return v.Arrivals(strands, math.MaxInt64, math.MaxInt)
	}
	out := make([]identity.Occurrence, len(strands))
	for i, s := range strands {
		out[i] = identity.Occurrence{Strand: s, Moment: s.First.Moment}
	}
	return out, nil
}
