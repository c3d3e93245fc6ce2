package tx

import (
	"context"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/counts"
	"github.com/selfsame-id/selfsame/internal/space/journal"
)

// Fresh is an empty view of the same snapshot, for another goroutine, or for more than one
// view should remember. It is not closed, and ends with d.
func (v *View) Fresh(ctx context.Context) *View {
	return &View{
		ctx: ctx, keys: v.keys, hasher: v.hasher, rules: v.rules, engine: v.engine, r: v.r, now: v.now,
		strands: map[identity.Hash]*codec.Strand{}, nodes: map[identity.Hash]*codec.Identifier{}, profiles: map[codec.ProfileID]*codec.Profile{},
		traits: traitTable(), overrides: v.overrides, stale: v.stale, rulesSince: v.rulesSince, touchBound: v.touchBound,
	}
}

// Close gives the snapshot back.
func (v *View) Close() { v.r.Close() }

// Context ends the reads of the view.
func (v *View) Context() context.Context { return v.ctx }

// Reader is the snapshot.
func (v *View) Reader() kv.Reader { return v.r }

// Keys says where the space lies in its store.
func (v *View) Keys() codec.Keyspace { return v.keys }

// Hasher makes the hashes of the space's IDs and strands.
func (v *View) Hasher() identity.Hasher { return v.hasher }

// Rules are the rules that the view goes by.
func (v *View) Rules() *identity.Ruleset { return v.rules }

// Overrides are the overrides that the view goes by, as the engine wants them; nil
// if there are none.
func (v *View) Overrides() *identity.Overrides { return v.engine.Overrides }

// OverrideList is the overrides that the view goes by, by ID. Callers must not
// change it.
func (v *View) OverrideList() codec.OverrideList { return v.overrides.All }

// Engine decides by the rules and overrides of the view.
func (v *View) Engine() *identity.Engine { return &v.engine }

// Now is when the view was opened.
func (v *View) Now() time.Time { return v.now }

// Applying reports whether new rules or overrides are at work from which what is
// stored does not follow yet.
func (v *View) Applying() bool { return v.stale }

// BoundTouching has Touching fail with identity.ErrBound where it would list more
// strands than most; 0: no bound.
func (v *View) BoundTouching(most int) { v.touchBound = most }

// Strand is a strand that was loaded; nil if there is none.
func (v *View) Strand(h identity.Hash) *codec.Strand { return v.strands[h] }

// Identifier is the record of an ID that was loaded; nil if there is none.
func (v *View) Identifier(h identity.Hash) *codec.Identifier { return v.nodes[h] }

// Profile is the record of a profile that was loaded; nil if there is none.
func (v *View) Profile(p codec.ProfileID) *codec.Profile { return v.profiles[p] }

// AnyPending reports whether pending work may still change an ID that was loaded.
func (v *View) AnyPending() bool {
	for _, n := range v.nodes {
		if n != nil && n.Pending {
			return true
		}
	}
	return false
}

// Belongs reports whether a strand belongs to a profile; the identifiers of the
// profile were loaded. The accepted IDs of a strand are all
// of one profile, but for those that were let go already while the strand waits to be
// decided again.
func (v *View) Belongs(st *codec.Strand, p codec.ProfileID) bool {
	for i := range st.Links {
		l := &st.Links[i]
		if l.Verdict != identity.Accepted {
			continue
		}
		n := v.nodes[l.Hash]
		if n != nil && n.Owner.IsZero() {
			continue
		}
		return n != nil && n.Owner == p
	}
	return false
}

// TraitsOf reads what was said under each of the strands, in their order. Callers
// must not change the rows.
func (v *View) TraitsOf(strands ...identity.Hash) ([]profile.Traits, error) {
	if err := v.traits.load(v, strands...); err != nil {
		return nil, err
	}
	rows := make([]profile.Traits, len(strands))
	for i, h := range strands {
		rows[i] = v.traits.row(h)
	}
	return rows, nil
}

// Counters adds up what all lanes counted.
func (v *View) Counters() (codec.Counters, error) { return ReadCounters(v.ctx, v.r, v.keys) }

// EachHour calls f with the hourly counts of every hour and lane of a time, in
// nanoseconds since 1970.
func (v *View) EachHour(since, until int64, f func(hour int64, t *counts.Hourly)) error {
	return counts.EachHour(v.ctx, v.r, v.keys, since, until, f)
}

// SourceCounts adds up what was counted of the events of each source.
func (v *View) SourceCounts() (map[string]codec.SourceCount, error) {
	return counts.ReadSources(v.ctx, v.r, v.keys, 0)
}

// Deferred lists replays that wait for the job, limit of them at most.
func (v *View) Deferred(limit int) ([]codec.Deferred, error) {
	return ReadDeferred(v.ctx, v.r, v.keys, limit)
}

// Each calls f for every entry of a kind, in order of keys, reading page of them
// at once.
func (v *View) Each(kind KeyRange, page int, f func(kv.Entry) error) error {
	return Each(v.ctx, v.r, v.keys, kind, page, f)
}

// EachStrand calls f for every strand of the space.
func (v *View) EachStrand(f func(*codec.Strand) error) error {
	return EachStrand(v.ctx, v.r, v.keys, v.hasher, f)
}

// EachBlock calls f for every block of the journal that has a header, in order.
func (v *View) EachBlock(f func(*journal.Block) error) error {
	return EachBlock(v.ctx, v.r, v.keys, f)
}
