package space

import (
	"context"
	"encoding/binary"
	"sync"
	"sync/atomic"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// nodeFilter says of most IDs that were never seen that they were not, without
// asking the store: a new visitor brings new IDs, and looking for what is not
// there is what a sorted store does worst. It is a blocked Bloom filter (Putze,
// Sanders and Singler 2007) of fixed size; when a space outgrows it, it errs
// more often on the side of asking.
//
// The IDs of an earlier run are read in the background after the start; until
// then the filter answers "perhaps" to everything.
//
// Its memory is taken with the first ID: a space that nobody uses costs nothing.
type nodeFilter struct {
	blocks uint64
	words  atomic.Pointer[[]atomic.Uint64] // nil until there is an ID
	grow   sync.Mutex
	ready  atomic.Bool
}

const (
	filterBlock  = 8 // words that one ID's bits lie in: a cache line
	filterProbes = 6
)

func newNodeFilter(bytes int64) *nodeFilter {
	return &nodeFilter{blocks: uint64(max(bytes/(filterBlock*8), 16))}
}

// take takes the filter's memory, once.
func (f *nodeFilter) take() []atomic.Uint64 {
	if words := f.words.Load(); words != nil {
		return *words
	}
	f.grow.Lock()
	defer f.grow.Unlock()
	if words := f.words.Load(); words != nil {
		return *words
	}
	words := make([]atomic.Uint64, f.blocks*filterBlock)
	f.words.Store(&words)
	return words
}

// place spreads the hash, which is uniform, over a block and bits in it.
func (f *nodeFilter) place(words []atomic.Uint64, h identity.Hash) (block []atomic.Uint64, bits uint64) {
	at := binary.LittleEndian.Uint64(h[:8]) % f.blocks
	return words[at*filterBlock : (at+1)*filterBlock], binary.LittleEndian.Uint64(h[8:])
}

func (f *nodeFilter) add(h identity.Hash) {
	block, bits := f.place(f.take(), h)
	for range filterProbes {
		block[bits>>6&(filterBlock-1)].Or(1 << (bits & 63))
		bits >>= 9
	}
}

// absent reports that the ID was surely never seen.
func (f *nodeFilter) absent(h identity.Hash) bool {
	if !f.ready.Load() {
		return false
	}
	words := f.words.Load()
	if words == nil {
		return true
	}
	block, bits := f.place(*words, h)
	for range filterProbes {
		if block[bits>>6&(filterBlock-1)].Load()&(1<<(bits&63)) == 0 {
			return true
		}
		bits >>= 9
	}
	return false
}

// fillFilter reads which IDs there are.
func (s *Space) fillFilter(ctx context.Context, r kv.Reader) error {
	defer r.Close()
	err := s.each(ctx, r, codec.Identifiers, 2048, func(e kv.Entry) error {
		var h identity.Hash
		copy(h[:], e.Key[len(e.Key)-len(h):])
		s.memory.filter.add(h)
		return ctx.Err()
	})
	if err == nil {
		s.memory.filter.ready.Store(true)
	}
	return err
}
