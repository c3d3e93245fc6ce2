package overrides

import (
	"fmt"
	"slices"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/journal"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

// mostSplitIDs bounds the IDs that a split keeps apart: of two parts, each pair is
// remembered.
const mostSplitIDs = 200

// merged finds the parts of a profile that an event tied together: of each of the
// profiles that there were until then the IDs that have ever been seen with an ID
// of another part, and so would tie them again; those that the event carried go
// first. They are what a split keeps apart. What else a part has hangs on these.
func (w *undoing) merged() ([][]identity.ID, error) {
	u := &w.undo
	p, err := w.was.Resolve(u.Profile)
	if err != nil {
		return nil, fmt.Errorf("the profile to split: %w", err)
	}
	g, err := query.Collect(w.was, p)
	if err != nil {
		return nil, fmt.Errorf("the profile to split: %w", err)
	}
	w.undo.Collection = g.Record.Collection
	event, at, err := w.tying(g)
	if err != nil {
		return nil, err
	}
	if event == nil {
		return nil, fmt.Errorf("event %q: %w among the events that tied the IDs of this profile together; explain shows which did", u.MessageID, space.ErrNotFound)
	}
	tied := newTies()
	for _, st := range g.Strands {
		var first identity.Hash
		for i := range st.Links {
			l := &st.Links[i]
			if l.Verdict != identity.Accepted || !earlier(l.At, at) {
				continue
			}
			if (first == identity.Hash{}) {
				first = l.Hash
			}
			tied.tie(first, l.Hash)
		}
	}
	var roots []identity.Hash // of the parts
	var parts [][]identity.ID
	total := 0
	put := func(l *identity.Link) {
		k := slices.Index(roots, tied.root(l.Hash))
		if total < mostSplitIDs && !slices.Contains(parts[k], l.ID) {
			parts[k] = append(parts[k], l.ID)
			total++
		}
	}
	links := slices.Clone(event.Links)
	slices.SortFunc(links, func(a, b identity.Link) int { return w.was.Rules().ComparePriority(a.ID, b.ID) })
	for i := range links {
		l := &links[i]
		if l.Verdict != identity.Accepted || !tied.has(l.Hash) {
			continue // new with this event
		}
		if root := tied.root(l.Hash); !slices.Contains(roots, root) {
			roots = append(roots, root)
			parts = append(parts, nil)
		}
		put(l)
	}
	if len(parts) < 2 {
		return nil, fmt.Errorf("%w: event %q merged no profiles; its IDs were new or belonged to one profile already", space.ErrInvalid, u.MessageID)
	}
	for _, st := range g.Strands {
		var across []*identity.Link
		var first identity.Hash
		several := false
		for i := range st.Links {
			l := &st.Links[i]
			if !tied.has(l.Hash) || !slices.Contains(roots, tied.root(l.Hash)) {
				continue
			}
			if len(across) == 0 {
				first = tied.root(l.Hash)
			}
			several = several || tied.root(l.Hash) != first
			across = append(across, l)
		}
		if several {
			for _, l := range across {
				put(l)
			}
		}
	}
	return parts, nil
}

// tying finds the strand of a profile and the place in it at which the event to split
// by was seen to tie IDs; nil if it is none of them.
func (w *undoing) tying(g *query.ProfileSnapshot) (*codec.Strand, identity.Pos, error) {
	hash := w.space.MessageHash(w.undo.MessageID)
	heads := map[event.Block][]journal.Head{}
	for _, st := range g.Strands {
		for i := range st.Links {
			l := &st.Links[i]
			if l.Verdict != identity.Accepted {
				continue
			}
			block, o := l.At.Arrival.Block(), l.At.Arrival.Ordinal()
			if _, known := heads[block]; !known {
				var err error
				if heads[block], err = journal.ReadHeads(w.was.Context(), w.was.Reader(), w.was.Keys(), block); err != nil {
					return nil, l.At, err
				}
			}
			if o >= len(heads[block]) || heads[block][o].MessageHash != hash {
				continue
			}
			e, err := journal.ReadEvent(w.was.Context(), w.was.Reader(), w.was.Keys(), l.At.Moment)
			if err != nil || e.MessageID == w.undo.MessageID {
				return st, l.At, err
			}
		}
	}
	return nil, identity.Pos{}, nil
}

// earlier compares places by the time of their events, as people see them, and
// not by their order of resolution.
func earlier(a, b identity.Pos) bool {
	return a.Moment.Before(b.Moment)
}

// ties is a union-find over IDs.
type ties map[identity.Hash]identity.Hash

func newTies() ties { return ties{} }

func (t ties) has(h identity.Hash) bool { _, ok := t[h]; return ok }

func (t ties) root(h identity.Hash) identity.Hash {
	for {
		up, ok := t[h]
		if !ok {
			t[h] = h
			return h
		}
		if up == h {
			return h
		}
		t[h] = t[up]
		h = up
	}
}

func (t ties) tie(a, b identity.Hash) {
	if ra, rb := t.root(a), t.root(b); ra != rb {
		t[ra] = rb
	}
}
