package tx

import (
	"context"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// View reads one snapshot of a space. It decodes each record once, and it is the
// identity.Graph of whoever decides. It changes nothing. It belongs to one
// goroutine and lives as long as its snapshot.
type View struct {
	ctx    context.Context
	keys   codec.Keyspace
	hasher identity.Hasher
	rules  *identity.Ruleset
	engine identity.Engine
	// overrides are those that the engine goes by.
	overrides *OverrideSet
	r         kv.Reader
	now       time.Time

	strands  map[identity.Hash]*codec.Strand // nil: known to be absent
	nodes    map[identity.Hash]*codec.Identifier
	profiles map[codec.ProfileID]*codec.Profile
	traits   strandTable[profile.Traits]

	// stale means that new rules are at work and what is stored does not follow
	// from them yet.
	stale bool
	// rulesSince is when the rules at work were set, in nanoseconds since 1970.
	rulesSince int64
	// touchBound is how many strands a search may list before it is deferred;
	// 0: no bound.
	touchBound int

	// What follows is there while the view is that of a Tx.

	// memory is the writer's, on a store that nobody else writes.
	memory *Memory
	added  map[identity.Hash][]identity.Hash // strands put into a spilled list of an ID
	// uncommitted lists the events of this commit by strand. It is made when first
	// asked for: few commits need it.
	uncommitted     map[identity.Hash][]identity.Pos
	listUncommitted func() map[identity.Hash][]identity.Pos
	// read holds what was read and may be relied upon, for a store that other
	// nodes write too; nil on an exclusive one.
	read map[string][]byte
	// known is what an earlier try of the same commit read. All that is relied upon
	// is tested when the commit lands, so it need not be of one moment.
	known        map[string][]byte
	saw          map[string][]byte // read for later or for another try, without relying on it
	dependencies *dependencies     // on a shared store
	// observed is the greatest arrival number that the commit read, on a shared
	// store: what it stores has to come later.
	observed event.Arrival
}

// Basis is what a view of a space is made of besides its snapshot.
type Basis struct {
	Keys   codec.Keyspace
	Hasher identity.Hasher
	// Rules and Overrides are those that the view goes by.
	Rules     *identity.Ruleset
	Overrides *OverrideSet
	// Bound is how many decisions are replayed at once before the rest is deferred.
	Bound int
	// Stale means that what is stored does not follow from the rules yet.
	Stale bool
	// RulesSince is when the rules were set, in nanoseconds since 1970.
	RulesSince int64

	// What follows is for a Tx.

	Shared   bool    // other nodes write the store as well
	RowsTold bool    // there are definitions, so the feed tells of rows that change
	Memory   *Memory // the writer's; nil: there is none
}

// NewView makes a view of a snapshot at a time.
func NewView(ctx context.Context, r kv.Reader, now time.Time, b Basis) *View {
	v := &View{}
	v.open(ctx, r, now, b)
	return v
}

// open makes an empty view ready for work on a snapshot.
func (v *View) open(ctx context.Context, r kv.Reader, now time.Time, b Basis) {
	v.ctx, v.keys, v.hasher, v.rules, v.r, v.now = ctx, b.Keys, b.Hasher, b.Rules, r, now
	v.overrides = b.Overrides
	v.engine = identity.Engine{Rules: b.Rules, Overrides: b.Overrides.Identity, Bound: b.Bound}
	v.touchBound = b.Bound * 8
	v.stale, v.rulesSince = b.Stale, b.RulesSince
	if v.strands == nil {
		v.makeRoom()
	}
}

// makeRoom makes the room for what is read.
func (v *View) makeRoom() {
	v.strands = map[identity.Hash]*codec.Strand{}
	v.nodes = map[identity.Hash]*codec.Identifier{}
	v.profiles = map[codec.ProfileID]*codec.Profile{}
	v.traits = traitTable()
}

// Get reads keys from the snapshot and remembers what it saw: the commit relies
// on it.
func (v *View) Get(keys [][]byte) ([][]byte, error) {
	values, err := v.Look(keys)
	if err != nil {
		return nil, err
	}
	if v.read != nil {
		for i, k := range keys {
			v.read[string(k)] = values[i]
		}
	}
	return values, nil
}

// Remember keeps a value for later or for another try of the same commit, without
// relying on it.
func (v *View) Remember(key, value []byte) {
	if v.saw != nil {
		v.saw[string(key)] = value
	}
}

// Look reads keys without relying on them.
func (view *View) Look(keys [][]byte) ([][]byte, error) {
	if view.known == nil && len(view.saw) == 0 {
		return view.r.Get(view.ctx, keys...)
	}
	values := make([][]byte, len(keys))
	var missing [][]byte
	var at []int
	for i, k := range keys {
		v, ok := view.known[string(k)]
		if !ok {
			v, ok = view.saw[string(k)]
		}
		if !ok {
			missing, at = append(missing, k), append(at, i)
		}
		values[i] = v
	}
	if len(missing) == 0 {
		return values, nil
	}
	got, err := view.r.Get(view.ctx, missing...)
	if err != nil {
		return nil, err
	}
	for i, v := range got {
		values[at[i]] = v
	}
	return values, nil
}

// observe notes the arrival number of an event that the commit builds upon.
func (v *View) observe(a event.Arrival) {
	if v.observed.Before(a) {
		v.observed = a
	}
}

// observeStrand notes the arrival numbers of a strand.
func (v *View) observeStrand(s *identity.Strand) {
	v.observe(s.First.Arrival)
	v.observe(s.Evaluated.Arrival)
	for i := range s.Links {
		v.observe(s.Links[i].At.Arrival)
	}
}

func load[K comparable, R any](d *View, at map[K]*R, want []K, touch func(*dependencies, K), recall func(*Memory, K) (*R, bool), key func(K) []byte, decode func(K, []byte) (*R, error)) error {
	var missing []K
	var keys [][]byte
	for _, k := range want {
		if d.dependencies != nil {
			touch(d.dependencies, k)
		}
		if _, ok := at[k]; !ok {
			if d.memory != nil {
				if r, ok := recall(d.memory, k); ok {
					at[k] = r
					continue
				}
			}
			at[k] = nil
			missing = append(missing, k)
			keys = append(keys, key(k))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	values, err := d.Get(keys)
	if err == nil {
		for i, k := range missing {
			if values[i] == nil {
				continue
			}
			if at[k], err = decode(k, values[i]); err != nil {
				break
			}
		}
	}
	if err != nil {
		for _, k := range missing {
			delete(at, k)
		}
	}
	return err
}

// LoadStrands reads the records of strands that are not loaded yet, all in one round
// trip.
func (v *View) LoadStrands(hashes ...identity.Hash) error {
	return load(v, v.strands, hashes, func(p *dependencies, h identity.Hash) { p.note(codec.Strands.Tag(), h[:]) }, (*Memory).strand,
		func(h identity.Hash) []byte { return codec.Strands.Key(v.keys, h) },
		func(h identity.Hash, b []byte) (*codec.Strand, error) {
			s, err := codec.DecodeStrand(b, h, v.hasher)
			if err == nil && v.read != nil {
				v.observeStrand(s.Strand)
			}
			return s, err
		})
}

// LoadIdentifiers reads the records of IDs, as LoadStrands does.
func (v *View) LoadIdentifiers(hashes ...identity.Hash) error {
	return load(v, v.nodes, hashes, func(p *dependencies, h identity.Hash) { p.note(codec.Identifiers.Tag(), h[:]) }, (*Memory).node,
		func(h identity.Hash) []byte { return codec.Identifiers.Key(v.keys, h) },
		func(_ identity.Hash, b []byte) (*codec.Identifier, error) { return codec.DecodeIdentifier(b) })
}

// LoadProfiles reads the records of profiles, as LoadStrands does.
func (v *View) LoadProfiles(ids ...codec.ProfileID) error {
	return load(v, v.profiles, ids, func(p *dependencies, id codec.ProfileID) { p.note(codec.Profiles.Tag(), id[:]) }, (*Memory).profile,
		func(p codec.ProfileID) []byte { return codec.Profiles.Key(v.keys, p) },
		func(_ codec.ProfileID, b []byte) (*codec.Profile, error) { return codec.DecodeProfile(b) })
}

// Owner returns the profile that owns an ID; see LoadOwners. nil: nobody
// owns it.
func (v *View) Owner(id identity.Hash) (codec.ProfileID, *codec.Profile) {
	n := v.nodes[id]
	if n == nil || n.Owner.IsZero() {
		return codec.ProfileID{}, nil
	}
	return n.Owner, v.profiles[n.Owner]
}

// LoadOwners reads the records of IDs and the profiles that own them.
func (v *View) LoadOwners(ids ...identity.Hash) error {
	if err := v.LoadIdentifiers(ids...); err != nil {
		return err
	}
	var owners []codec.ProfileID
	for _, id := range ids {
		if n := v.nodes[id]; n != nil && !n.Owner.IsZero() {
			owners = append(owners, n.Owner)
		}
	}
	return v.LoadProfiles(owners...)
}

// IsListed reports whether an ID lists the strand of a link. One that is isolated
// does, for that can be taken back; what rules block is found by reading all
// strands when rules change.
func IsListed(l *identity.Link) bool {
	return l.Verdict != identity.Blocked || l.Reason == identity.ReasonIsolated
}
