package body

import (
	"io"
	"math/bits"
	"sync"
)

// Buffers come in powers of two, so that one that fits is found at once.
const (
	smallest = 12 // 4 KiB
	largest  = 23 // 8 MiB; what is larger is made for the occasion
)

var pools [largest + 1]sync.Pool

// Buffer is a body in memory that is to be used again.
type Buffer struct {
	data   []byte
	class  int
	charge *Charge
}

// Bytes is the body. It must not be used after Release.
func (b *Buffer) Bytes() []byte { return b.data }

// Release gives the memory to the next request.
func (b *Buffer) Release() {
	b.charge.Give(1 << b.class)
	if b.class <= largest {
		b.data, b.charge = b.data[:0], nil
		pools[b.class].Put(b)
	}
}

// Abandon leaves the memory to the garbage collector: for bodies that somebody
// may still look into.
func (b *Buffer) Abandon() { b.charge.Give(1 << b.class) }

// newBuffer makes an empty buffer for size bytes; nil when the budget is spent.
func newBuffer(size int, charge *Charge) *Buffer {
	class := max(smallest, bits.Len(uint(max(size, 1)-1)))
	if !charge.Take(1 << class) {
		return nil
	}
	if class <= largest {
		if b, ok := pools[class].Get().(*Buffer); ok {
			b.charge = charge
			return b
		}
	}
	return &Buffer{data: make([]byte, 0, 1<<class), class: class, charge: charge}
}

// fill reads r to its end, but at most most bytes. The buffer may be exchanged
// for a larger one: it grows as bytes come, never ahead of them.
func (b *Buffer) fill(r io.Reader, most int) (*Buffer, error) {
	for {
		if len(b.data) > most {
			b.data = b.data[:most]
			return b, ErrTooLarge
		}
		if len(b.data) == cap(b.data) {
			larger := newBuffer(2*cap(b.data), b.charge)
			if larger == nil {
				return b, ErrFull
			}
			larger.data = append(larger.data, b.data...)
			b.Release()
			b = larger
		}
		n, err := r.Read(b.data[len(b.data):cap(b.data)])
		b.data = b.data[:len(b.data)+n]
		if err == io.EOF {
			if len(b.data) > most {
				continue
			}
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
}
