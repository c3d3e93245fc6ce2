package profile

import (
	"cmp"
	"slices"
)

// FoldTraits joins the trait sets of strands: of each name the newest setting
// (see Traits.Apply), removals included, so that a removal on one strand hides
// an older value on another. The order of the sets does not matter, and folds
// may be folded again. The result shares the sets' strings and values.
func FoldTraits(sets ...Traits) Traits {
	switch len(sets) {
	case 0:
		return nil
	case 1:
		return sets[0]
	case 2:
		return union(sets[0], sets[1])
	}
	// Strands of one profile mostly name the same few traits.
	var all Traits
	place := map[string]int{}
	for _, set := range sets {
		for _, t := range set {
			i, there := place[t.Name]
			switch {
			case !there:
				place[t.Name] = len(all)
				all = append(all, t)
			case all[i].Before(t.Moment):
				all[i] = t
			}
		}
	}
	slices.SortFunc(all, func(a, b Trait) int { return cmp.Compare(a.Name, b.Name) })
	return all
}
