package query

import (
	"bytes"
	"context"
	"math"
	"slices"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/journal"
)

// mostSettings bounds the events that one page of a history of traits looks at.
const mostSettings = 2000

// TraitHistory is a page of what calls said of a profile's traits, the newest first.
// Of settings of one value in a row only the first in time is listed: since then it is
// so. A page may begin with the value that the one before ended with, and may be
// short, even empty, while Next is set.
type TraitHistory struct {
	Profile     string // the profile's own ID
	Provisional bool   // see Profile
	Settings    []profile.Trait
	Next        string
}

// TraitHistory reads what identify calls said of a user, or group calls of an account;
// name is that of one trait, or "" for all. limit is 1 to 1000. ErrNotFound if ref names
// no profile, ErrBadCursor if next is not one of ours.
func (r *Reader) TraitHistory(ctx context.Context, ref space.Ref, name string, limit int, next string) (TraitHistory, error) {
	var after *event.Moment
	if next != "" {
		p, err := parsePageToken(next)
		if err != nil {
			return TraitHistory{}, err
		}
		after = &p
	}
	v, err := r.space.View(ctx)
	if err != nil {
		return TraitHistory{}, err
	}
	defer v.Close()
	g, err := snapshotOf(v, ref)
	if err != nil {
		return TraitHistory{}, err
	}
	page := TraitHistory{Profile: g.ID.Text(g.Record.Collection), Provisional: g.Pending}
	limit = min(max(limit, 1), 1000)
	open := map[string]int{} // the place of the oldest setting of each trait
	last, done, err := g.settings(name, after, mostSettings, func(said []profile.Trait) bool {
		for _, t := range said {
			at, had := open[t.Name]
			if had && t.Removed() == page.Settings[at].Removed() && bytes.Equal(t.Value, page.Settings[at].Value) {
				page.Settings[at] = t
				continue
			}
			open[t.Name] = len(page.Settings)
			page.Settings = append(page.Settings, t)
		}
		return len(page.Settings) < limit
	})
	if err != nil {
		return TraitHistory{}, err
	}
	slices.SortStableFunc(page.Settings, func(a, b profile.Trait) int { return b.Moment.Compare(a.Moment) })
	if !done {
		page.Next = pageToken(last)
	}
	return page, nil
}

// TraitTimeline is what was said of the profile's traits, the oldest first, of at most
// most events. complete is false where there are more: then of what was said before
// these only what still counts is in it.
func (g *ProfileSnapshot) TraitTimeline(most int) (settings []profile.Trait, complete bool, err error) {
	_, complete, err = g.settings("", nil, most, func(said []profile.Trait) bool {
		settings = append(settings, said...)
		return true
	})
	if err != nil {
		return nil, false, err
	}
	if !complete {
		traits, err := g.Traits()
		if err != nil {
			return nil, false, err
		}
		settings = append(settings, traits...)
	}
	slices.SortStableFunc(settings, func(a, b profile.Trait) int { return a.Moment.Compare(b.Moment) })
	return settings, complete, nil
}

// settings calls f with what each call said of traits, the newest first, until f returns
// false or most events were looked at. last is the last event that was, and done says
// that there is no older one.
func (g *ProfileSnapshot) settings(name string, after *event.Moment, most int, f func(said []profile.Trait) bool) (last event.Moment, done bool, err error) {
	hashes := make([]identity.Hash, len(g.Strands))
	for i, st := range g.Strands {
		hashes[i] = st.Hash
	}
	rows, err := g.view.TraitsOf(hashes...)
	if err != nil {
		return last, false, err
	}
	end := Bound{}
	if g.until != 0 && g.until != math.MaxInt64 {
		end = BoundAt(g.until + 1)
	}
	m := &merge{ctx: g.view.Context(), r: g.view.Reader(), keys: g.view.Keys()}
	for i, st := range g.Strands {
		// A strand keeps the last that was said of each trait, so the others said nothing.
		if _, said := rows[i].Get(name); said || name == "" && len(rows[i]) > 0 {
			m.add(st.Hash, Bound{}, end, after)
		}
	}
	for looked := 0; looked < most; {
		places, err := m.ahead(min(blocksAhead, most-looked))
		if err != nil {
			return last, false, err
		}
		if len(places) == 0 {
			return last, true, nil
		}
		looked += len(places)
		blocks, err := journal.ReadMany(g.view.Context(), g.view.Reader(), g.view.Keys(), places)
		if err != nil {
			return last, false, err
		}
		for _, at := range places {
			last = at
			var said []profile.Trait
			switch e, msg, state := blocks[at.Arrival.Block()].At(at); state {
			case journal.Whole:
				said = e.Traits(g.Record.Collection, &msg)
			case journal.Damaged: // what still counts of it is known
				for i := range rows {
					said = append(said, rows[i].SetBy(map[event.Arrival]bool{at.Arrival: true})...)
				}
			}
			if name != "" {
				said = slices.DeleteFunc(said, func(t profile.Trait) bool { return t.Name != name })
			}
			if len(said) > 0 && !f(said) {
				return last, false, nil
			}
		}
	}
	return last, false, nil
}
