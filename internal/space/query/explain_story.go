package query

import (
	"context"
	"errors"
	"strconv"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Chapter is one step of how a profile came to be, with its event.
type Chapter struct {
	identity.Chapter
	Event Seen // if no event did it, only the time is known
	// Decided is the Same that merged the parts; nil if an event did.
	Decided *codec.Override
	Limit   identity.Limit // of Broke, or the cap; as the rules are now
}

// StoryPage is a page of a profile's story; Next is "" on the last.
type StoryPage struct {
	Profile     string
	Collection  identity.Collection
	Provisional bool // see Profile
	Strands     int
	Total       int // chapters of the whole story
	Chapters    []Chapter
	Next        string
}

// Story tells how a profile came to be, in the order of event time. Errors are
// *UnknownError and ErrBadCursor.
func (r *Reader) Story(ctx context.Context, ref space.Ref, limit int, next string) (StoryPage, error) {
	start := 0
	if next != "" {
		n, err := strconv.Atoi(next)
		if err != nil || n < 1 {
			return StoryPage{}, space.ErrBadCursor
		}
		start = n
	}
	v, err := r.space.View(ctx)
	if err != nil {
		return StoryPage{}, err
	}
	defer v.Close()
	g, err := snapshotOf(v, ref)
	if errors.Is(err, space.ErrNotFound) {
		var known *space.UnknownError
		var early *NotYetError
		if !errors.As(err, &known) && !errors.As(err, &early) {
			err = &space.UnknownError{Ref: ref}
		}
	}
	if err != nil {
		return StoryPage{}, err
	}
	c := g.Record.Collection
	told := make([]identity.Told, len(g.Strands))
	for i, st := range g.Strands {
		told[i].Strand = st.Strand
		if !st.Founded.IsZero() {
			told[i].Founded = st.Founded.Text(c)
		}
	}
	over := v.OverrideList()
	chapters := identity.Story(told, decisions(g))
	page := StoryPage{Profile: g.ID.Text(c), Collection: c, Provisional: g.Pending, Strands: len(g.Strands), Total: len(chapters)}
	start = min(start, len(chapters)) // a token may be any number
	end := min(start+min(max(limit, 1), 1000), len(chapters))
	w := newWitness(v)
	for _, ch := range chapters[start:end] {
		out := Chapter{Chapter: ch}
		if ch.Decision != nil {
			out.Event.Time, out.Decided = ch.At.Time, over.Joining(c, ch.Decision.Pair)
		} else if out.Event, err = w.seen(ch.At.Moment); err != nil {
			return StoryPage{}, err
		}
		switch ch.Reason {
		case identity.ReasonLimit:
			out.Limit = v.Rules().Limit(c, ch.Broke)
		case identity.ReasonCap:
			out.Limit.Values = v.Rules().MaxIdentifiers()
		}
		page.Chapters = append(page.Chapters, out)
	}
	if end < len(chapters) {
		page.Next = strconv.Itoa(end)
	}
	return page, nil
}

// decisions lists what people said of the IDs of a profile that ties its parts
// together.
func decisions(g *ProfileSnapshot) []identity.Decision {
	v := g.view
	if v.Overrides() == nil {
		return nil
	}
	var out []identity.Decision
	seen := map[identity.Pair]bool{}
	for _, st := range g.Strands {
		for i := range st.Links {
			for _, k := range v.Overrides().Together(v.Rules(), st.Links[i].Hash) {
				for _, p := range v.Overrides().Pairs(v.Rules(), k.Hash) {
					if o := v.OverrideList().Joining(g.Record.Collection, p); o != nil && !seen[p] {
						seen[p] = true
						out = append(out, identity.Decision{Pair: p, At: o.At})
					}
				}
			}
		}
	}
	return out
}
