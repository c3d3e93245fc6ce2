package space

import (
	"context"
	"crypto/rand"
	"io"
	"time"

	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Tx is a change of a space: a View of what is there, and what becomes of it.
// Nothing reaches the store before write.
type Tx struct {
	View
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
	seeds      []codec.Deferred  // replays deferred by this commit

	settledSeeds []codec.Deferred // replays that need not wait any more
	lastID       codec.ProfileID

	definitions *Definitions                            // at work
	regrouped   map[codec.ProfileID]identity.Collection // profiles to which strands come or which they leave

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
	hour   laneHour

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
	d.definitions = s.definitions.Load()
	if !s.store.Exclusive() {
		d.read = map[string][]byte{}
	}
}

// clear empties the transaction and keeps its room, for the next commit.
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
		shown: d.shown[:0], left: d.left[:0],
		changes: d.changes[:0], changeOf: d.changeOf[:0],
		batch: d.batch, fresh: d.fresh[:0],
	}
}

// deciding says which event of the commit is decided now, or none.
func (d *Tx) deciding(event int) {
	if d.dependencies != nil {
		d.dependencies.event = event
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
