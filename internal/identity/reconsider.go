package identity

import "slices"

// Reconsider decides again everything on which an override of the IDs may bear:
// all strands that hold one of them, or an ID of a profile that has one of them
// now. It is called after overrides were added or taken away, with the engine
// holding the new ones, while what is stored follows from the old ones.
//
// That is enough: groups only grow along the order of resolution, so the
// earliest decision that turns out otherwise joins a group that is part of such
// a profile, and holds one of its IDs. What follows from it, the replay finds.
//
// The bound of the engine does not hold here; ErrBound comes only from a graph
// that has one of its own. Under order: arrival it must not be called.
func (e *Engine) Reconsider(g Graph, c Collection, ids []Hash) (*Change, error) {
	end := Pos{Class: 255}
	look := e.replay(g)
	all := map[Hash]bool{}
	var list []Hash
	add := func(h Hash) {
		if !all[h] {
			all[h] = true
			list = append(list, h)
		}
	}
	// Where an ID names nobody any more, or somebody again, the pairs that have
	// it may tie other IDs otherwise.
	for _, id := range slices.Clone(ids) {
		for _, k := range e.Overrides.Bound(id) {
			ids = append(ids, k.Hash)
		}
	}
	for _, id := range ids {
		if all[id] {
			continue
		}
		add(id)
		group, err := look.walk(id, end)
		if err != nil {
			return nil, err
		}
		if group != nil {
			for i := range group.members {
				add(group.members[i].Hash)
			}
		}
	}
	lists, err := g.Touching(list, Beginning)
	if err != nil {
		return nil, err
	}
	more, err := g.Accepting(list)
	if err != nil {
		return nil, err
	}
	for i := range lists {
		lists[i] = append(lists[i], more[i]...)
	}
	entries, err := look.holders(list, lists)
	if err != nil {
		return nil, err
	}
	var seeds []Seed
	for _, en := range entries {
		if en.known && en.s.Collection == c && en.holds(all) {
			seeds = append(seeds, e.seedOf(en))
		}
	}
	free := *e
	free.Bound = 0
	return free.Replay(g, seeds)
}

// holds reports whether the strand holds one of the IDs.
func (en *entry) holds(ids map[Hash]bool) bool {
	for i := range en.s.Links {
		if ids[en.s.Links[i].Hash] {
			return true
		}
	}
	return false
}
