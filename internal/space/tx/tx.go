package tx

import (
	"context"
	"crypto/rand"
	"io"
	"maps"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Tx is a change of a space: a View of what is there, and what becomes of it.
// Nothing reaches the store before its batch is committed. It belongs to one
// goroutine.
type Tx struct {
	View
	// Batch is what the commit writes. The records that changed come last, see Stage.
	Batch kv.Batch
	// Done counts what the transaction does.
	Done Effects
	// LastID is the youngest profile ID that was given, here or before.
	LastID codec.ProfileID

	random io.Reader

	changedStrands  map[identity.Hash]bool // true: it was stored before
	changedNodes    map[identity.Hash]bool
	changedProfiles map[codec.ProfileID]bool

	// shown are strands of which something changed that people see: the version of
	// the profile that has one moves with the commit.
	shown []identity.Hash
	// left are profiles to which such strands belonged before.
	left []codec.ProfileID

	links map[string]bool // keys of codec.Links: put or deleted

	wasDemoted map[demotion]bool // demotions that are no news

	deferred []codec.Deferred // replays that are left to the job
	replayed []codec.Deferred // replays that need not wait any more
	job      bool             // deferred replays are decided here

	rowsTold  bool                                    // see Basis
	rewritten []identity.Hash                         // see Rewrite
	regrouped map[codec.ProfileID]identity.Collection // profiles to which strands come or which they leave

	changes  []feed.Change
	changeOf []codec.ProfileID // the profile of each change
}

// Effects counts what a transaction does.
type Effects struct {
	Created, Merged, Unmerged int            // profiles
	Demoted                   int            // IDs left out by a rule
	Replays, Decisions        int64          // of the engine
	Counters                  codec.Counters // what the commit adds to those of its lane
}

// New makes an empty transaction, see Open.
func New() *Tx {
	d := &Tx{
		changedStrands:  map[identity.Hash]bool{},
		changedNodes:    map[identity.Hash]bool{},
		changedProfiles: map[codec.ProfileID]bool{},
		wasDemoted:      map[demotion]bool{},
		links:           map[string]bool{},
	}
	d.added = map[identity.Hash][]identity.Hash{}
	return d
}

// Open makes an empty transaction ready for work on a snapshot.
func (d *Tx) Open(ctx context.Context, r kv.Reader, now time.Time, b Basis) {
	d.View.open(ctx, r, now, b)
	d.random = rand.Reader
	d.memory, d.rowsTold = b.Memory, b.RowsTold
	if b.Shared {
		d.read = map[string][]byte{}
	}
}

// Reset empties the transaction and keeps its room, for the next commit.
func (d *Tx) Reset() {
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
	d.Batch.Reset()
	*d = Tx{
		View: View{strands: d.strands, nodes: d.nodes, profiles: d.profiles, traits: d.traits, added: d.added},

		changedStrands: d.changedStrands, changedNodes: d.changedNodes,
		changedProfiles: d.changedProfiles,
		wasDemoted:      d.wasDemoted, links: d.links,
		shown: d.shown[:0], left: d.left[:0],
		changes: d.changes[:0], changeOf: d.changeOf[:0],
		Batch: d.Batch,
	}
}

// Uncommitted has the view see the events of this commit as well, of which list gives
// those of each strand. It is called once, when they are first asked for.
func (d *Tx) Uncommitted(list func() map[identity.Hash][]identity.Pos) { d.listUncommitted = list }

// Observed is the greatest arrival number that the transaction read, on a store that
// other nodes write: what it stores has to come later.
func (d *Tx) Observed() event.Arrival { return d.observed }

// ChangedStrand reports whether the transaction has changed a strand.
func (d *Tx) ChangedStrand(h identity.Hash) bool {
	_, changed := d.changedStrands[h]
	return changed
}

// Absent notes that a strand is known not to be in the store.
func (d *Tx) Absent(strand identity.Hash) { d.strands[strand] = nil }

// NewStrandsHaveNoRows notes that the strands that are new have no rows yet in any
// table, so that nobody looks for them.
func (d *Tx) NewStrandsHaveNoRows() {
	for h, old := range d.changedStrands {
		if old {
			continue
		}
		for _, t := range d.tables() {
			t.known(h)
		}
	}
}

// Loaded is the strands that were loaded and are there, as they have become; nil for one
// that is not there, or not any more. Callers must not change it.
func (d *Tx) Loaded() map[identity.Hash]*codec.Strand { return d.strands }

// Rely has the commit rely on a key having the value that was read; without effect
// where no other node writes.
func (d *Tx) Rely(key, value []byte) {
	if d.read != nil {
		d.read[string(key)] = value
	}
}

// RelyOnNothing has the commit rely on nothing that was read so far.
func (d *Tx) RelyOnNothing() {
	if d.read != nil {
		d.read = map[string][]byte{}
	}
}

// RequireReads makes the commit a conflict unless all that it relies on has the value
// that was read.
func (d *Tx) RequireReads() {
	for k, v := range d.read {
		d.Batch.Require([]byte(k), v)
	}
}

// Track notes which events of the commit depend on which records, see Dependents. known
// is what an earlier try of the same commit read, see Reads; nil: it is the first.
func (d *Tx) Track(known map[string][]byte) {
	d.known, d.saw, d.dependencies = known, map[string][]byte{}, newDependencies()
}

// Reads is all that was read, for the next try of the same commit. The transaction is
// not used afterwards.
func (d *Tx) Reads() map[string][]byte {
	all := d.read
	maps.Copy(all, d.saw)
	return all
}

// Empty reports whether there is nothing to commit; after Stage.
func (d *Tx) Empty() bool { return d.Batch.Len() == 0 && len(d.changes) == 0 && len(d.rewritten) == 0 }

// Stage puts all that changed into the batch.
func (d *Tx) Stage() error {
	d.tellRegrouped()
	if err := d.moveVersions(); err != nil {
		return err
	}
	d.write(&d.Batch)
	return nil
}

// Changes is what the feed tells of the transaction; after Stage.
func (d *Tx) Changes() []feed.Change {
	for i := range d.changes {
		if rec := d.profiles[d.changeOf[i]]; rec != nil {
			d.changes[i].Version = rec.Version
		}
	}
	return d.changes
}

// write puts the records that changed into a batch.
func (d *Tx) write(b *kv.Batch) {
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
	for i := range d.replayed {
		b.Delete(d.replayed[i].Key(d.keys))
	}
	for k, put := range d.links {
		if put {
			b.Put([]byte(k), nil)
		} else {
			b.Delete([]byte(k))
		}
	}
}
