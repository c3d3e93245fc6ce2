package instance

import (
	"io"
	"sync"
)

// record keeps the beginning and the end of what a process writes.
type record struct {
	mu         sync.Mutex
	echo       io.Writer
	head, tail []byte
	cut        bool
}

// mostKept is how much of each end is kept at least.
const mostKept = 256 << 10

func (r *record) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.echo != nil {
		_, _ = r.echo.Write(b)
	}
	n := min(len(b), max(mostKept-len(r.head), 0))
	r.head = append(r.head, b[:n]...)
	r.tail = append(r.tail, b[n:]...)
	if len(r.tail) > 2*mostKept {
		r.tail = append(r.tail[:0], r.tail[len(r.tail)-mostKept:]...)
		r.cut = true
	}
	return len(b), nil
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cut {
		return string(r.head) + "\n[...]\n" + string(r.tail)
	}
	return string(r.head) + string(r.tail)
}
