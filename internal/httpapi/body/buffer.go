package body

import (
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
	budget *Budget
}

// Bytes is the body. It must not be used after Release.
func (b *Buffer) Bytes() []byte { return b.data }

// Release gives the memory to the next request.
func (b *Buffer) Release() {
	b.budget.give(1 << b.class)
	if b.class <= largest {
		b.data = b.data[:0]
		pools[b.class].Put(b)
	}
}

// Abandon leaves the memory to the garbage collector: for bodies that somebody
// may still look into.
func (b *Buffer) Abandon() { b.budget.give(1 << b.class) }

// newBuffer makes an empty buffer for size bytes; nil when the budget is spent.
func newBuffer(size int, budget *Budget) *Buffer {
	class := max(smallest, bits.Len(uint(max(size, 1)-1)))
	if !budget.take(1 << class) {
		return nil
	}
	if class <= largest {
		if b, ok := pools[class].Get().(*Buffer); ok {
			b.budget = budget
			return b
		}
	}
	return &Buffer{data: make([]byte, 0, 1<<class), class: class, budget: budget}
}
