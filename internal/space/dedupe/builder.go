package dedupe

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// entry says that a message whose messageId has a hash lies at a place.
type entry struct{ hash, place uint64 }

const (
	entryBytes = 16
	// runEntries are sorted in memory at once, 16 MiB.
	runEntries = 1 << 20
)

// Builder builds an Index. It takes 16 MiB of memory, and beyond 1,048,576
// messages twice 16 bytes of disk for each while it works, half of that
// afterwards. It must be closed if Index is not called.
type Builder struct {
	dir  string
	run  []entry
	most int // entries of a run
	runs []int64
	file *scratch
	out  *bufio.Writer
}

// NewBuilder makes a builder whose files lie in a directory; "" is the system's
// own for temporary files.
func NewBuilder(dir string) *Builder { return &Builder{dir: dir, most: runEntries} }

// Add adds a message. Errors: those of the file system.
func (b *Builder) Add(hash, place uint64) error {
	if len(b.run) == b.most {
		if err := b.spill(); err != nil {
			return err
		}
	}
	b.run = append(b.run, entry{hash, place})
	return nil
}

func (b *Builder) sort() {
	slices.SortFunc(b.run, func(x, y entry) int {
		return cmp.Or(cmp.Compare(x.hash, y.hash), cmp.Compare(x.place, y.place))
	})
}

// spill writes the run into the file.
func (b *Builder) spill() error {
	if b.file == nil {
		f, err := newScratch(b.dir)
		if err != nil {
			return err
		}
		b.file, b.out = f, bufio.NewWriterSize(f, 256<<10)
	}
	b.sort()
	var buf [entryBytes]byte
	for _, e := range b.run {
		e.put(buf[:])
		if _, err := b.out.Write(buf[:]); err != nil {
			return err
		}
	}
	b.runs = append(b.runs, int64(len(b.run)))
	b.run = b.run[:0]
	return nil
}

func (e entry) put(b []byte) {
	binary.BigEndian.PutUint64(b, e.hash)
	binary.BigEndian.PutUint64(b[8:], e.place)
}

func entryOf(b []byte) entry {
	return entry{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}
}

// Index ends the building.
func (b *Builder) Index() (*Index, error) {
	if len(b.runs) == 0 {
		b.sort()
		x := &Index{memory: slices.Clone(b.run), count: int64(len(b.run))}
		b.run = nil
		return x, nil
	}
	x, err := b.merge()
	return x, errors.Join(err, b.Close())
}

// Close gives up what the builder holds.
func (b *Builder) Close() error {
	b.run, b.runs = nil, nil
	f := b.file
	b.file = nil
	if f == nil {
		return nil
	}
	return f.remove()
}

// merge sorts the runs together.
func (b *Builder) merge() (_ *Index, err error) {
	if err := b.spill(); err != nil {
		return nil, err
	}
	if err := b.out.Flush(); err != nil {
		return nil, err
	}
	b.run = nil
	x := &Index{}
	var heap []*runReader
	at := int64(0)
	for _, n := range b.runs {
		r := &runReader{r: bufio.NewReaderSize(io.NewSectionReader(b.file, at*entryBytes, n*entryBytes), 64<<10)}
		at += n
		if ok, err := r.next(); err != nil {
			return nil, err
		} else if ok {
			heap = append(heap, r)
		}
	}
	slices.SortFunc(heap, func(x, y *runReader) int { return cmp.Compare(x.head.hash, y.head.hash) })
	x.filter = newFilter(at)
	if x.file, err = newScratch(b.dir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, x.Close())
		}
	}()
	out := bufio.NewWriterSize(x.file, 256<<10)
	var buf [entryBytes]byte
	for len(heap) > 0 {
		top := heap[0]
		if x.count%pageEntries == 0 {
			x.first = append(x.first, top.head.hash)
		}
		x.count++
		x.filter.add(top.head.hash)
		top.head.put(buf[:])
		if _, err := out.Write(buf[:]); err != nil {
			return nil, err
		}
		more, err := top.next()
		if err != nil {
			return nil, err
		}
		if !more {
			last := len(heap) - 1
			heap[0] = heap[last]
			heap = heap[:last]
		}
		sink(heap)
	}
	return x, out.Flush()
}

// sink puts the first run, whose head has changed, to its place in the heap.
func sink(heap []*runReader) {
	for i := 0; ; {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(heap); c++ {
			if heap[c].head.hash < heap[least].head.hash {
				least = c
			}
		}
		if least == i {
			return
		}
		heap[i], heap[least] = heap[least], heap[i]
		i = least
	}
}

// runReader reads a sorted run.
type runReader struct {
	r    *bufio.Reader
	head entry
	buf  [entryBytes]byte
}

func (r *runReader) next() (bool, error) {
	_, err := io.ReadFull(r.r, r.buf[:])
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	r.head = entryOf(r.buf[:])
	return err == nil, err
}

// scratch is a file that nobody else sees.
type scratch struct {
	*os.File
	named bool // it still has its name
}

func newScratch(dir string) (*scratch, error) {
	f, err := os.CreateTemp(dir, "selfsame-index-*")
	if err != nil {
		return nil, fmt.Errorf("a temporary file for the messageIds of the store: %w", err)
	}
	// Where a file may lose its name while it is open, it is gone with the process,
	// however that ends.
	return &scratch{f, os.Remove(f.Name()) != nil}, nil
}

func (s *scratch) remove() error {
	err := s.Close()
	if s.named {
		err = errors.Join(err, os.Remove(s.Name()))
	}
	return err
}
