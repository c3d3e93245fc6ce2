package overrides

import (
	"slices"

	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

// Summary is a profile before or after a regrouping, as people are shown it.
type Summary struct {
	// ID is empty for a profile that is not there yet: it gets one when the
	// regrouping is applied.
	ID          string
	Identifiers []profile.Identifier // by first sighting, at most briefIdentifiers
	IDs         int                  // how many it has in all
	Strands     int
	Events      int64 // counted up to briefEvents
	Traits      []profile.Trait
}

// The bounds of what a Brief lists and counts.
const (
	briefIdentifiers = 200
	briefEvents      = 1_000_000
)

// summarized is a Summary with what is needed to compare it.
type summarized struct {
	Summary
	id     codec.ProfileID
	ids    map[string]bool
	traits profile.Traits
}

// summarize sums up a profile of a view. One that is new has no ID to be shown yet.
func summarize(v *space.View, g *query.ProfileSnapshot, isNew bool) (*summarized, error) {
	f := &summarized{id: g.ID, ids: map[string]bool{}}
	f.Identifiers = g.Identifiers()
	f.IDs, f.Strands = len(f.Identifiers), len(g.Strands)
	for _, id := range f.Identifiers {
		f.ids[id.Type+":"+id.Value] = true
	}
	f.Identifiers = f.Identifiers[:min(len(f.Identifiers), briefIdentifiers)]
	if err := query.NameIdentifiers(v, f.Identifiers); err != nil {
		return nil, err
	}
	if !isNew {
		f.ID = g.ID.Text(g.Record.Collection)
	}
	var err error
	if f.Events, err = g.CountEvents(briefEvents); err != nil {
		return nil, err
	}
	if f.traits, err = g.Traits(); err != nil {
		return nil, err
	}
	f.Summary.Traits = f.traits.Visible()
	return f, nil
}

// same reports whether two views of one profile ID show the same.
func (f *summarized) same(o *summarized) bool {
	if o == nil || f.id != o.id || len(f.ids) != len(o.ids) || f.Strands != o.Strands || f.Events != o.Events {
		return false
	}
	for id := range f.ids {
		if !o.ids[id] {
			return false
		}
	}
	return true
}

// summaries lists profiles, those with more events first.
func summaries(list []*summarized) []Summary {
	slices.SortFunc(list, func(a, b *summarized) int {
		switch {
		case a.Events != b.Events:
			return int(min(max(b.Events-a.Events, -1), 1))
		case a.id.Less(b.id):
			return -1
		}
		return 1
	})
	out := make([]Summary, len(list))
	for i, f := range list {
		out[i] = f.Summary
	}
	return out
}
