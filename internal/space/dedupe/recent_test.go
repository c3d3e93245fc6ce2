package dedupe

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/kv/pebblekv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/task"
)

func recentStore(t testing.TB, fs vfs.FS) kv.Store {
	t.Helper()
	s, err := pebblekv.Open("data", pebblekv.Options{FS: fs, CacheBytes: 8 << 20, MemtableBytes: 4 << 20, ReserveBytes: -1, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var recentPrefix = codec.NewKeyspace(1)

// known is a message as the headers of its block have it.
type known struct {
	hash, block uint64
	receivedAt  int64
}

// recentWorld is recent messages beside all that was ever added.
type recentWorld struct {
	t      testing.TB
	fs     *vfs.MemFS
	store  kv.Store
	r      *Recent
	budget int64
	window int64
	now    int64
	block  uint64
	all    []known
	rng    *rand.Rand

	unsealed int // messages that the last start had to add again
}

func newRecentWorld(t testing.TB, budget int64, seed uint64) *recentWorld {
	w := &recentWorld{t: t, fs: vfs.NewCrashableMem(), budget: budget, window: 1e6, now: 1e18, rng: rand.New(rand.NewPCG(seed, 1))}
	w.start()
	t.Cleanup(w.end)
	return w
}

// start opens the store and adds again what was not sealed.
func (w *recentWorld) start() {
	w.store = recentStore(w.t, w.fs)
	var err error
	w.r, err = Open(w.t.Context(), w.store, recentPrefix, Config{Budget: w.budget, Window: time.Duration(w.window), Tasks: task.New(), Log: slog.New(slog.NewTextHandler(w.t.Output(), nil))})
	if err != nil {
		w.t.Fatal(err)
	}
	sealed := w.r.SealedBlock()
	i, _ := slices.BinarySearchFunc(w.all, sealed+1, func(k known, b uint64) int { return int(k.block) - int(b) })
	w.unsealed = len(w.all) - i
	for _, k := range w.all[i:] {
		w.r.Add(k.hash, k.block, k.receivedAt)
	}
}

func (w *recentWorld) end() {
	if err := w.r.Close(context.Background()); err != nil {
		w.t.Error(err)
	}
	if err := w.store.Close(); err != nil {
		w.t.Error(err)
	}
}

// crash goes on with what a crash at this moment leaves on disk.
func (w *recentWorld) crash() {
	after := w.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: w.rng.IntN(101), RNG: w.rng})
	w.end()
	w.fs = after
	w.start()
}

// add adds a block of messages, new ones and some that came before.
func (w *recentWorld) add(n int) {
	w.block++
	w.now += int64(n)
	for range n {
		k := known{w.rng.Uint64(), w.block, w.now - w.rng.Int64N(10)}
		switch w.rng.IntN(50) {
		case 0:
			k.hash = k.hash>>60 + 1 // the same again and again
		case 1:
			k.receivedAt -= 1e9 // of an archive
		}
		w.r.Add(k.hash, k.block, k.receivedAt)
		w.all = append(w.all, k)
	}
}

func (w *recentWorld) find(hash uint64) []uint64 {
	blocks, err := w.r.Find(w.t.Context(), hash, w.now)
	if err != nil {
		w.t.Fatal(err)
	}
	return blocks
}

// check looks for some messages of the window.
func (w *recentWorld) check(n int) {
	w.t.Helper()
	for range n {
		k := w.all[len(w.all)-1-w.rng.IntN(min(len(w.all), int(w.window)))]
		if k.receivedAt <= w.now-w.window || k.hash <= 16 {
			continue
		}
		if blocks := w.find(k.hash); !slices.Contains(blocks, k.block) {
			w.t.Fatalf("message %x of block %d (%d ago) is forgotten: %v", k.hash, k.block, w.now-k.receivedAt, blocks)
		}
	}
	for hash := uint64(1); hash <= 16; hash++ { // of these the last block counts
		for i := len(w.all) - 1; i >= max(0, len(w.all)-5000); i-- {
			if w.all[i].hash == hash {
				if blocks := w.find(hash); w.all[i].receivedAt > w.now-w.window && !slices.Contains(blocks, w.all[i].block) {
					w.t.Fatalf("message %x of block %d is forgotten: %v", hash, w.all[i].block, blocks)
				}
				break
			}
		}
	}
}

// settle waits until the sealer has nothing to do.
func (w *recentWorld) settle() {
	w.t.Helper()
	w.find(1) // tells the time
	for range 100 {
		ran := w.r.seal.task.Ran()
		v := w.r.state.Load()
		expired := slices.ContainsFunc(v.gens, func(g *generation) bool { return g.expired(w.now, w.window) })
		if len(v.frozen) == 0 && !expired && w.r.mergeable(v.gens) == nil {
			return
		}
		w.r.seal.wakeUp()
		<-ran
	}
	w.t.Fatal("the sealer does not come to an end")
}

func TestRecentForgetsNothing(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newRecentWorld(t, 64<<10, seed)
			if seed%2 == 1 {
				w.window = 10_000 // so that generations grow old
				w.end()
				w.start()
			}
			merged := false
			for len(w.all) < 20_000 {
				w.add(1 + w.rng.IntN(200))
				switch w.rng.IntN(100) {
				case 0:
					w.end()
					w.start()
				case 1:
					w.crash()
				case 2, 3, 4, 5:
					w.settle()
				}
				if w.rng.IntN(8) == 0 {
					w.check(20)
				}
				for _, g := range w.r.state.Load().gens {
					merged = merged || g.count > 4*w.r.slots() && len(g.filters) > 1
				}
			}
			// A sealer that was too slow to merge what grew old is now waited for. No
			// table grows beyond its slots then, so what is twice as large was merged.
			w.settle()
			before := w.r.state.Load().gens
			for n := 0; !merged && n < 10_000; n += 50 {
				w.add(50)
				w.settle()
				for _, g := range w.r.state.Load().gens {
					merged = merged || g.count >= 2*w.r.slots() && !slices.Contains(before, g)
				}
			}
			w.check(1000)
			if !merged {
				t.Error("nothing was merged; this test is not of much use")
			}
			if n := len(w.r.state.Load().gens); n > 40 {
				t.Errorf("%d generations are left", n)
			}
		})
	}
}

