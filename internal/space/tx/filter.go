package tx

import (
	"encoding/binary"
	"sync/atomic"

	"github.com/selfsame-id/selfsame/internal/identity"
)

// nodeFilter says of most IDs that were never seen that they were not, without
// asking the store: a new visitor brings new IDs, and looking for what is not
// there is what a sorted store does worst. It is a blocked Bloom filter (Putze,
// Sanders and Singler 2007).
//
// The IDs of an earlier run are read in the background after the start; until
// then the filter answers "perhaps" to everything. So are all IDs again when there
// are more than it was made for: its memory is taken as it is needed, up to a bound.
// Above that it errs more often on the side of asking.
type nodeFilter struct {
	most  atomic.Int64                    // blocks
	now   atomic.Pointer[[]atomic.Uint64] // nil until there is an ID
	next  atomic.Pointer[[]atomic.Uint64] // what will be in its place, while it is filled
	ids   atomic.Int64                    // in now, about
	ready atomic.Bool
}

const (
	filterBlock  = 8 // words that one ID's bits lie in: a cache line
	filterProbes = 6
	filterIDs    = 64  // in a block, so that each has 8 bits
	filterFirst  = 128 // blocks for the first IDs of a space
	filterLeast  = 16
	filterGrowth = 8 // all IDs are read again when there are so many times more
)

func newNodeFilter(bytes int64) *nodeFilter {
	f := &nodeFilter{}
	f.resize(bytes)
	return f
}

// resize changes the bound. A filter that is too large is given up, until the next
// commit wants one.
func (f *nodeFilter) resize(bytes int64) {
	most := max(bytes/(filterBlock*8), filterLeast)
	f.most.Store(most)
	if words := f.now.Load(); words != nil && int64(len(*words)) > most*filterBlock {
		f.ready.Store(false)
		f.now.Store(nil)
	}
}

// wanting reports whether the filter should be filled.
func (f *nodeFilter) wanting() bool {
	if f.next.Load() != nil {
		return false
	}
	words := f.now.Load()
	if words == nil {
		return !f.ready.Load()
	}
	blocks := int64(len(*words) / filterBlock)
	return !f.ready.Load() || f.ids.Load() > blocks*filterIDs && blocks < f.most.Load()
}

func (f *nodeFilter) room(ids int64) *[]atomic.Uint64 {
	words := make([]atomic.Uint64, min(max(ids/filterIDs, filterFirst), f.most.Load())*filterBlock)
	return &words
}

// place spreads the hash, which is uniform, over a block and bits in it.
func place(words []atomic.Uint64, h identity.Hash) (block []atomic.Uint64, bits uint64) {
	at := binary.LittleEndian.Uint64(h[:8]) % uint64(len(words)/filterBlock)
	return words[at*filterBlock : (at+1)*filterBlock], binary.LittleEndian.Uint64(h[8:])
}

// mark adds an ID and reports whether that changed anything.
func mark(words []atomic.Uint64, h identity.Hash) (changed bool) {
	block, bits := place(words, h)
	for range filterProbes {
		bit := uint64(1) << (bits & 63)
		changed = block[bits>>6&(filterBlock-1)].Or(bit)&bit == 0 || changed
		bits >>= 9
	}
	return changed
}

// add adds an ID that was stored. It belongs to the writer.
func (f *nodeFilter) add(h identity.Hash) {
	if next := f.next.Load(); next != nil {
		mark(*next, h)
	}
	words := f.now.Load()
	if words == nil {
		if !f.ready.Load() {
			return // it will be filled from the store
		}
		words = f.room(0)
		f.ids.Store(0)
		f.now.Store(words)
	}
	if mark(*words, h) {
		f.ids.Add(1)
	}
}

// absent reports that the ID was surely never seen.
func (f *nodeFilter) absent(h identity.Hash) bool {
	if !f.ready.Load() {
		return false
	}
	words := f.now.Load()
	if words == nil {
		return true
	}
	block, bits := place(*words, h)
	for range filterProbes {
		if block[bits>>6&(filterBlock-1)].Load()&(1<<(bits&63)) == 0 {
			return true
		}
		bits >>= 9
	}
	return false
}
