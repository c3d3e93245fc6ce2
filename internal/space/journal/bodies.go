package journal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/zstd"
	"github.com/minio/minlz"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// The bodies of a block are stored as
//
//	version(1) checksum(8, little-endian) packed(
//	  number of bodies, the length of each, then all of them)
//
// The version says how they are packed. MinLZ takes a quarter of the time of zstd,
// to pack and to unpack, and half as much room again; it has a largest size, beyond
// which bodies are packed with zstd. The checksum (xxHash64) is that of what is
// packed, so damage is found before anything is unpacked.
const (
	bodiesZstd    = 1 // one frame
	bodiesMinLZ   = 2 // one block
	bodiesVersion = bodiesMinLZ
	bodiesPrefix  = 1 + 8
	// MaxUnpacked is the most that a block unpacks to, lengths included. Whoever
	// packs stays far below it.
	MaxUnpacked = 16 << 20
	// packWindow is how far back the compressor looks, about a block; more only
	// costs memory.
	packWindow = 256 << 10
)

// Packer packs the bodies of blocks. The zero Packer is ready; it may be used
// from many goroutines at once and must not be copied.
type Packer struct {
	benches sync.Pool
}

// bench is what packing needs besides the result.
type bench struct {
	enc         *zstd.Encoder // nil until bodies are too large for MinLZ
	raw, packed []byte
}

// zstd appends a frame of what is too large for MinLZ.
func (w *bench) zstd(dst, raw []byte) []byte {
	if w.enc == nil {
		enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
			zstd.WithWindowSize(packWindow), zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true))
		if err != nil {
			panic(err) // the options are constants
		}
		w.enc = enc
	}
	return w.enc.EncodeAll(raw, dst)
}

// pack appends the version, room for the checksum, and raw as it is packed.
func (w *bench) pack(dst, raw []byte) []byte {
	var prefix [bodiesPrefix]byte
	if len(raw) > minlz.MaxBlockSize {
		prefix[0] = bodiesZstd
		return w.zstd(append(dst, prefix[:]...), raw)
	}
	prefix[0] = bodiesMinLZ
	dst = slices.Grow(append(dst, prefix[:]...), minlz.MaxEncodedLen(len(raw)))
	packed, err := minlz.Encode(dst[len(dst):cap(dst)], raw, minlz.LevelFastest)
	if err != nil {
		panic(err) // the size was looked at, and the level is a constant
	}
	return dst[:len(dst)+len(packed)]
}

// maxBench is the largest buffer that is kept for the next block.
const maxBench = 1 << 20

// Pack appends the packed bodies to dst and returns the result. The bodies are
// not kept. Together they must stay below MaxUnpacked.
func (p *Packer) Pack(dst []byte, bodies [][]byte) []byte {
	w, ok := p.benches.Get().(*bench)
	if !ok {
		w = new(bench)
	}
	raw := binary.AppendUvarint(w.raw[:0], uint64(len(bodies)))
	for _, b := range bodies {
		raw = binary.AppendUvarint(raw, uint64(len(b)))
	}
	for _, b := range bodies {
		raw = append(raw, b...)
	}
	start := len(dst)
	if dst == nil { // a large piece of which little is used would be kept with the block
		w.packed = w.pack(w.packed[:0], raw)
		dst = bytes.Clone(w.packed)
	} else {
		dst = w.pack(dst, raw)
	}
	binary.LittleEndian.PutUint64(dst[start+1:], xxhash.Sum64(dst[start+bodiesPrefix:]))
	if w.raw = raw; cap(raw) > maxBench {
		w.raw, w.packed = nil, nil
	}
	p.benches.Put(w)
	return dst
}

// unpacker unpacks for everybody: DecodeAll keeps no state between calls.
var unpacker = sync.OnceValue(func() *zstd.Decoder {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(MaxUnpacked),
		zstd.WithDecoderMaxWindow(MaxUnpacked), zstd.WithDecoderLowmem(true))
	if err != nil {
		panic(err) // the options are constants
	}
	return dec
})

// UnpackBodies returns the bodies of a block, in their order. They share one
// piece of memory, which belongs to the caller and has nothing to do with b.
// Errors wrap kv.ErrCorrupt or codec.ErrTooNew.
func UnpackBodies(b []byte) ([][]byte, error) {
	if len(b) < bodiesPrefix || b[0] == 0 {
		return nil, fmt.Errorf("%w: the bodies of a block are cut short", kv.ErrCorrupt)
	}
	if b[0] > bodiesVersion {
		return nil, fmt.Errorf("%w: bodies version %d", codec.ErrTooNew, b[0])
	}
	packed := b[bodiesPrefix:]
	if xxhash.Sum64(packed) != binary.LittleEndian.Uint64(b[1:]) {
		return nil, fmt.Errorf("%w: the checksum of a block's bodies is wrong", kv.ErrCorrupt)
	}
	var raw []byte
	var err error
	if b[0] == bodiesZstd {
		raw, err = unpacker().DecodeAll(packed, nil)
	} else {
		raw, err = unpackMinLZ(packed)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: the bodies of a block: %w", kv.ErrCorrupt, err)
	}
	return splitBodies(raw)
}

// unpackMinLZ unpacks a block of MinLZ, whose size is looked at first.
func unpackMinLZ(packed []byte) ([]byte, error) {
	n, err := minlz.DecodedLen(packed)
	if err == nil && n > minlz.MaxBlockSize {
		err = minlz.ErrTooLarge
	}
	if err != nil {
		return nil, err
	}
	return minlz.Decode(make([]byte, n), packed)
}

// splitBodies takes what was packed apart.
func splitBodies(raw []byte) ([][]byte, error) {
	r := &codec.Reader{Rest: raw}
	n := r.Count(1)
	if r.Err == nil && n > maxBlockEvents {
		return nil, fmt.Errorf("%w: a block counts %d bodies", kv.ErrCorrupt, n)
	}
	bodies := make([][]byte, n)
	lengths := *r
	total := uint64(0)
	for range bodies {
		l := r.Uvarint()
		if l > uint64(len(raw)) {
			r.Fail()
		}
		total += l
	}
	if r.Err == nil && total != uint64(len(r.Rest)) {
		r.Fail()
	}
	if r.Err != nil {
		return nil, r.Err
	}
	rest := r.Rest
	for i := range bodies {
		l := lengths.Uvarint()
		bodies[i], rest = rest[:l:l], rest[l:]
	}
	return bodies, nil
}
