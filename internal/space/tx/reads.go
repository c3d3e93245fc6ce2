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
func (d *View) Fresh(ctx context.Context) *View {
	return &View{
		ctx: ctx, keys: d.keys, hasher: d.hasher, rules: d.rules, engine: d.engine, r: d.r, now: d.now,
		strands: map[identity.Hash]*codec.Strand{}, nodes: map[identity.Hash]*codec.Identifier{}, profiles: map[codec.ProfileID]*codec.Profile{},
		traits: traitTable(), overrides: d.overrides, stale: d.stale, rulesSince: d.rulesSince, touchBound: d.touchBound,
	}
}

// Close gives the snapshot back.
func (d *View) Close() { d.r.Close() }

// Context ends the reads of the view.
func (d *View) Context() context.Context { return d.ctx }

// Reader is the snapshot.
func (d *View) Reader() kv.Reader { return d.r }

// Keys says where the space lies in its store.
func (d *View) Keys() codec.Keyspace { return d.keys }

// Hasher makes the hashes of the space's IDs and strands.
func (d *View) Hasher() identity.Hasher { return d.hasher }

// Rules are the rules that the view goes by.
func (d *View) Rules() *identity.Ruleset { return d.rules }

// Overrides are the overrides that the view goes by, as the engine wants them; nil
// if there are none.
func (d *View) Overrides() *identity.Overrides { return d.engine.Overrides }

// OverrideList is the overrides that the view goes by, by ID. Callers must not
// change it.
func (d *View) OverrideList() codec.OverrideList { return d.overrides.All }

// Engine decides by the rules and overrides of the view.
func (d *View) Engine() *identity.Engine { return &d.engine }

// Now is when the view was opened.
func (d *View) Now() time.Time { return d.now }

// Applying reports whether new rules or overrides are at work from which what is
// stored does not follow yet.
func (d *View) Applying() bool { return d.stale }

// BoundTouching has Touching fail with identity.ErrBound where it would list more
// strands than most; 0: no bound.
func (d *View) BoundTouching(most int) { d.touchBound = most }

// Strand is a strand that was loaded; nil if there is none.
func (d *View) Strand(h identity.Hash) *codec.Strand { return d.strands[h] }

// Identifier is the record of an ID that was loaded; nil if there is none.
func (d *View) Identifier(h identity.Hash) *codec.Identifier { return d.nodes[h] }

// Profile is the record of a profile that was loaded; nil if there is none.
func (d *View) Profile(p codec.ProfileID) *codec.Profile { return d.profiles[p] }

// AnyPending reports whether pending work may still change an ID that was loaded.
func (d *View) AnyPending() bool {
	for _, n := range d.nodes {
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
func (d *View) Belongs(st *codec.Strand, p codec.ProfileID) bool {
	for i := range st.Links {
		l := &st.Links[i]
		if l.Verdict != identity.Accepted {
			continue
		}
		n := d.nodes[l.Hash]
		if n != nil && n.Owner.IsZero() {
			continue
		}
		return n != nil && n.Owner == p
	}
	return false
}

// TraitsOf reads what was said under each of the strands, in their order. Callers
// must not change the rows.
func (d *View) TraitsOf(strands ...identity.Hash) ([]profile.Traits, error) {
	if err := d.traits.load(d, strands...); err != nil {
		return nil, err
	}
	rows := make([]profile.Traits, len(strands))
	for i, h := range strands {
		rows[i] = d.traits.row(h)
	}
	return rows, nil
}

// Counters adds up what all lanes counted.
func (d *View) Counters() (codec.Counters, error) { return ReadCounters(d.ctx, d.r, d.keys) }

// EachHour calls f with the hourly counts of every hour and lane of a time, in
// nanoseconds since 1970.
func (d *View) EachHour(since, until int64, f func(hour int64, t *counts.Hourly)) error {
	return counts.EachHour(d.ctx, d.r, d.keys, since, until, f)
}

// SourceCounts adds up what was counted of the events of each source.
func (d *View) SourceCounts() (map[string]codec.SourceCount, error) {
	return counts.ReadSources(d.ctx, d.r, d.keys, 0)
}

// Deferred lists replays that wait for the job, limit of them at most.
func (d *View) Deferred(limit int) ([]codec.Deferred, error) {
	return ReadDeferred(d.ctx, d.r, d.keys, limit)
}

// Each calls f for every entry of a kind, in order of keys, reading page of them
// at once.
func (d *View) Each(kind KeyRange, page int, f func(kv.Entry) error) error {
	return Each(d.ctx, d.r, d.keys, kind, page, f)
}

// EachStrand calls f for every strand of the space.
func (d *View) EachStrand(f func(*codec.Strand) error) error {
	return EachStrand(d.ctx, d.r, d.keys, d.hasher, f)
}

// EachBlock calls f for every block of the journal that has a header, in order.
func (d *View) EachBlock(f func(*journal.Block) error) error {
	return EachBlock(d.ctx, d.r, d.keys, f)
}
