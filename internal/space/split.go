package space

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/selfsame-id/selfsame/internal/identity"
)

// merged finds the IDs that an event of a profile tied together although they
// were in different profiles until then: of each of these profiles the ID with
// the highest priority that the event carried. They are what a split keeps
// apart.
func (w *undoing) merged() ([]identity.ID, error) {
	u := &w.undo
	p, err := w.was.resolveRef(u.Profile)
	if err != nil {
		return nil, fmt.Errorf("the profile to split: %w", err)
	}
	g, err := w.was.collect(p)
	if err != nil {
		return nil, fmt.Errorf("the profile to split: %w", err)
	}
	w.undo.Collection = g.rec.collection
	var event *strandRecord
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
	links := slices.Clone(event.Links)
	slices.SortFunc(links, func(a, b identity.Link) int { return w.was.rules.ComparePriority(a.ID, b.ID) })
	var ids []identity.ID
	var groups []identity.Hash
	for i := range links {
		l := &links[i]
		if l.Verdict != identity.Accepted || !tied.has(l.Hash) {
			continue // new with this event
		}
		if root := tied.root(l.Hash); !slices.Contains(groups, root) {
			groups = append(groups, root)
			ids = append(ids, l.ID)
		}
	}
	if len(ids) < 2 {
		return nil, fmt.Errorf("%w: event %q merged no profiles; its IDs were new or belonged to one profile already", ErrInvalid, u.MessageID)
	}
	return ids, nil
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
