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
	Event Seen
	Limit identity.Limit // of Broke, or the cap; as the rules are now
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
	chapters := identity.Story(told)
	page := StoryPage{Profile: g.id.Text(c), Collection: c, Provisional: g.pending, Strands: len(g.strands), Total: len(chapters)}
	start = min(start, len(chapters)) // a token may be any number
	end := min(start+min(max(limit, 1), 1000), len(chapters))
	w := s.witness(ctx, r)
	for _, ch := range chapters[start:end] {
		seen, err := w.seen(ch.At.Moment)
		if err != nil {
			return StoryPage{}, err
		}
		out := Chapter{Chapter: ch, Event: seen}
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
