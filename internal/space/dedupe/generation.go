package dedupe

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// generation is a set of entries that lies in the store. It does not change
// once it is published.
type generation struct {
	id          uint64
	first, last uint64 // the blocks that its messages lie in
	// oldest and newest are when its messages came, in nanoseconds since 1970.
	oldest, newest int64
	count          int
	pageBits       int // the highest bits of a hash are the number of its page
	partBits       int // fewer of them, of the part with its own filter
	// filters are those in memory, by part; nil where the store is asked.
	filters []*fuseFilter
}

const (
	entriesPerPage = 256 // in a page, at most on average
	maxPageBits    = 32
	maxPartBits    = 16
)

// shape sets the number of pages and parts for a number of entries; a part has
// at most partEntries on average.
func (g *generation) shape(count, partEntries int) {
	g.count = count
	n := uint64(max(count, 1) - 1)
	g.pageBits = min(bits.Len64(n/entriesPerPage), maxPageBits)
	g.partBits = min(bits.Len64(n/uint64(partEntries)), g.pageBits, maxPartBits)
	g.filters = make([]*fuseFilter, 1<<g.partBits)
}

func (g *generation) page(hash uint64) int { return int(hash >> (64 - g.pageBits)) }
func (g *generation) part(hash uint64) int { return int(hash >> (64 - g.partBits)) }

// mayHold reports false when a hash is certainly not in the generation.
func (g *generation) mayHold(hash uint64) bool {
	f := g.filters[g.part(hash)]
	return f == nil || f.mayHold(hash)
}

// expired reports whether all of the generation is older than the window.
func (g *generation) expired(now, window int64) bool { return g.newest <= now-window }

func (g *generation) filterBytes() (n int64) {
	for _, f := range g.filters {
		if f != nil {
			n += f.bytes()
		}
	}
	return n
}

const generationVersion = 1

// append appends the stored form of the generation to dst.
func (g *generation) append(dst []byte) []byte {
	dst = append(dst, generationVersion)
	dst = binary.AppendUvarint(dst, g.first)
	dst = binary.AppendUvarint(dst, g.last)
	dst = binary.AppendVarint(dst, g.oldest)
	dst = binary.AppendVarint(dst, g.newest)
	dst = binary.AppendUvarint(dst, uint64(g.count))
	return append(dst, byte(g.pageBits), byte(g.partBits))
}

func decodeGeneration(id uint64, b []byte) (*generation, error) {
	r := &codec.Reader{Rest: b}
	v := r.Version(generationVersion)
	g := &generation{id: id, first: r.Uvarint(), last: r.Uvarint(), oldest: r.Varint(), newest: r.Varint()}
	count := r.Uvarint()
	g.pageBits, g.partBits = int(r.Byte()), int(r.Byte())
	if r.Err != nil {
		return nil, r.Err
	}
	if v == 0 || count > 1<<40 || g.pageBits > maxPageBits || g.partBits > min(g.pageBits, maxPartBits) || len(r.Rest) > 0 {
		return nil, fmt.Errorf("%w: generation %d of recent messages cannot be read", kv.ErrCorrupt, id)
	}
	g.count = int(count)
	g.filters = make([]*fuseFilter, 1<<g.partBits)
	return g, nil
}

// shed returns the generations, oldest first, with as many filters as fit into
// a number of bytes, those of the youngest first. Generations that lose some
// are copied.
func shed(gens []*generation, most int64) []*generation {
	out := make([]*generation, len(gens))
	for i := len(gens) - 1; i >= 0; i-- {
		g := gens[i]
		if need := g.filterBytes(); need <= most {
			most -= need
			out[i] = g
			continue
		}
		c := *g
		c.filters = make([]*fuseFilter, len(g.filters))
		for k, f := range g.filters {
			if f != nil && f.bytes() <= most {
				most -= f.bytes()
				c.filters[k] = f
			}
		}
		out[i], most = &c, 0
	}
	return out
}