func TestRecentKeepsToItsBudget(t *testing.T) {
	t.Parallel()
	w := newRecentWorld(t, 64<<10, 7)
	for range 400 {
		w.add(200)
		if w.rng.IntN(3) == 0 {
			w.settle()
		}
		late := len(w.r.open.slots) > w.r.slots()
		for _, f := range w.r.state.Load().frozen {
			late = late || len(f.slots) > w.r.slots()
		}
		if m := w.r.Memory(); m > w.budget && !late {
			t.Fatalf("%d bytes of %d", m, w.budget)
		}
	}
	w.settle()
	if m := w.r.Memory(); m > w.budget {
		t.Errorf("%d bytes of %d", m, w.budget)
	}
	before := w.r.Checks()
	w.check(1000)
	for range 1000 {
		if b := w.find(w.rng.Uint64()); len(b) != 0 {
			t.Errorf("a message that never came is in blocks %v", b)
		}
	}
	if w.r.Checks() == before {
		t.Error("80,000 messages were looked for in 40 KB of filters")
	}
	w.end()
	w.start()
	if m := w.r.Memory(); m > w.budget {
		t.Errorf("%d bytes of %d after a start", m, w.budget)
	}
	if w.unsealed > w.r.slots()+200 {
		t.Errorf("%d messages had to be added again", w.unsealed)
	}
	w.check(1000)
}

