package codec

import (
	"slices"

	"github.com/selfsame-id/selfsame/internal/identity"
)

// OverrideList is overrides, by ID, among which those that explain something are
// found.
type OverrideList []Override

// Joining finds the override that ties two IDs together directly; nil if there is
// none.
func (list OverrideList) Joining(c identity.Collection, p identity.Pair) *Override {
	for i := range list {
		o := &list[i]
		if o.Kind == Same && o.Collection == c && slices.Contains(o.IDs, p.A.ID) && slices.Contains(o.IDs, p.B.ID) {
			return o
		}
	}
	return nil
}

// Parting finds an override that keeps two IDs apart; nil if there is none.
func (list OverrideList) Parting(c identity.Collection, a, b identity.ID) *Override {
	want := Override{Kind: CannotLink, Collection: c, IDs: []identity.ID{a, b}}
	for i := range list {
		if o := &list[i]; o.Kind == CannotLink && o.Collection == c && o.Says(&want) {
			return o
		}
	}
	return nil
}

// Isolating finds the override that isolates an ID.
func (list OverrideList) Isolating(c identity.Collection, id identity.ID) *Override {
	for i := range list {
		if o := &list[i]; o.Kind == Isolate && o.Collection == c && slices.Contains(o.IDs, id) {
			return o
		}
	}
	return nil
}

// Against finds the override by which an ID was left out.
func (list OverrideList) Against(c identity.Collection, d *identity.Demotion) *Override {
	if len(d.Override) == 0 {
		return nil
	}
	kind := map[identity.Reason]string{
		identity.ReasonDropped: Drop, identity.ReasonCannotLink: CannotLink,
	}[d.Reason]
	for i := range list {
		o := &list[i]
		if o.Kind != kind || o.Collection != c || kind == Drop && o.Strand != d.Strand.Hash {
			continue
		}
		named := true
		for _, id := range d.Override {
			named = named && slices.Contains(o.IDs, id)
		}
		if named {
			return o
		}
	}
	return nil
}
