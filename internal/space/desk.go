package space

import (
	"github.com/selfsame-id/selfsame/internal/space/codec"

	"context"
	"crypto/rand"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/profile"
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
	r      kv.Reader
	now    time.Time

	strands  map[identity.Hash]*codec.Strand // nil: known to be absent
	nodes    map[identity.Hash]*codec.Identifier
	profiles map[codec.ProfileID]*codec.Profile
	traits   strandTable[profile.Traits]

	// stale means that new rules are at work and what is stored does not follow
	// from them yet.
	stale bool
	// rulesSince is when the rules at work were set, in nanoseconds since 1970.
	rulesSince int64
	// touchBound is how many strands a search may list before it is put off;
	// 0: no bound.
	touchBound int

	// What follows is there while the view is that of a Tx.

	// memory is the writer's, on an exclusive store.
	memory *memory
	added  map[identity.Hash][]identity.Hash // strands put into a spilled list of an ID
	// news lists the events of this commit by strand. It is made when first
	// asked for: few commits need it.
	news     map[identity.Hash][]identity.Pos
	makeNews func() map[identity.Hash][]identity.Pos
	// read holds what was read and may be relied upon, for a store that other
	// nodes write too; nil on an exclusive one.
	read map[string][]byte
	// known is what an earlier try of the same commit read. All that is relied upon
	// is tested when the commit lands, so it need not be of one moment.
	known map[string][]byte
	saw   map[string][]byte // read for later or for another try, without relying on it
	parts *parts            // on a shared store
	// observed is the greatest arrival number that the commit read, on a shared
	// store: what it stores has to come later.
	observed event.Arrival
}

// Tx is a change of a space: a View of what is there, and what becomes of it.
// Nothing reaches the store before write.
type Tx struct {
	View
	random io.Reader

	changedStrands  map[identity.Hash]bool // true: it was stored before
	changedNodes    map[identity.Hash]bool
	changedProfiles map[codec.ProfileID]bool

	links map[string]bool // keys of codec.Links: put or deleted

	wasDemoted map[demotion]bool // demotions that are no news
	seeds      []codec.Deferred  // replays put off by this commit

	settledSeeds []codec.Deferred // replays that need not wait any more
	lastID       codec.ProfileID

	changes  []feed.Change
	changeOf []codec.ProfileID // the profile of each change
	counters codec.Counters    // what this commit adds
	merges   int
	unmerges int
	created  int
	demoted  int

	replays, decisions int64

	job  bool        // the job of pending replays works here
	also []alsoWrite // what else the commit puts and deletes

	batch  kv.Batch
	record feed.Record
	clock  uint64 // of the first block
	lane   uint64 // of the blocks
	blocks uint64 // used
	tally  tallied

	// What comes with ingest requests.
	receipts    []Receipt // one a request
	fresh       []placedEvent
	repeats     int
	used        []*prepared // whose messageIds other events had before
	newTypes    []string    // noted by this commit; oldTypes made room for them
	oldTypes    []string
	sources     []sourceNews
	rejects     int // kept
	counts      rejectCounts
	openRejects map[sameReject]*openReject
}

// newView makes a view of a snapshot by the rules at work.
func (s *Space) newView(ctx context.Context, r kv.Reader) *View {
	return s.newViewBy(ctx, r, s.rules.Load())
}

// newViewBy makes a view of a snapshot by other rules.
func (s *Space) newViewBy(ctx context.Context, r kv.Reader, rs *identity.Ruleset) *View {
	v := &View{}
	s.openView(v, ctx, r, rs, s.cfg.Now())
	return v
}

// openView makes an empty view ready for work on a snapshot.
func (s *Space) openView(v *View, ctx context.Context, r kv.Reader, rs *identity.Ruleset, now time.Time) {
	v.ctx, v.keys, v.hasher, v.rules, v.r, v.now = ctx, s.keys, s.hasher, rs, r, now
	v.engine = identity.Engine{Rules: rs, Overrides: s.overrides.Load().identity, Bound: s.cfg.ReplayBound}
	v.touchBound = s.cfg.ReplayBound * 8
	version := s.version.Load()
	v.stale, v.rulesSince = version.Applying, version.SetAt
	if v.strands == nil {
		v.strands = map[identity.Hash]*codec.Strand{}
		v.nodes = map[identity.Hash]*codec.Identifier{}
		v.profiles = map[codec.ProfileID]*codec.Profile{}
		v.traits = traitTable()
	}
}

