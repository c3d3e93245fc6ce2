package export

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
)

// spillBytes is how much of a bucket is held in memory before it goes to the file.
const spillBytes = 64 << 10

// spill holds records by bucket, in a temporary file that nobody else sees. Records are
// added by several goroutines at once; buckets are read when all are in.
type spill struct {
	file    *os.File
	named   bool // it still has its name
	end     atomic.Int64
	buckets []bucket
	left    atomic.Int64 // buckets that were not read
	once    sync.Once
}

type bucket struct {
	mu    sync.Mutex
	tail  []byte
	parts []part
}

// part is a stretch of the file.
type part struct {
	at int64
	n  int
}

// newSpill makes a spill of n buckets, whose file lies in dir; "": in the system's
// directory for temporary files.
func newSpill(dir string, n int) (*spill, error) {
	f, err := os.CreateTemp(dir, "selfsame-export-*")
	if err != nil {
		return nil, fmt.Errorf("a temporary file for the export: %w", err)
	}
	// Where a file may lose its name while it is open, it is gone with the process,
	// however that ends.
	s := &spill{file: f, named: os.Remove(f.Name()) != nil, buckets: make([]bucket, n)}
	s.left.Store(int64(n))
	return s, nil
}

// add lets record append to a bucket.
func (s *spill) add(n int, record func(b []byte) []byte) error {
	b := &s.buckets[n]
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tail = record(b.tail); len(b.tail) < spillBytes {
		return nil
	}
	p := part{s.end.Add(int64(len(b.tail))) - int64(len(b.tail)), len(b.tail)}
	if _, err := s.file.WriteAt(b.tail, p.at); err != nil {
		return fmt.Errorf("the temporary file of the export: %w", err)
	}
	b.parts, b.tail = append(b.parts, p), b.tail[:0]
	return nil
}

// take reads a bucket, once. When the last is read the file is gone.
func (s *spill) take(n int) ([]byte, error) {
	b := &s.buckets[n]
	size := len(b.tail)
	for _, p := range b.parts {
		size += p.n
	}
	out := make([]byte, 0, size)
	for _, p := range b.parts {
		at := len(out)
		out = out[:at+p.n]
		if _, err := s.file.ReadAt(out[at:], p.at); err != nil {
			return nil, fmt.Errorf("the temporary file of the export: %w", err)
		}
	}
	out = append(out, b.tail...)
	*b = bucket{}
	if s.left.Add(-1) == 0 {
		return out, s.close()
	}
	return out, nil
}

func (s *spill) close() (err error) {
	s.once.Do(func() {
		err = s.file.Close()
		if s.named {
			err = errors.Join(err, os.Remove(s.file.Name()))
		}
	})
	return err
}