func TestFreshMessagesCostNoReads(t *testing.T) {
	w := newRecentWorld(t, 1<<20, 3)
	for range 300 {
		w.add(200)
	}
	w.settle()
	if len(w.r.state.Load().gens) == 0 {
		t.Fatal("nothing was sealed")
	}
	for range 10_000 {
		if b := w.find(w.rng.Uint64()); len(b) != 0 {
			t.Errorf("a message that never came is in blocks %v", b)
		}
	}
	if n := w.r.Checks(); n > 10_000/256*2*int64(len(w.r.state.Load().gens)) {
		t.Errorf("%d pages were read for 10,000 fresh messages", n)
	}
	hash := w.rng.Uint64()
	for w.r.state.Load(); ; hash = w.rng.Uint64() {
		if !slices.ContainsFunc(w.r.state.Load().gens, func(g *generation) bool { return g.mayHold(hash) }) {
			break
		}
	}
	if n := testing.AllocsPerRun(100, func() { w.find(hash) }); n != 0 {
		t.Errorf("a fresh message costs %v allocations", n)
	}
}

func TestOldGenerationsAreDropped(t *testing.T) {
	w := newRecentWorld(t, 64<<10, 5)
	for range 50 {
		w.add(200)
	}
	w.settle()
	w.now += 2 * w.window
	w.find(1)
	w.settle()
	if n := len(w.r.state.Load().gens); n != 0 {
		t.Errorf("%d generations are left", n)
	}
	if n := w.entriesStored(); n > 1 { // the sealed block
		// The pages are deleted a moment after the generations.
		for deadline := time.Now().Add(5 * time.Second); n > 1 && time.Now().Before(deadline); n = w.entriesStored() {
			time.Sleep(time.Millisecond)
		}
		if n > 1 {
			t.Errorf("%d keys are left", n)
		}
	}
	sealed := w.r.SealedBlock()
	w.end()
	w.start()
	if got := w.r.SealedBlock(); got < sealed || sealed == 0 {
		t.Errorf("sealed up to block %d, before %d", got, sealed)
	}
}