func (s *Space) newTx(ctx context.Context, r kv.Reader, rs *identity.Ruleset, now time.Time) *Tx {
	d := &Tx{
		changedStrands:  map[identity.Hash]bool{},
		changedNodes:    map[identity.Hash]bool{},
		changedProfiles: map[codec.ProfileID]bool{},
		wasDemoted:      map[demotion]bool{},
		links:           map[string]bool{},
	}
	d.added = map[identity.Hash][]identity.Hash{}
	s.openTx(d, ctx, r, rs, now)
	return d
}

// openTx makes an empty transaction ready for work on a snapshot.
func (s *Space) openTx(d *Tx, ctx context.Context, r kv.Reader, rs *identity.Ruleset, now time.Time) {
	s.openView(&d.View, ctx, r, rs, now)
	d.random = rand.Reader
	if !s.store.Exclusive() {
		d.read = map[string][]byte{}
	}
}

// clear empties the desk and keeps its room, for the next commit.
func (d *Tx) clear() {
	clear(d.strands)
	clear(d.nodes)
	clear(d.profiles)
	for _, t := range d.tables() {
		t.reset()
	}
	clear(d.changedStrands)
	clear(d.changedNodes)
	clear(d.changedProfiles)
	clear(d.wasDemoted)
	clear(d.links)
	clear(d.added)
	clear(d.changes)
	clear(d.fresh)
	d.batch.Reset()
	*d = Tx{
		View: View{strands: d.strands, nodes: d.nodes, profiles: d.profiles, traits: d.traits, added: d.added},

		changedStrands: d.changedStrands, changedNodes: d.changedNodes,
		changedProfiles: d.changedProfiles,
		wasDemoted:      d.wasDemoted, links: d.links,
		changes: d.changes[:0], changeOf: d.changeOf[:0],
		batch: d.batch, fresh: d.fresh[:0],
	}
}

// decide says which event of the commit is decided now, or none.
func (d *Tx) decide(event int) {
	if d.parts != nil {
		d.parts.event = event
	}
}

// get reads keys from the snapshot and remembers what it saw: the commit relies
// on it.
func (d *View) get(keys [][]byte) ([][]byte, error) {
	values, err := d.look(keys)
	if err != nil {
		return nil, err
	}
	if d.read != nil {
		for i, k := range keys {
			d.read[string(k)] = values[i]
		}
	}
	return values, nil
}

// seen remembers a value for later or for another try of the same commit, without
// relying on it.
func (d *View) seen(key, value []byte) {
	if d.saw != nil {
		d.saw[string(key)] = value
	}
}

// look reads keys without relying on them.
func (d *View) look(keys [][]byte) ([][]byte, error) {
	if d.known == nil && len(d.saw) == 0 {
		return d.r.Get(d.ctx, keys...)
	}
	values := make([][]byte, len(keys))
	var missing [][]byte
	var at []int
	for i, k := range keys {
		v, ok := d.known[string(k)]
		if !ok {
			v, ok = d.saw[string(k)]
		}
		if !ok {
			missing, at = append(missing, k), append(at, i)
		}
		values[i] = v
	}
	if len(missing) == 0 {
		return values, nil
	}
	got, err := d.r.Get(d.ctx, missing...)
	if err != nil {
		return nil, err
	}
	for i, v := range got {
		values[at[i]] = v
	}
	return values, nil
}

// observe notes the arrival number of an event that the commit builds upon.
func (d *View) observe(a event.Arrival) {
	if d.observed.Before(a) {
		d.observed = a
	}
}

// observeStrand notes the arrival numbers of a strand.
func (d *View) observeStrand(s *identity.Strand) {
	d.observe(s.First.Arrival)
	d.observe(s.Evaluated.Arrival)
	for i := range s.Links {
		d.observe(s.Links[i].At.Arrival)
	}
}

