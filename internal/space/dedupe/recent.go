package dedupe

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/task"
)

// Recent knows in which blocks the messages of the dedupe window lie, by the
// hashes of their messageIds, on a store that has one writer. It never forgets a
// message of the window; that it names a block proves nothing.
//
// The youngest messages are in a table in memory. When the table is full it is
// frozen, and a task seals it into the store as a generation: pages of
// entries sorted by hash, and a filter that stays in memory and is asked first.
// Neighbouring generations of like size are merged into one, so there are few,
// whatever the rate. Generations older than the window are dropped.
//
// The memory is bounded: two tables are at most a quarter of the budget (more
// only while the store cannot keep up with sealing), an
// eighth is for merging, filters take the rest, about nine bits a message. What
// is older than the filters that fit has none, and each look-up reads one page
// of each such generation.
//
// What was not sealed when the process ended is found again in the headers of
// the blocks after SealedBlock, which the owner adds again.
//
// Find, Add and SetBudget belong to one goroutine at a time; Memory and Checks may be called by any.
type Recent struct {
	store  kv.Store
	keys   codec.Keyspace
	log    *slog.Logger
	window int64 // nanoseconds
	budget atomic.Int64

	// The writer's own.
	open  *table
	found []uint64 // what find returns
	now   int64    // the latest time that was heard of

	// view is changed by the holder of mu only. Whoever reads pages of the
	// generations in it holds mu for reading, so that they are not deleted under
	// its feet; filters and tables are asked without.
	mu    sync.RWMutex
	state atomic.Pointer[recentState]

	seal sealer

	lately    atomic.Int64 // the latest that find was told
	openBytes atomic.Int64
	reads     atomic.Int64
}

// recentState is what is not in the open table. It is not changed, but replaced.
type recentState struct {
	frozen []*table      // oldest first
	gens   []*generation // oldest first
}

const (
	// A table has at most so many slots, 16 MiB, unless the sealer is late.
	maxSlots = 1 << 20
	minSlots = 1 << 8
	// firstSlots is what a table has before anything is added: very many spaces get
	// no event for long.
	firstSlots = 1 << 4
	// mostFrozen is how many tables wait for the sealer before the open one
	// grows beyond its size instead.
	mostFrozen = 1
)

// Config says how much recent messages may take, and for how long they count.
type Config struct {
	Budget int64         // memory in bytes
	Window time.Duration // how long a message counts
	Tasks  *task.Scheduler
	Log    *slog.Logger
}

// Open opens the recent messages under ks. The caller then adds again what the
// headers after SealedBlock hold. Errors: those of the store, kv.ErrCorrupt,
// ErrTooNew.
func Open(ctx context.Context, store kv.Store, ks codec.Keyspace, cfg Config) (*Recent, error) {
	r := &Recent{store: store, keys: ks, log: cfg.Log, window: int64(cfg.Window)}
	r.budget.Store(cfg.Budget)
	v, err := r.load(ctx)
	if err != nil {
		return nil, fmt.Errorf("recent messages: %w", err)
	}
	r.state.Store(v)
	r.setOpen(newTable(firstSlots))
	r.seal.start(r, cfg.Tasks)
	return r, nil
}

// SetBudget changes the memory in bytes. What is too much goes: filters at once, and
// a table that is too large into the store. It is called like Find and Add, and not
// between two messages of a block.
func (r *Recent) SetBudget(bytes int64) {
	if was := r.budget.Swap(bytes); was == bytes {
		return
	}
	r.publish(func(v recentState) recentState { return v })
	if len(r.open.slots) > r.slots() && len(r.state.Load().frozen) < mostFrozen {
		r.freeze()
	} else if len(r.state.Load().gens) > 0 {
		r.seal.wakeUp() // there may be room for filters that there was none for
	}
}

// slots is how many slots a table has that is not asked to grow.
func (r *Recent) slots() int {
	n, most := minSlots, r.budget.Load()/8
	for n < maxSlots && int64(n)*2*entryBytes <= most {
		n *= 2
	}
	return n
}

// filterBudget is the memory in bytes for filters, and mergeBudget that for
// those of generations that are being merged into one.
func (r *Recent) filterBudget() int64 {
	return max(r.budget.Load()-r.mergeBudget()-(1+mostFrozen)*int64(r.slots())*entryBytes, 0)
}

