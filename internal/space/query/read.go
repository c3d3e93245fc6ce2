package query

import (
	"context"
	"slices"
	"strings"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/journal"
)

// Part names parts of a Profile. Identity is always in it; the rest costs more the
// more strands a profile has.
type Part uint8

// The parts of a Profile.
const (
	PartIdentifiers Part = 1 << iota // perhaps without messageIds, see NameIdentifiers
	PartTraits
	PartMetadata // reads the body of the profile's last event
	allParts     = PartIdentifiers | PartTraits | PartMetadata
)

// Profile reads one profile as of one moment, all parts of it. ErrNotFound if
// ref names none.
func (r *Reader) Profile(ctx context.Context, ref space.Ref) (Profile, error) {
	return r.ReadProfile(ctx, ref, allParts)
}

// ReadProfile reads the wanted parts of one profile as of one moment, perhaps more.
// Callers must not change its slices. ErrNotFound if ref names none.
func (r *Reader) ReadProfile(ctx context.Context, ref space.Ref, want Part) (Profile, error) {
	v, err := r.space.View(ctx)
	if err != nil {
		return Profile{}, err
	}
	defer v.Close()
	f, err := r.find(v, ref, want)
	if err != nil {
		return Profile{}, err
	}
	p := Profile{
		ID: f.text, Collection: f.collection, Merged: f.merged,
		Provisional: f.pending, Version: f.version, Strands: len(f.strands), AsOf: f.until,
	}
	if !f.pending && f.until == 0 {
		p.Memo = &f.folded.memo
	}
	if want&PartIdentifiers != 0 {
		p.Identifiers = f.identifiers
		if want == allParts {
			p.Identifiers = slices.Clone(f.identifiers)
			if err := NameIdentifiers(v, p.Identifiers); err != nil {
				return Profile{}, err
			}
		}
	}
	if want&PartTraits != 0 {
		p.Traits = f.traits
	}
	if want&PartMetadata != 0 {
		p.Metadata, err = f.metadata()
	}
	return p, err
}

// identifiers folds where and when each ID of the profile was first seen, without
// the messageIds.
func (g *ProfileSnapshot) Identifiers() []profile.Identifier {
	lists := make([][]profile.Identifier, len(g.Strands))
	for i, st := range g.Strands {
		for k := range st.Links {
			if l := &st.Links[k]; l.Verdict == identity.Accepted {
				id := profile.Identifier{Type: l.ID.Type, Value: l.ID.Value, Moment: l.At.Moment, Source: st.Source}
				if l.At == st.First {
					id.MessageID = st.MessageID
				}
				lists[i] = append(lists[i], id)
			}
		}
	}
	return profile.FoldIdentifiers(lists...)
}

// traits folds the traits of the profile's strands.
func (g *ProfileSnapshot) Traits() (profile.Traits, error) {
	hashes := make([]identity.Hash, len(g.Strands))
	for i, st := range g.Strands {
		hashes[i] = st.Hash
	}
	sets, err := g.view.TraitsOf(hashes...)
	if err == nil && g.until != 0 {
		err = g.forget(sets)
	}
	if err != nil {
		return nil, err
	}
	sets = slices.DeleteFunc(sets, func(t profile.Traits) bool { return len(t) == 0 })
	if len(sets) == 1 {
		return sets[0], nil
	}
	return profile.FoldTraits(sets...), nil
}

// NameIdentifiers fills in the messageIds of the events with which identifiers were
// first seen, where only their bodies tell. Those of events that cannot be read any more stay empty.
func (r *Reader) NameIdentifiers(ctx context.Context, ids []profile.Identifier) error {
	v, err := r.space.View(ctx)
	if err != nil {
		return err
	}
	defer v.Close()
	return NameIdentifiers(v, ids)
}

// namedTogether is how many identifiers are named at once: each may have been seen
// in a block of its own.
const namedTogether = 64

func NameIdentifiers(v *space.View, ids []profile.Identifier) error {
	var unnamed []int
	for i := range ids {
		if ids[i].MessageID == "" {
			unnamed = append(unnamed, i)
		}
	}
	for part := range slices.Chunk(unnamed, namedTogether) {
		at := make([]event.Moment, len(part))
		for k, i := range part {
			at[k] = ids[i].Moment
		}
		blocks, err := journal.ReadMany(v.Context(), v.Reader(), v.Keys(), at)
		if err != nil {
			return err
		}
		for k, i := range part {
			e, _, _ := blocks[at[k].Arrival.Block()].At(at[k])
			ids[i].MessageID = e.MessageID
		}
	}
	return nil
}

// metadata says when the profile was first and last seen: the first events are
// in the strands, the last ones at the ends of their indexes.
func (f *found) metadata() (profile.Metadata, error) {
	v := f.view
	parts := make([]profile.Metadata, 0, 2*len(f.strands))
	ranges := make([]kv.Range, len(f.strands))
	for i := range f.strands {
		st := &f.strands[i]
		parts = append(parts, profile.Sighting(st.first, st.messageID, st.source))
		ranges[i] = kv.Range{From: codec.Events.Of(v.Keys(), st.hash), To: eventsEnd(v, st.hash, f.until)}
	}
	pages, err := v.Reader().Scans(v.Context(), ranges, 1, true)
	if err != nil {
		return profile.Metadata{}, err
	}
	for _, page := range pages {
		for _, e := range page {
			if at, ok := codec.EventMoment(e.Key); ok {
				parts = append(parts, profile.Sighting(at, "", ""))
			}
		}
	}
	m := profile.FoldMetadata(parts...)
	if m == (profile.Metadata{}) {
		return m, nil
	}
	if last := f.last.Load(); last != nil && last.at == m.Last && m.LastMessageID == "" {
		m.LastMessageID, m.LastSourceID = last.messageID, last.source
	}
	var asked []event.Moment
	for _, one := range [...]struct {
		at event.Moment
		id string
	}{{m.First, m.FirstMessageID}, {m.Last, m.LastMessageID}} {
		if one.id == "" {
			asked = append(asked, one.at)
		}
	}
	if len(asked) == 0 {
		return m, nil
	}
	blocks, err := journal.ReadMany(v.Context(), v.Reader(), v.Keys(), asked)
	if err != nil {
		return m, err
	}
	if m.FirstMessageID == "" {
		first, _, _ := blocks[m.First.Arrival.Block()].At(m.First)
		m.FirstMessageID = first.MessageID
	}
	if m.LastMessageID == "" {
		last, _, _ := blocks[m.Last.Arrival.Block()].At(m.Last)
		m.LastMessageID, m.LastSourceID = strings.Clone(last.MessageID), strings.Clone(last.Source)
		f.last.Store(&lastEvent{m.Last, m.LastMessageID, m.LastSourceID})
	}
	return m, nil
}

// Profile is one profile as of one moment.
type Profile struct {
	ID          string // use_… or acc_…
	Collection  identity.Collection
	Merged      []string // other profile IDs that lead here, oldest first
	Provisional bool     // pending work may still change who this is
	Version     uint64   // moves when identity or derived values change; 0 as of a time
	AsOf        int64    // the time as of which this is; 0: now
	Strands     int
	Identifiers []profile.Identifier // by first sighting, oldest first
	Traits      []profile.Trait      // by name; removed ones left out
	Metadata    profile.Metadata

	// Memo is where callers keep what they make of the profile; nil: there is none.
	Memo *Memo
}
