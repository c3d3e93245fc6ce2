package tx

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/selfsame-id/selfsame/internal/generational"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Memory keeps records that the writer of an exclusive store read or wrote
// lately: nobody else changes them, so they need no second look. The records in
// it are never changed; a transaction works on copies.
type Memory struct {
	nodes    generational.Cache[identity.Hash, *codec.Identifier]
	profiles generational.Cache[codec.ProfileID, *codec.Profile]
	strands  generational.Cache[identity.Hash, *codec.Strand]
	filter   *nodeFilter
}

// Bytes that an entry takes, about.
const (
	nodeBytes    = 320
	profileBytes = 400
	strandBytes  = 700
)

func NewMemory(bytes int64) *Memory {
	return &Memory{
		nodes:    generational.New[identity.Hash, *codec.Identifier](bytes / 4 / nodeBytes),
		profiles: generational.New[codec.ProfileID, *codec.Profile](bytes / 4 / profileBytes),
		strands:  generational.New[identity.Hash, *codec.Strand](bytes / 4 / strandBytes),
		filter:   newNodeFilter(bytes / 4),
	}
}

// Resize changes the bound, in bytes.
func (m *Memory) Resize(bytes int64) {
	m.nodes.Resize(bytes / 4 / nodeBytes)
	m.profiles.Resize(bytes / 4 / profileBytes)
	m.strands.Resize(bytes / 4 / strandBytes)
	m.filter.resize(bytes / 4)
}

// Learn keeps what a commit left. The transaction is not used afterwards.
func (m *Memory) Learn(d *Tx) {
	for h, n := range d.nodes {
		if n != nil {
			m.nodes.Put(h, n)
			m.filter.add(h)
		}
	}
	for p, rec := range d.profiles {
		if rec != nil {
			m.profiles.Put(p, rec)
		}
	}
	for h, st := range d.strands {
		if st != nil {
			m.strands.Put(h, st)
		}
	}
}

// node, profile and strand give a transaction its own copy of what is remembered; nil
// with true is something that is surely not in the store.
func (m *Memory) node(h identity.Hash) (*codec.Identifier, bool) {
	n, ok := m.nodes.Get(h)
	if !ok {
		return nil, m.Unseen(h)
	}
	c := *n
	c.Holders = n.Holders[:len(n.Holders):len(n.Holders)]
	return &c, true
}

func (m *Memory) profile(p codec.ProfileID) (*codec.Profile, bool) {
	rec, ok := m.profiles.Get(p)
	if !ok {
		return nil, false
	}
	c := *rec
	c.IDs = rec.IDs[:len(rec.IDs):len(rec.IDs)]
	return &c, true
}

func (m *Memory) strand(h identity.Hash) (*codec.Strand, bool) {
	st, ok := m.strands.Get(h)
	if !ok {
		return nil, false
	}
	c := *st
	return &c, true
}

// Unlearn forgets what a commit took out of the store.
func (m *Memory) Unlearn(d *Tx) {
	for h, st := range d.strands {
		if st == nil {
			m.strands.Drop(h)
		}
	}
	for h, n := range d.nodes {
		if n == nil {
			m.nodes.Drop(h)
		}
	}
	for p, rec := range d.profiles {
		if rec == nil {
			m.profiles.Drop(p)
		}
	}
}

// Unseen reports that an ID was surely never stored.
func (m *Memory) Unseen(id identity.Hash) bool { return m.filter.absent(id) }

// FilterBytes is how much memory the filter of IDs takes now.
func (m *Memory) FilterBytes() int {
	words := m.filter.now.Load()
	if words == nil {
		return 0
	}
	return 8 * len(*words)
}

// WantsIDs reports whether the memory should be told which IDs there are, see ReadIDs.
func (m *Memory) WantsIDs() bool { return m.filter.wanting() }

// ReadIDs reads which IDs a store has, if that is wanted, beside the writer, whose lock is
// given: what is committed after the snapshot was taken is added by the writer. strands is
// about how many strands there are, and anything reports, with the lock held, whether
// anything was ever committed: else nothing is kept, for a space without events takes no
// memory.
func (m *Memory) ReadIDs(ctx context.Context, store kv.Store, keys codec.Keyspace, strands int64, writing sync.Locker, anything func() bool) error {
	f := m.filter
	if !f.wanting() {
		return nil
	}
	next := f.room(max(strands, f.ids.Load()) * filterGrowth)
	f.next.Store(next)
	ids, err := readIDs(ctx, store, keys, *next)
	writing.Lock()
	defer writing.Unlock()
	if err == nil {
		if ids > 0 || anything() {
			f.ids.Store(ids)
			f.now.Store(next)
		}
		f.ready.Store(true)
	}
	f.next.Store(nil)
	f.resize(f.most.Load() * filterBlock * 8) // in the meantime it may have become smaller
	return err
}

// readIDs adds all IDs that are stored to a filter and says how many there are, about.
func readIDs(ctx context.Context, store kv.Store, keys codec.Keyspace, words []atomic.Uint64) (n int64, err error) {
	r, err := store.Snapshot(ctx)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	err = Each(ctx, r, keys, codec.Identifiers, 2048, func(e kv.Entry) error {
		var h identity.Hash
		copy(h[:], e.Key[len(e.Key)-len(h):])
		if mark(words, h) {
			n++
		}
		return ctx.Err()
	})
	return n, err
}
