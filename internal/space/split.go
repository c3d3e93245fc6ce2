package space

import (
	"github.com/selfsame-id/selfsame/internal/space/codec"

	"cmp"
	"fmt"
	"slices"

	"github.com/selfsame-id/selfsame/internal/identity"
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
	p, err := w.was.resolveRef(u.Profile)
	if err != nil {
		return nil, fmt.Errorf("the profile to split: %w", err)
	}
	g, err := w.was.collect(p)
	if err != nil {
		return nil, fmt.Errorf("the profile to split: %w", err)
	}
	w.undo.Collection = g.rec.Collection
	var event *codec.Strand
	var at identity.Pos
	for _, st := range g.strands {
		for i := range st.Links {
			if l := &st.Links[i]; l.Verdict == identity.Accepted && l.At.MessageID == u.MessageID {
				event, at = st, l.At
			}
		}
	}
	if event == nil {
		return nil, fmt.Errorf("event %q: %w among the events that tied the IDs of this profile together; explain shows which did", u.MessageID, ErrNotFound)
	}
	tied := newTies()
	for _, st := range g.strands {
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
	slices.SortFunc(links, func(a, b identity.Link) int { return w.was.rules.ComparePriority(a.ID, b.ID) })
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
		return nil, fmt.Errorf("%w: event %q merged no profiles; its IDs were new or belonged to one profile already", ErrInvalid, u.MessageID)
	}
	for _, st := range g.strands {
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

// earlier compares places by the time of their events, as people see them, and
// not by their order of resolution.
func earlier(a, b identity.Pos) bool {
	return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.MessageID, b.MessageID), slices.Compare(a.Strand[:], b.Strand[:])) < 0
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
