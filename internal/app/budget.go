package app

import (
	"os"
	"runtime/debug"

	"github.com/selfsame-id/selfsame/internal/config"
)

// budget is how the configuration's memory is divided. With all parts in use the
// process takes what the configuration says, and a quarter more with its garbage.
type budget struct {
	blocks   int64 // of the store, read from disk: bodies and old index blocks
	memtable int64 // one of the store's; mostly two are in use, four at most
	spaces   int64 // caches and filters of all spaces
	heap     int64 // what Go may take in all, garbage included
}

// process is what there is before anything is kept: the program itself, stacks, buffers.
const process = 64 << 20

// Bounds of parts that more memory does not make better, or less only slower. In a flood
// the heap has the requests that wait (httpapi.Settings.BodyBudget), however little
// memory there is.
const (
	leastMemtable, mostMemtable = 4 << 20, 64 << 20
	leastHeap                   = 256 << 20
)

// requests is what those in flight need when there is no flood.
func requests(memory config.Bytes) int64 { return min(int64(memory)/8, 128<<20) }

// budgetOf divides the memory. A shared store needs none on this machine.
func budgetOf(memory config.Bytes, shared bool) budget {
	m := int64(memory)
	var b budget
	if !shared {
		b.blocks = m / 6
		b.memtable = min(max(m/16, leastMemtable), mostMemtable)
	}
	b.spaces = max(m-process-b.blocks-3*b.memtable-requests(memory), m/8)
	// Blocks and memtables are not in Go's heap.
	b.heap = max(m+m/4-process-b.blocks-4*b.memtable, leastHeap)
	return b
}

// spareGarbage lets garbage grow larger than Go does by default, for a commit
// makes a lot of it and half of a small heap is collected again and again; near
// the limit the collector works as hard as it must. GOGC and GOMEMLIMIT, if set,
// have the say.
func (b *budget) spareGarbage() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(300)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(b.heap)
	}
}
