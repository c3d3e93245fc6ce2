package space

import (
	"github.com/selfsame-id/selfsame/internal/space/codec"

	"context"
	"slices"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/profile"
)

// Part names parts of a View. Identity is always in it; the rest costs more the
// more strands a profile has.
type Part uint8

// The parts of a View.
const (
	PartIdentifiers Part = 1 << iota
	PartTraits
	PartMetadata // reads the profile's last event
	allParts     = PartIdentifiers | PartTraits | PartMetadata
)

// Profile reads one profile as of one moment, all parts of it. ErrNotFound if
// ref names none.
func (s *Space) Profile(ctx context.Context, ref Ref) (View, error) {
	return s.Look(ctx, ref, allParts)
}

// Look reads the wanted parts of one profile as of one moment. ErrNotFound if
// ref names none.
func (s *Space) Look(ctx context.Context, ref Ref, want Part) (View, error) {
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return View{}, err
	}
	defer r.Close()
	g, err := s.gather(ctx, r, ref)
	if err != nil {
		return View{}, err
	}
	v := View{
		ID: g.id.Text(g.rec.Collection), Collection: g.rec.Collection,
		Provisional: g.pending, Version: g.rec.Version, Strands: len(g.strands), AsOf: g.until,
	}
	var founded []codec.ProfileID
	for _, st := range g.strands {
		if !st.Founded.IsZero() && st.Founded != g.id {
			founded = append(founded, st.Founded)
		}
	}
	slices.SortFunc(founded, func(a, b codec.ProfileID) int { return slices.Compare(a[:], b[:]) })
	for _, p := range founded {
		v.Merged = append(v.Merged, p.Text(g.rec.Collection))
	}
	if want&PartIdentifiers != 0 {
		v.Identifiers = g.identifiers()
	}
	if want&PartTraits != 0 {
		traits, err := g.traits()
		if err != nil {
			return View{}, err
		}
		v.Traits = traits.Visible()
	}
	if want&PartMetadata != 0 {
		v.Metadata, err = s.metadata(ctx, r, g)
	}
	return v, err
}

// identifiers folds where and when each ID of the profile was first seen.
func (g *gathered) identifiers() []profile.Identifier {
	lists := make([][]profile.Identifier, len(g.strands))
	for i, st := range g.strands {
		for k := range st.Links {
			if l := &st.Links[k]; l.Verdict == identity.Accepted {
				lists[i] = append(lists[i], profile.Identifier{
					Type: l.ID.Type, Value: l.ID.Value, FirstSeen: l.At.Time, MessageID: l.At.MessageID, Source: st.Source,
				})
			}
		}
	}
	return profile.FoldIdentifiers(lists...)
}

// traits folds the traits of the profile's strands.
func (g *gathered) traits() (profile.Traits, error) {
	hashes := make([]identity.Hash, len(g.strands))
	for i, st := range g.strands {
		hashes[i] = st.Hash
	}
	if err := g.d.loadTraits(hashes...); err != nil {
		return nil, err
	}
	if g.until != 0 {
		if err := g.d.forget(g); err != nil {
			return nil, err
		}
	}
	sets := make([]profile.Traits, 0, len(hashes))
	for _, h := range hashes {
		if t := g.d.traits[h]; len(t) > 0 {
			sets = append(sets, t)
		}
	}
	if len(sets) == 1 {
		return sets[0], nil
	}
	return profile.FoldTraits(sets...), nil
}

// metadata says when the profile was first and last seen: the first events are
// in the strands, the last ones at the ends of their indexes.
func (s *Space) metadata(ctx context.Context, r kv.Reader, g *gathered) (profile.Metadata, error) {
	parts := make([]profile.Metadata, 0, len(g.strands)+1)
	var last eventRef
	ranges := make([]kv.Range, len(g.strands))
	for i, st := range g.strands {
		parts = append(parts, profile.Sighting(st.First.Time, st.First.MessageID, st.Source))
		ranges[i] = kv.Range{From: codec.Events.Of(s.keys, st.Hash), To: g.eventsEnd(st.Hash)}
	}
	pages, err := r.Scans(ctx, ranges, 1, true)
	if err != nil {
		return profile.Metadata{}, err
	}
	for _, page := range pages {
		for _, e := range page {
			// Of events of one time, the last to arrive, whichever strand has it.
			if ref, ok := parseEventKey(e.Key); ok && (last == eventRef{} || (place{ref.time, ref.block, ref.ordinal}).compare(place{last.time, last.block, last.ordinal}) > 0) {
				last = ref
			}
		}
	}
	if last != (eventRef{}) {
		e, err := s.stored(ctx, r, last)
		if err != nil {
			return profile.Metadata{}, err
		}
		parts = append(parts, profile.Sighting(e.Time, e.MessageID, e.Source))
	}
	return profile.FoldMetadata(parts...), nil
}

// stored reads one event of the journal.
func (s *Space) stored(ctx context.Context, r kv.Reader, ref eventRef) (StoredEvent, error) {
	return readStored(ctx, r, s.keys, ref)
}

// Mark reads the value that the last committed Mark of that name left; nil if
// there is none.
func (s *Space) Mark(ctx context.Context, name string) ([]byte, error) {
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	got, err := r.Get(ctx, codec.Marks.Key(s.keys, name))
	if err != nil {
		return nil, err
	}
	return got[0], nil
}
