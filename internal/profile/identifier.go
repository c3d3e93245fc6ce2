package profile

import (
	"cmp"
	"slices"

	"github.com/selfsame-id/selfsame/internal/event"
)

// Identifier is an external ID of a profile with its first sighting.
type Identifier struct {
	Type, Value  string
	event.Moment        // of the first event
	MessageID    string // the first event's
	Source       string // the first event's source ID
}

// FoldIdentifiers joins the identifiers of strands: of each (type, value) the
// earliest sighting. They come sorted by first sighting, oldest first; what was first seen with the same
// event is sorted by type and value. The lists are not changed; the result
// shares their strings.
func FoldIdentifiers(lists ...[]Identifier) []Identifier {
	var all []Identifier
	place := map[[2]string]int{}
	for _, l := range lists {
		for _, id := range l {
			key := [2]string{id.Type, id.Value}
			i, there := place[key]
			switch {
			case !there:
				place[key] = len(all)
				all = append(all, id)
			case compareSighting(id, all[i]) < 0:
				all[i] = id
			}
		}
	}
	slices.SortFunc(all, func(a, b Identifier) int {
		return cmp.Or(compareSighting(a, b), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Value, b.Value))
	})
	return all
}

func compareSighting(a, b Identifier) int {
	return a.Moment.Compare(b.Moment)
}
