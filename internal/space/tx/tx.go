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
func (tx *Tx) Open(ctx context.Context, r kv.Reader, now time.Time, b Basis) {
	tx.View.open(ctx, r, now, b)
	tx.random = rand.Reader
	tx.memory, tx.rowsTold = b.Memory, b.RowsTold
	if b.Shared {
		tx.read = map[string][]byte{}
	}
}

// Reset empties the transaction and keeps its room, for the next commit.
func (tx *Tx) Reset() {
	clear(tx.strands)
	clear(tx.nodes)
	clear(tx.profiles)
	for _, t := range tx.tables() {
		t.reset()
	}
	clear(tx.changedStrands)
	clear(tx.changedNodes)
	clear(tx.changedProfiles)
	clear(tx.wasDemoted)
	clear(tx.links)
	clear(tx.added)
	clear(tx.changes)
	tx.Batch.Reset()
	*tx = Tx{
		View: View{strands: tx.strands, nodes: tx.nodes, profiles: tx.profiles, traits: tx.traits, added: tx.added},

		changedStrands: tx.changedStrands, changedNodes: tx.changedNodes,
		changedProfiles: tx.changedProfiles,
		wasDemoted:      tx.wasDemoted, links: tx.links,
		shown: tx.shown[:0], left: tx.left[:0],
		changes: tx.changes[:0], changeOf: tx.changeOf[:0],
		Batch: tx.Batch,
	}
}

// Uncommitted has the view see the events of this commit as well, of which list gives
// those of each strand. It is called once, when they are first asked for.
func (tx *Tx) Uncommitted(list func() map[identity.Hash][]identity.Pos) { tx.listUncommitted = list }

// Observed is the greatest arrival number that the transaction read, on a store that
// other nodes write: what it stores has to come later.
func (tx *Tx) Observed() event.Arrival { return tx.observed }

// ChangedStrand reports whether the transaction has changed a strand.
func (tx *Tx) ChangedStrand(h identity.Hash) bool {
	_, changed := tx.changedStrands[h]
	return changed
}

// Absent notes that a strand is known not to be in the store.
func (tx *Tx) Absent(strand identity.Hash) { tx.strands[strand] = nil }

// NewStrandsHaveNoRows notes that the strands that are new have no rows yet in any
// table, so that nobody looks for them.
func (tx *Tx) NewStrandsHaveNoRows() {
	for h, old := range tx.changedStrands {
		if old {
			continue
		}
		for _, t := range tx.tables() {
			t.known(h)
		}
	}
}

// Loaded is the strands that were loaded and are there, as they have become; nil for one
// that is not there, or not any more. Callers must not change it.
func (tx *Tx) Loaded() map[identity.Hash]*codec.Strand { return tx.strands }

// Rely has the commit rely on a key having the value that was read; without effect
// where no other node writes.
func (tx *Tx) Rely(key, value []byte) {
	if tx.read != nil {
		tx.read[string(key)] = value
	}
}

// RelyOnNothing has the commit rely on nothing that was read so far.
func (tx *Tx) RelyOnNothing() {
	if tx.read != nil {
		tx.read = map[string][]byte{}
	}
}

// RequireReads makes the commit a conflict unless all that it relies on has the value
// that was read.
func (tx *Tx) RequireReads() {
	for k, v := range tx.read {
		tx.Batch.Require([]byte(k), v)
	}
}

// Track notes which events of the commit depend on which records, see Dependents. known
// is what an earlier try of the same commit read, see Reads; nil: it is the first.
func (tx *Tx) Track(known map[string][]byte) {
	tx.known, tx.saw, tx.dependencies = known, map[string][]byte{}, newDependencies()
}

// Reads is all that was read, for the next try of the same commit. The transaction is
// not used afterwards.
func (tx *Tx) Reads() map[string][]byte {
	all := tx.read
	maps.Copy(all, tx.saw)
	return all
}

// Empty reports whether there is nothing to commit; after Stage.
func (tx *Tx) Empty() bool {
	return tx.Batch.Len() == 0 && len(tx.changes) == 0 && len(tx.rewritten) == 0
}

// Stage puts all that changed into the batch.
func (tx *Tx) Stage() error {
	tx.tellRegrouped()
	if err := tx.moveVersions(); err != nil {
		return err
	}
	tx.write(&tx.Batch)
	return nil
}

// Changes is what the feed tells of the transaction; after Stage.
func (tx *Tx) Changes() []feed.Change {
	for i := range tx.changes {
		if rec := tx.profiles[tx.changeOf[i]]; rec != nil {
			tx.changes[i].Version = rec.Version
		}
	}
	return tx.changes
}

// write puts the records that changed into a batch.
func (tx *Tx) write(b *kv.Batch) {
	var a arena
	for h := range tx.changedStrands {
		a.begin(codec.Strands.Append(a.room(), tx.keys, h))
		tx.keep(b, &a, tx.strands[h].Append(a.rest()))
	}
	for h := range tx.changedNodes {
		a.begin(codec.Identifiers.Append(a.room(), tx.keys, h))
		tx.keep(b, &a, tx.nodes[h].Append(a.rest()))
	}
	for p := range tx.changedProfiles {
		a.begin(codec.Profiles.Append(a.room(), tx.keys, p))
		tx.keep(b, &a, tx.profiles[p].Append(a.rest()))
	}
	for _, t := range tx.tables() {
		t.write(tx, b, &a)
	}
	for i := range tx.replayed {
		b.Delete(tx.replayed[i].Key(tx.keys))
	}
	for k, put := range tx.links {
		if put {
			b.Put([]byte(k), nil)
		} else {
			b.Delete([]byte(k))
		}
	}
}
