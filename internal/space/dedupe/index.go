package dedupe

import (
	"errors"
	"io"
	"slices"
	"sort"
)

// Index is what a Builder has built. Find may be called by many goroutines at
// once, Close after all of them.
type Index struct {
	count  int64
	memory []entry // sorted by hash, when there are few
	file   *scratch
	first  []uint64 // the first hash of each page of the file
	filter *filter
}

// pageEntries are read at once, 4 KiB.
const pageEntries = 256

// Len is how many messages are in it.
func (x *Index) Len() int64 { return x.count }

// Memory is how many bytes of memory it takes.
func (x *Index) Memory() int64 {
	n := int64(len(x.memory))*entryBytes + int64(len(x.first))*8
	if x.filter != nil {
		n += int64(len(x.filter.bits)) * 8
	}
	return n
}

// Disk is how many bytes of disk it takes.
func (x *Index) Disk() int64 {
	if x.file == nil {
		return 0
	}
	return x.count * entryBytes
}

// Find appends the places of the messages whose messageIds have a hash to dst.
// Errors: those of the file system.
func (x *Index) Find(dst []uint64, hash uint64) ([]uint64, error) {
	if x.file == nil {
		i, _ := slices.BinarySearchFunc(x.memory, hash, func(e entry, h uint64) int {
			if e.hash < h {
				return -1
			}
			return 1
		})
		for ; i < len(x.memory) && x.memory[i].hash == hash; i++ {
			dst = append(dst, x.memory[i].place)
		}
		return dst, nil
	}
	if !x.filter.mayHold(hash) {
		return dst, nil
	}
	// Entries of one hash may begin at the end of the page before.
	page := max(sort.Search(len(x.first), func(i int) bool { return x.first[i] >= hash })-1, 0)
	var buf [pageEntries * entryBytes]byte
	for ; page < len(x.first) && x.first[page] <= hash; page++ {
		n, err := x.file.ReadAt(buf[:], int64(page)*int64(len(buf)))
		if err != nil && !errors.Is(err, io.EOF) {
			return dst, err
		}
		n /= entryBytes
		at := sort.Search(n, func(i int) bool { return entryOf(buf[i*entryBytes:]).hash >= hash })
		for ; at < n; at++ {
			e := entryOf(buf[at*entryBytes:])
			if e.hash != hash {
				return dst, nil
			}
			dst = append(dst, e.place)
		}
	}
	return dst, nil
}

// Close gives the file up.
func (x *Index) Close() error {
	x.memory, x.first, x.filter = nil, nil, nil
	f := x.file
	x.file = nil
	if f == nil {
		return nil
	}
	return f.remove()
}

// filter is a Bloom filter over hashes that are as good as random.
type filter struct {
	bits []uint64
	mask uint64
}

const (
	filterBits    = 10      // for each hash, at least, as long as
	filterMost    = 1 << 29 // there are no more than so many: 64 MiB
	filterLookups = 4
)

func newFilter(count int64) *filter {
	bits := uint64(1 << 10)
	for bits < filterMost && bits < uint64(count)*filterBits {
		bits *= 2
	}
	return &filter{bits: make([]uint64, bits/64), mask: bits - 1}
}

func (f *filter) add(hash uint64) {
	step := hash>>32 | 1
	for h := hash; h != hash+filterLookups*step; h += step {
		f.bits[h&f.mask/64] |= 1 << (h % 64)
	}
}

func (f *filter) mayHold(hash uint64) bool {
	step := hash>>32 | 1
	for h := hash; h != hash+filterLookups*step; h += step {
		if f.bits[h&f.mask/64]&(1<<(h%64)) == 0 {
			return false
		}
	}
	return true
}
