package dedupe

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/FastFilter/xorfilter"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// fuseFilter says for certain that a hash is not in a part of a generation,
// or, wrongly once in 256 times, that it is: a binary fuse filter of about nine
// bits an entry (Graf and Lemire 2022).
type fuseFilter struct {
	fuse  xorfilter.BinaryFuse[uint8]
	empty bool // the part holds nothing
}

func (f *fuseFilter) mayHold(hash uint64) bool { return !f.empty && f.fuse.Contains(hash) }

// bytes is the memory that the filter takes.
func (f *fuseFilter) bytes() int64 { return int64(len(f.fuse.Fingerprints)) + 64 }

// filterMaker builds one filter after the other in the same memory.
type filterMaker struct {
	builder xorfilter.BinaryFuseBuilder
	keys    []uint64
}

// build makes the filter of entries that are sorted by hash.
func (m *filterMaker) build(list []entry) (*fuseFilter, error) {
	m.keys = m.keys[:0]
	last := uint64(0)
	for _, e := range list {
		if e.hash != last {
			m.keys = append(m.keys, e.hash)
			last = e.hash
		}
	}
	if len(m.keys) == 0 {
		return &fuseFilter{empty: true}, nil
	}
	fuse, err := xorfilter.BuildBinaryFuse[uint8](&m.builder, m.keys)
	if err != nil {
		return nil, fmt.Errorf("filter of %d recent messages: %w", len(m.keys), err)
	}
	fuse.Fingerprints = slices.Clone(fuse.Fingerprints) // they are the builder's
	return &fuseFilter{fuse: fuse}, nil
}

const filterVersion = 1

// append appends the stored form of the filter to dst: version(1) seed(8),
// segment length and segment count as uvarints, then the fingerprints. An empty
// one is the version alone.
func (f *fuseFilter) append(dst []byte) []byte {
	dst = append(dst, filterVersion)
	if f.empty {
		return dst
	}
	dst = binary.BigEndian.AppendUint64(dst, f.fuse.Seed)
	dst = binary.AppendUvarint(dst, uint64(f.fuse.SegmentLength))
	dst = binary.AppendUvarint(dst, uint64(f.fuse.SegmentCount))
	return append(dst, f.fuse.Fingerprints...)
}

// decodeFilter reads the stored form. The filter keeps a part of b.
func decodeFilter(b []byte) (*fuseFilter, error) {
	if len(b) == 0 || b[0] != filterVersion {
		return nil, fmt.Errorf("%w: a filter of recent messages cannot be read", kv.ErrCorrupt)
	}
	r := &codec.Reader{Rest: b[1:]}
	if len(r.Rest) == 0 {
		return &fuseFilter{empty: true}, nil
	}
	f := &fuseFilter{}
	if len(r.Rest) < 8 {
		r.Fail()
		return nil, r.Err
	}
	f.fuse.Seed = binary.BigEndian.Uint64(r.Rest)
	r.Rest = r.Rest[8:]
	length, count := r.Uvarint(), r.Uvarint()
	// What follows from one another is checked, for Contains trusts it.
	if r.Err != nil || length == 0 || length&(length-1) != 0 || length > 1<<18 || count == 0 || count > 1<<31/length ||
		uint64(len(r.Rest)) != (count+2)*length {
		return nil, fmt.Errorf("%w: a filter of recent messages does not fit together", kv.ErrCorrupt)
	}
	f.fuse.SegmentLength, f.fuse.SegmentLengthMask = uint32(length), uint32(length-1)
	f.fuse.SegmentCount, f.fuse.SegmentCountLength = uint32(count), uint32(count*length)
	f.fuse.Fingerprints = r.Rest
	return f, nil
}