func (w *recentWorld) entriesStored() int {
	s, err := w.store.Snapshot(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	defer s.Close()
	found, err := s.Scan(w.t.Context(), recentPrefix[:], kv.PrefixEnd(recentPrefix[:]), 1<<20, false)
	if err != nil {
		w.t.Fatal(err)
	}
	return len(found)
}

func TestLeftoversAreSweptAtTheStart(t *testing.T) {
	w := newRecentWorld(t, 64<<10, 11)
	for range 20 {
		w.add(200)
	}
	w.settle()
	var b kv.Batch
	var left [][]byte
	for _, id := range []uint64{0, 1, 2, 3, 4, 99} { // some of them may be living generations
		if !slices.ContainsFunc(w.r.state.Load().gens, func(g *generation) bool { return g.id == id }) {
			for _, key := range [][]byte{codec.RecentPages.Key(recentPrefix, id, 3), codec.RecentFilters.Key(recentPrefix, id, 0)} {
				b.Put(key, []byte("left"))
				left = append(left, key)
			}
		}
	}
	if err := w.store.Commit(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	w.end()
	w.start()
	s, err := w.store.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	values, err := s.Get(t.Context(), left...)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range values {
		if string(v) == "left" {
			t.Errorf("%q is still there", left[i])
		}
	}
	w.check(1000)
}

func TestLostFiltersCostOnlyReads(t *testing.T) {
	w := newRecentWorld(t, 64<<10, 13)
	for range 40 {
		w.add(200)
	}
	w.settle()
	var b kv.Batch
	for i, g := range w.r.state.Load().gens {
		if key := codec.RecentFilters.Key(recentPrefix, g.id, 0); i%2 == 0 {
			b.Delete(key)
		} else {
			b.Put(key, []byte{filterVersion, 1, 2, 3})
		}
	}
	if err := w.store.Commit(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	w.end()
	w.start()
	w.check(2000)
	if w.r.Checks() == 0 {
		t.Error("nothing was read")
	}
}

func TestEntriesComeInOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	compare := func(a, b entry) int {
		if a.before(b) {
			return -1
		}
		return 1
	}
	for range 500 {
		table := newTable(16)
		var want []entry
		for table.count < table.full() {
			e := entry{rng.Uint64() | 1, rng.Uint64()}
			if rng.IntN(2) == 0 {
				e.hash |= 0xf << 60 // the last row goes on at the front
			}
			table.add(e.hash, e.place)
			want = append(want, e)
		}
		slices.SortFunc(want, compare)
		if got := table.entries(); !slices.Equal(got, want) {
			t.Fatalf("got %x\nwant %x", got, want)
		}
		n := rng.IntN(6)
		ends := []int{0}
		var list []entry
		for range n {
			from := len(list)
			for range rng.IntN(5) {
				list = append(list, entry{rng.Uint64N(20), rng.Uint64N(3)})
			}
			slices.SortFunc(list[from:], compare)
			ends = append(ends, len(list))
		}
		want = slices.Clone(list)
		slices.SortFunc(want, compare)
		if got, _ := mergeSorted(list, nil, ends); !slices.Equal(got, want) {
			t.Fatalf("merged %x\nwant %x", got, want)
		}
	}
}

func BenchmarkRecentFresh(b *testing.B) {
	for _, n := range []int{0, 1_000_000, 10_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			store := recentStore(b, vfs.NewMem())
			defer store.Close()
			r, err := Open(b.Context(), store, recentPrefix, Config{Budget: 128 << 20, Window: 24 * time.Hour, Tasks: task.New(), Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				b.Fatal(err)
			}
			defer r.Close(context.Background())
			rng := rand.New(rand.NewPCG(1, 2))
			block := uint64(1 << 40)
			for i := range n {
				if i%1000 == 0 {
					block++
				}
				r.Add(rng.Uint64(), block, int64(i))
				for i%1000 == 0 && len(r.state.Load().frozen) > 0 {
					time.Sleep(100 * time.Microsecond)
				}
			}
			for r.mergeable(r.state.Load().gens) != nil {
				time.Sleep(time.Millisecond)
			}
			b.ReportAllocs()
			b.ResetTimer()
			var hashes [1000]uint64
			for i := 0; i < b.N; i += len(hashes) {
				block++
				for k := range hashes {
					hashes[k] = rng.Uint64()
					if _, err := r.Find(b.Context(), hashes[k], int64(n+i)); err != nil {
						b.Fatal(err)
					}
				}
				for _, h := range hashes {
					r.Add(h, block, int64(n+i))
				}
			}
			b.StopTimer()
			b.ReportMetric(float64(len(r.state.Load().gens)), "generations")
			b.ReportMetric(float64(r.Checks())/float64(b.N), "reads/op")
			b.ReportMetric(float64(r.Memory())/1e6, "MB")
		})
	}
}

func FuzzReadPage(f *testing.F) {
	f.Add(appendPage(nil, []entry{{1, 2}, {1, 3}, {9, 1 << 40}}))
	f.Add(binary.AppendUvarint([]byte{pageVersion, 0}, 7))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := readPage(b)
		if err != nil {
			return
		}
		list := p.entries(nil)
		for _, e := range list {
			p.find(nil, e.hash)
		}
		again, err := readPage(appendPage(nil, list))
		if err != nil || !slices.Equal(again.entries(nil), list) {
			t.Fatalf("%v came back as %v, %v", list, again.entries(nil), err)
		}
	})
}

func FuzzDecodeFilter(f *testing.F) {
	var m filterMaker
	for _, list := range [][]entry{nil, {{5, 1}}, {{5, 1}, {6, 1}, {1 << 63, 2}}} {
		filter, err := m.build(list)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(filter.append(nil), uint64(5))
	}
	f.Fuzz(func(t *testing.T, b []byte, hash uint64) {
		if filter, err := decodeFilter(b); err == nil {
			filter.mayHold(hash)
		}
	})
}

func FuzzDecodeGeneration(f *testing.F) {
	g := &generation{first: 1, last: 2, oldest: 3, newest: 4}
	g.shape(100_000, 1000)
	f.Add(g.append(nil), uint64(1<<63))
	f.Fuzz(func(t *testing.T, b []byte, hash uint64) {
		if g, err := decodeGeneration(1, b); err == nil {
			g.mayHold(hash)
			g.page(hash)
		}
	})
}