func (r *Recent) mergeBudget() int64 { return r.budget.Load() / 8 }

func (r *Recent) setOpen(t *table) {
	r.open = t
	r.openBytes.Store(t.bytes())
}

// knownHash is the hash under which a message is kept: 0 stands for nothing.
func knownHash(hash uint64) uint64 {
	if hash == 0 {
		return 1
	}
	return hash
}

// Find returns the blocks that may hold a message of the window whose messageId
// has a hash; none proves that there is none. now is in nanoseconds since 1970.
// The slice is valid until the next call.
func (r *Recent) Find(ctx context.Context, hash uint64, now int64) ([]uint64, error) {
	hash = knownHash(hash)
	r.now = max(r.now, now)
	if now > r.lately.Load() {
		r.lately.Store(now)
	}
	v := r.state.Load()
	r.found = r.open.find(r.found[:0], hash)
	for _, t := range v.frozen {
		r.found = t.find(r.found, hash)
	}
	for _, g := range v.gens {
		if g.expired(now, r.window) {
			r.seal.wakeUp()
		} else if g.mayHold(hash) {
			return r.check(ctx, hash, now)
		}
	}
	return r.found, nil
}

// check is find with a look into the store.
func (r *Recent) check(ctx context.Context, hash uint64, now int64) ([]uint64, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	v := r.state.Load() // a frozen table may have become a generation meanwhile
	r.found = r.open.find(r.found[:0], hash)
	for _, t := range v.frozen {
		r.found = t.find(r.found, hash)
	}
	var keys [][]byte
	for _, g := range v.gens {
		if !g.expired(now, r.window) && g.mayHold(hash) {
			keys = append(keys, codec.RecentPages.Key(r.keys, g.id, uint32(g.page(hash))))
		}
	}
	if len(keys) == 0 {
		return r.found, nil
	}
	r.reads.Add(int64(len(keys)))
	s, err := r.store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	pages, err := s.Get(ctx, keys...)
	if err != nil {
		return nil, err
	}
	for _, b := range pages {
		if b == nil {
			continue // a page without entries is not stored
		}
		p, err := readPage(b)
		if err != nil {
			return nil, err
		}
		r.found = p.find(r.found, hash)
	}
	return r.found, nil
}

// Add keeps that a message, which came here at a time in nanoseconds since 1970,
// lies in a block. Blocks come in ascending order.
func (r *Recent) Add(hash, block uint64, arrived int64) {
	t := r.open
	// A table ends with a block, so that the next one begins with another: what
	// is up to SealedBlock is in the store whole.
	if block != t.last && t.count >= r.slots()/4*3 && len(r.state.Load().frozen) < mostFrozen {
		r.freeze()
		t = r.open
	}
	if t.count == t.full() {
		t.grow()
		r.openBytes.Store(t.bytes())
	}
	r.now = max(r.now, arrived)
	if t.count == 0 {
		t.first, t.oldest = block, r.now
	}
	t.last, t.newest = block, r.now
	t.add(knownHash(hash), block)
}

// freeze hands the open table to the sealer.
func (r *Recent) freeze() {
	r.mu.Lock()
	v := r.state.Load()
	r.state.Store(&recentState{append(v.frozen[:len(v.frozen):len(v.frozen)], r.open), v.gens})
	r.mu.Unlock()
	r.setOpen(newTable(r.slots()))
	r.seal.wakeUp()
}

// SealedBlock is the block up to which everything is in the store; 0 when
// nothing is. It is of use after Open, before anything is added.
func (r *Recent) SealedBlock() uint64 { return r.seal.block.Load() }

// Memory is how many bytes tables and filters take.
func (r *Recent) Memory() int64 {
	n := r.openBytes.Load()
	v := r.state.Load()
	for _, t := range v.frozen {
		n += t.bytes()
	}
	for _, g := range v.gens {
		n += g.filterBytes()
	}
	return n
}

// Checks is how many pages were read to look for a message.
func (r *Recent) Checks() int64 { return r.reads.Load() }

// Close stops the sealer. What is not sealed is in the headers of the blocks.
func (r *Recent) Close(ctx context.Context) error { return r.seal.stop(ctx) }
