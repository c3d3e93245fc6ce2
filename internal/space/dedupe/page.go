package dedupe

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// A page holds the entries of a generation whose hashes begin with the same
// bits. It is stored as
//
//	version(1) width(1) base  hashes(8 each) blocks(width each, less base)
//
// in the order of the hashes. base is a uvarint, everything else big-endian.
const pageVersion = 1

// before orders entries by hash, those of one hash by block.
func (e entry) before(o entry) bool {
	return e.hash < o.hash || e.hash == o.hash && e.place < o.place
}

// appendPage appends a page of sorted entries to dst.
func appendPage(dst []byte, list []entry) []byte {
	base, top := ^uint64(0), uint64(0)
	for _, e := range list {
		base, top = min(base, e.place), max(top, e.place)
	}
	if len(list) == 0 {
		base = 0
	}
	width := (bits.Len64(top-base) + 7) / 8
	dst = append(dst, pageVersion, byte(width))
	dst = binary.AppendUvarint(dst, base)
	for _, e := range list {
		dst = binary.BigEndian.AppendUint64(dst, e.hash)
	}
	for _, e := range list {
		d := e.place - base
		for i := width - 1; i >= 0; i-- {
			dst = append(dst, byte(d>>(8*i)))
		}
	}
	return dst
}

// page is a stored page, read in place.
type page struct {
	hashes, blocks []byte
	width          int
	base           uint64
}

func readPage(b []byte) (page, error) {
	if len(b) < 3 || b[0] != pageVersion || b[1] > 8 {
		return page{}, errPage(b)
	}
	p := page{width: int(b[1])}
	base, n := binary.Uvarint(b[2:])
	if n <= 0 {
		return page{}, errPage(b)
	}
	p.base = base
	b = b[2+n:]
	count := len(b) / (8 + p.width)
	if count*(8+p.width) != len(b) {
		return page{}, errPage(b)
	}
	p.hashes, p.blocks = b[:8*count], b[8*count:]
	return p, nil
}

func errPage(b []byte) error {
	if len(b) > 0 && b[0] > pageVersion {
		return fmt.Errorf("%w: page version %d of recent messages", codec.ErrTooNew, b[0])
	}
	return fmt.Errorf("%w: a page of recent messages cannot be read", kv.ErrCorrupt)
}

func (p *page) len() int { return len(p.hashes) / 8 }

func (p *page) hash(i int) uint64 { return binary.BigEndian.Uint64(p.hashes[8*i:]) }

func (p *page) block(i int) uint64 {
	d := uint64(0)
	for _, b := range p.blocks[i*p.width : (i+1)*p.width] {
		d = d<<8 | uint64(b)
	}
	return p.base + d
}

// find appends the blocks of a hash to dst.
func (p *page) find(dst []uint64, hash uint64) []uint64 {
	lo, hi := 0, p.len()
	for lo < hi {
		if m := int(uint(lo+hi) / 2); p.hash(m) < hash {
			lo = m + 1
		} else {
			hi = m
		}
	}
	for ; lo < p.len() && p.hash(lo) == hash; lo++ {
		dst = append(dst, p.block(lo))
	}
	return dst
}

// entries appends all entries to dst.
func (p *page) entries(dst []entry) []entry {
	for i := range p.len() {
		dst = append(dst, entry{p.hash(i), p.block(i)})
	}
	return dst
}