func load[K comparable, R any](d *View, at map[K]*R, want []K, touch func(*parts, K), recall func(*memory, K) (*R, bool), key func(K) []byte, decode func(K, []byte) (*R, error)) error {
	var missing []K
	var keys [][]byte
	for _, k := range want {
		if d.parts != nil {
			touch(d.parts, k)
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
	values, err := d.get(keys)
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

func (d *View) loadStrands(hashes ...identity.Hash) error {
	return load(d, d.strands, hashes, func(p *parts, h identity.Hash) { p.touch(codec.Strands.Tag(), h[:]) }, (*memory).strand,
		func(h identity.Hash) []byte { return codec.Strands.Key(d.keys, h) },
		func(h identity.Hash, b []byte) (*codec.Strand, error) {
			s, err := codec.DecodeStrand(b, h, d.hasher)
			if err == nil && d.read != nil {
				d.observeStrand(s.Strand)
			}
			return s, err
		})
}

func (d *View) loadNodes(hashes ...identity.Hash) error {
	return load(d, d.nodes, hashes, func(p *parts, h identity.Hash) { p.touch(codec.Identifiers.Tag(), h[:]) }, (*memory).node,
		func(h identity.Hash) []byte { return codec.Identifiers.Key(d.keys, h) },
		func(_ identity.Hash, b []byte) (*codec.Identifier, error) { return codec.DecodeIdentifier(b) })
}

func (d *View) loadProfiles(ids ...codec.ProfileID) error {
	return load(d, d.profiles, ids, func(p *parts, id codec.ProfileID) { p.touch(codec.Profiles.Tag(), id[:]) }, (*memory).profile,
		func(p codec.ProfileID) []byte { return codec.Profiles.Key(d.keys, p) },
		func(_ codec.ProfileID, b []byte) (*codec.Profile, error) { return codec.DecodeProfile(b) })
}

// ownerOf returns the profile that owns an ID; its node and profile must be
// loaded.
func (d *View) ownerOf(id identity.Hash) (codec.ProfileID, *codec.Profile) {
	n := d.nodes[id]
	if n == nil || n.Owner.IsZero() {
		return codec.ProfileID{}, nil
	}
	return n.Owner, d.profiles[n.Owner]
}

// loadOwners loads the nodes of IDs and the profiles that own them.
func (d *View) loadOwners(ids ...identity.Hash) error {
	if err := d.loadNodes(ids...); err != nil {
		return err
	}
	var owners []codec.ProfileID
	for _, id := range ids {
		if n := d.nodes[id]; n != nil && !n.Owner.IsZero() {
			owners = append(owners, n.Owner)
		}
	}
	return d.loadProfiles(owners...)
}

// putStrand keeps a strand as it has become and puts it into the lists of its
// IDs, whose nodes must be loaded. old is the strand as it was, nil if new.
func (d *Tx) putStrand(s *codec.Strand, old *identity.Strand) error {
	if old == nil {
		d.counters.Strands++
	}
	d.watch(s, old)
	d.strands[s.Hash] = s
	d.changedStrands[s.Hash] = d.changedStrands[s.Hash] || old != nil
	for i := range s.Links {
		l := &s.Links[i]
		if !isListed(l) {
			if old != nil && isListed(&old.Links[i]) {
				d.forgetHolder(old, &old.Links[i]) // new rules block it
			}
			continue
		}
		n := d.nodes[l.Hash]
		if n == nil {
			n = &codec.Identifier{ID: l.ID}
			d.nodes[l.Hash] = n
			d.changedNodes[l.Hash] = true
		}
		accepted := l.Verdict == identity.Accepted
		if n.Spilled {
			if old != nil && isListed(&old.Links[i]) {
				d.unlist(old, &old.Links[i])
			}
			d.list(s.Strand, l)
			n.Revision++
			d.changedNodes[l.Hash] = true
			continue
		}
		if k := n.Holder(s.Hash); k >= 0 {
			if n.Holders[k].Accepted != accepted {
				n.Holders = slices.Clone(n.Holders)
				n.Holders[k].Accepted = accepted
				d.changedNodes[l.Hash] = true
			}
			continue
		}
		n.Holders = append(n.Holders, codec.Holder{Strand: s.Hash, Accepted: accepted})
		d.changedNodes[l.Hash] = true
		if len(n.Holders) > codec.ManyHolders {
			if err := d.spill(l.Hash, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// isListed reports whether an ID lists the strand of a link. One that is isolated
// does, for that can be taken back; what rules block is found by reading all
// strands when rules change.
func isListed(l *identity.Link) bool {
	return l.Verdict != identity.Blocked || l.Reason == identity.ReasonIsolated
}

// forgetHolder takes a strand out of the lists of an ID.
func (d *Tx) forgetHolder(s *identity.Strand, l *identity.Link) {
	n := d.nodes[l.Hash]
	if n == nil {
		return
	}
	d.changedNodes[l.Hash] = true
	if n.Spilled {
		d.unlist(s, l)
		n.Revision++
		return
	}
	if k := n.Holder(s.Hash); k >= 0 {
		n.Holders = slices.Delete(slices.Clone(n.Holders), k, k+1)
	}
}

// spill moves the strands that hold an ID from its record to lists.
func (d *Tx) spill(id identity.Hash, n *codec.Identifier) error {
	hashes := make([]identity.Hash, len(n.Holders))
	for i, h := range n.Holders {
		hashes[i] = h.Strand
	}
	if err := d.loadStrands(hashes...); err != nil {
		return err
	}
	for _, h := range hashes {
		s := d.strands[h]
		if s == nil {
			return fmt.Errorf("%w: strand %s of %s is missing", kv.ErrCorrupt, h, n.ID.Type)
		}
		for i := range s.Links {
			if s.Links[i].Hash == id {
				d.list(s.Strand, &s.Links[i])
			}
		}
	}
	n.Spilled, n.Holders = true, nil
	return nil
}

func (d *Tx) list(s *identity.Strand, l *identity.Link) {
	list := byte(codec.ListDemoted)
	if l.Verdict == identity.Accepted {
		list = codec.ListAccepted
	}
	d.links[string(codec.Links.Key(d.keys, l.Hash, list, s.First.Class, s.First.Time, s.Hash))] = true
	if codec.Windowed(s) {
		d.links[string(codec.Links.Key(d.keys, l.Hash, codec.ListWindowed, 0, 0, s.Hash))] = true
	}
	d.added[l.Hash] = append(d.added[l.Hash], s.Hash)
}

func (d *Tx) unlist(s *identity.Strand, l *identity.Link) {
	list := byte(codec.ListDemoted)
	if l.Verdict == identity.Accepted {
		list = codec.ListAccepted
	}
	d.links[string(codec.Links.Key(d.keys, l.Hash, list, s.First.Class, s.First.Time, s.Hash))] = false
	if codec.Windowed(s) {
		d.links[string(codec.Links.Key(d.keys, l.Hash, codec.ListWindowed, 0, 0, s.Hash))] = false
	}
}

// write puts all that changed into a batch.
func (d *Tx) write(b *kv.Batch) {
	// What was removed may have been made again since.
	for _, w := range d.also {
		if w.gone {
			b.Delete(w.key)
		} else {
			b.Put(w.key, w.value)
		}
	}
	var a arena
	for h := range d.changedStrands {
		a.begin(codec.Strands.Append(a.room(), d.keys, h))
		d.keep(b, &a, d.strands[h].Append(a.rest()))
	}
	for h := range d.changedNodes {
		a.begin(codec.Identifiers.Append(a.room(), d.keys, h))
		d.keep(b, &a, d.nodes[h].Append(a.rest()))
	}
	for p := range d.changedProfiles {
		a.begin(codec.Profiles.Append(a.room(), d.keys, p))
		d.keep(b, &a, d.profiles[p].Append(a.rest()))
	}
	for _, t := range d.tables() {
		t.write(d, b, &a)
	}
	for i := range d.settledSeeds {
		b.Delete(d.settledSeeds[i].Key(d.keys))
	}
	for k, put := range d.links {
		if put {
			b.Put([]byte(k), nil)
		} else {
			b.Delete([]byte(k))
		}
	}
}

// keep ends a record. What a shared store was not asked for is known to be new.
func (d *Tx) keep(b *kv.Batch, a *arena, value []byte) {
	k, v := a.record(value)
	if d.read != nil {
		if _, asked := d.read[string(k)]; !asked {
			b.Insert(k, v)
			return
		}
	}
	b.Put(k, v)
}

// arena holds the keys and values of many records in few allocations.
type arena struct {
	b   []byte
	key []byte
}

const arenaBytes = 64 << 10

// room is where the key of the next record is appended.
func (a *arena) room() []byte {
	if cap(a.b)-len(a.b) < 1<<10 {
		a.b = make([]byte, 0, arenaBytes)
	}
	return a.b
}

// begin takes what room returned with a key appended.
func (a *arena) begin(b []byte) {
	at := len(a.b)
	a.b = b
	a.key = b[at:len(b):len(b)]
}

// rest is where the value is appended.
func (a *arena) rest() []byte { return a.b[len(a.b):] }

// record ends a record: a value that fitted stays in the arena.
func (a *arena) record(value []byte) (k, v []byte) {
	if n := len(a.b); cap(value) == cap(a.b)-n {
		a.b = a.b[:n+len(value)]
		value = value[:len(value):len(value)]
	}
	return a.key, value
}
