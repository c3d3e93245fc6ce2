package space

import (
	"context"
	"errors"
	"strconv"

	"github.com/selfsame-id/selfsame/internal/identity"
)

// Chapter is one step of how a profile came to be, with its event.
type Chapter struct {
	identity.Chapter
	Event Seen // if no event did it, only the time is known
	// Decided is the Same that merged the parts; nil if an event did.
	Decided *Override
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
func (s *Space) Story(ctx context.Context, ref Ref, limit int, next string) (StoryPage, error) {
	start := 0
	if next != "" {
		n, err := strconv.Atoi(next)
		if err != nil || n < 1 {
			return StoryPage{}, ErrBadCursor
		}
		start = n
	}
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return StoryPage{}, err
	}
	defer r.Close()
	g, err := s.snapshotOf(ctx, r, ref)
	if errors.Is(err, ErrNotFound) {
		var known *UnknownError
		var early *NotYetError
		if !errors.As(err, &known) && !errors.As(err, &early) {
			err = &UnknownError{ref}
		}
	}
	if err != nil {
		return StoryPage{}, err
	}
	c := g.rec.Collection
	told := make([]identity.Told, len(g.strands))
	for i, st := range g.strands {
		told[i].Strand = st.Strand
		if !st.Founded.IsZero() {
			told[i].Founded = st.Founded.Text(c)
		}
	}
	over := s.overrides.Load()
	chapters := identity.Story(told, over.decisions(g))
	page := StoryPage{Profile: g.id.Text(c), Collection: c, Provisional: g.pending, Strands: len(g.strands), Total: len(chapters)}
	start = min(start, len(chapters)) // a token may be any number
	end := min(start+min(max(limit, 1), 1000), len(chapters))
	w := s.witness(ctx, r)
	for _, ch := range chapters[start:end] {
		out := Chapter{Chapter: ch}
		if ch.Decision != nil {
			out.Event.Time, out.Decided = ch.At.Time, over.joining(c, ch.Decision.Pair)
		} else if out.Event, err = w.seen(ch.At.Moment); err != nil {
			return StoryPage{}, err
		}
		switch ch.Reason {
		case identity.ReasonLimit:
			out.Limit = g.d.rules.Limit(c, ch.Broke)
		case identity.ReasonCap:
			out.Limit.Values = g.d.rules.MaxIdentifiers()
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
func (set *overrideSet) decisions(g *profileSnapshot) []identity.Decision {
	if set.identity == nil {
		return nil
	}
	var out []identity.Decision
	seen := map[identity.Pair]bool{}
	for _, st := range g.strands {
		for i := range st.Links {
			for _, k := range set.identity.Together(g.d.rules, st.Links[i].Hash) {
				for _, p := range set.identity.Pairs(g.d.rules, k.Hash) {
					if o := set.joining(g.rec.Collection, p); o != nil && !seen[p] {
						seen[p] = true
						out = append(out, identity.Decision{Pair: p, At: o.At})
					}
				}
			}
		}
	}
	return out
}
