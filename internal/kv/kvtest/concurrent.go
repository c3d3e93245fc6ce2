package kvtest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// each runs f in n goroutines and fails the test with the first error.
func each(t testing.TB, n int, f func(i int) error) {
	t.Helper()
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = f(i) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// update reads the keys in a snapshot, lets change fill a batch from their
// values, and commits it, again and again while there is a conflict.
func update(s kv.Store, keys [][]byte, change func(b *kv.Batch, values [][]byte)) (conflicts int, err error) {
	ctx := context.Background()
	for {
		r, err := s.Snapshot(ctx)
		if err != nil {
			return conflicts, err
		}
		values, err := r.Get(ctx, keys...)
		if cerr := r.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			return conflicts, err
		}
		var b kv.Batch
		change(&b, values)
		err = s.Commit(ctx, &b)
		if !errors.Is(err, kv.ErrConflict) {
			return conflicts, err
		}
		if conflicts++; conflicts > 10000 {
			return conflicts, fmt.Errorf("no end of conflicts: %w", err)
		}
	}
}

func number(v []byte) uint64 {
	if v == nil {
		return 0
	}
	return binary.BigEndian.Uint64(v)
}

func bytesOf(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// testCounters: increments by Require and retry, none of which may be lost.
func testCounters(t *testing.T, b Backend) { counters(t, b.open(t).Store) }

func counters(t *testing.T, stores ...kv.Store) {
	const workers, rounds, keys = 8, 25, 3
	var added [keys]atomic.Uint64
	each(t, workers, func(w int) error {
		rng := rand.New(rand.NewPCG(5, uint64(w)))
		s := stores[w%len(stores)]
		for range rounds {
			// Two of three counters at once, so that batches overlap crosswise.
			i := rng.IntN(keys)
			j := (i + 1 + rng.IntN(keys-1)) % keys
			names := [][]byte{{'c', byte(i)}, {'c', byte(j)}}
			_, err := update(s, names, func(b *kv.Batch, values [][]byte) {
				for n, name := range names {
					b.Require(name, values[n])
					b.Put(name, bytesOf(number(values[n])+1))
				}
			})
			if err != nil {
				return err
			}
			added[i].Add(1)
			added[j].Add(1)
		}
		return nil
	})
	st := &store{Store: stores[0], t: t}
	for i, got := range st.view().get("c\x00", "c\x01", "c\x02") {
		if number(got) != added[i].Load() {
			t.Errorf("counter %d is %d, want %d", i, number(got), added[i].Load())
		}
	}
}

// testOneInserter: of those who insert one key at once, exactly one succeeds,
// and the others' batches leave nothing behind.
func testOneInserter(t *testing.T, b Backend) { oneInserter(t, b.open(t).Store) }

func oneInserter(t *testing.T, stores ...kv.Store) {
	const workers, rounds = 6, 12
	ctx := context.Background()
	for round := range rounds {
		var won atomic.Int64
		winner := make([]bool, workers)
		each(t, workers, func(w int) error {
			var b kv.Batch
			b.Put(fmt.Append(nil, "own ", round, " ", w), nil)
			b.Insert(fmt.Append(nil, "shared ", round), fmt.Append(nil, w))
			err := stores[w%len(stores)].Commit(ctx, &b)
			if err == nil {
				won.Add(1)
				winner[w] = true
			} else if errors.Is(err, kv.ErrConflict) {
				err = nil
			}
			return err
		})
		if won.Load() != 1 {
			t.Fatalf("round %d: %d inserters won", round, won.Load())
		}
		v := (&store{Store: stores[0], t: t}).view()
		for w := range workers {
			got := v.get(fmt.Sprint("own ", round, " ", w), fmt.Sprint("shared ", round))
			if (got[0] != nil) != winner[w] {
				t.Errorf("round %d, worker %d: its key is there: %v; it won: %v", round, w, got[0] != nil, winner[w])
			}
			if winner[w] != (string(got[1]) == fmt.Sprint(w)) {
				t.Errorf("round %d: shared key has value %q, winner %v", round, got[1], winner)
			}
		}
		v.Close()
	}
}

// testWriteSkew: two batches that each require what the other one changes
// cannot both succeed, though they write different keys.
func testWriteSkew(t *testing.T, b Backend) { skew(t, true, b.open(t).Store) }

// testAbsentSkew is the same for keys that are absent: a phantom.
func testAbsentSkew(t *testing.T, b Backend) { skew(t, false, b.open(t).Store) }

// skew lets pairs of workers meet: each requires the other's key to be as it
// was and changes its own. If present, the keys have a value beforehand.
func skew(t *testing.T, present bool, stores ...kv.Store) {
	ctx := context.Background()
	both, one, none := 0, 0, 0
	for round := range 40 {
		keys := [2][]byte{fmt.Append(nil, "left ", round), fmt.Append(nil, "right ", round)}
		var before []byte
		if present {
			before = []byte("before")
			var b kv.Batch
			b.Put(keys[0], before)
			b.Put(keys[1], before)
			if err := stores[0].Commit(ctx, &b); err != nil {
				t.Fatal(err)
			}
		}
		var won [2]atomic.Bool
		start := make(chan struct{})
		go close(start)
		each(t, 2, func(w int) error {
			var b kv.Batch
			b.Require(keys[1-w], before)
			switch {
			case present:
				b.Put(keys[w], []byte("after"))
			case round%2 == 0:
				b.Put(keys[w], []byte("after"))
			default:
				b.Insert(keys[w], []byte("after"))
			}
			<-start
			err := stores[w%len(stores)].Commit(ctx, &b)
			if err == nil {
				won[w].Store(true)
			} else if errors.Is(err, kv.ErrConflict) {
				err = nil
			}
			return err
		})
		switch {
		case won[0].Load() && won[1].Load():
			both++
		case won[0].Load() || won[1].Load():
			one++
		default:
			none++
		}
	}
	if both > 0 {
		t.Fatalf("write skew: both sides won in %d of 40 rounds", both)
	}
	if one < 20 {
		t.Errorf("no side won in %d of 40 rounds: conflicts hit more than they must", none)
	}
}

// testStaleRequire: a batch that requires a key and changes another one cannot
// come between the two halves of a batch that changes both. If both succeed, the
// one that requires came first, and the other one's values are left.
func testStaleRequire(t *testing.T, b Backend) { staleRequire(t, b.open(t).Store) }

func staleRequire(t *testing.T, stores ...kv.Store) {
	ctx := context.Background()
	st := &store{Store: stores[0], t: t}
	for round := range 60 {
		x, z := fmt.Append(nil, "x ", round), fmt.Append(nil, "z ", round)
		st.commit(func(b *kv.Batch) { b.Put(x, []byte("before")); b.Put(z, []byte("before")) })
		var required atomic.Bool
		each(t, 2, func(w int) error {
			var b kv.Batch
			if w == 0 {
				b.Put(x, []byte("both"))
				b.Put(z, []byte("both"))
				return stores[0].Commit(ctx, &b)
			}
			time.Sleep(time.Duration(round%20) * 50 * time.Microsecond)
			b.Require(x, []byte("before"))
			b.Put(z, []byte("one"))
			err := stores[len(stores)-1].Commit(ctx, &b)
			required.Store(err == nil)
			if errors.Is(err, kv.ErrConflict) {
				err = nil
			}
			return err
		})
		v := st.view()
		got := v.get(string(x), string(z))
		v.Close()
		if string(got[0]) != "both" || string(got[1]) != "both" {
			t.Fatalf("round %d: x is %q, z is %q; the batch that requires succeeded: %v", round, got[0], got[1], required.Load())
		}
	}
}

// testRangeConflict: a range deletion and an insert with preconditions inside
// the range come one after the other, whichever is first.
func testRangeConflict(t *testing.T, b Backend) {
	s := b.open(t)
	ctx := context.Background()
	for round := range 15 {
		prefix := fmt.Sprintf("r%03d ", round)
		key := []byte(prefix + "key")
		s.commit(func(b *kv.Batch) { b.Put(key, []byte("before")) })
		var deleted, changed atomic.Bool
		each(t, 2, func(w int) error {
			var b kv.Batch
			if w == 0 {
				b.DeleteRange([]byte(prefix), kv.PrefixEnd([]byte(prefix)))
				err := s.Store.Commit(ctx, &b)
				deleted.Store(err == nil)
				return err
			}
			b.Require(key, []byte("before"))
			b.Put(key, []byte("after"))
			err := s.Store.Commit(ctx, &b)
			changed.Store(err == nil)
			if errors.Is(err, kv.ErrConflict) {
				err = nil
			}
			return err
		})
		// The range wins if it came last, and the change conflicts if it did: gone
		// either way.
		v := s.view()
		got := v.get(string(key))[0]
		v.Close()
		if got != nil {
			t.Fatalf("round %d: %q is left (deleted: %v, changed: %v)", round, got, deleted.Load(), changed.Load())
		}
	}
}

// testCrossedKeys: batches that touch the same keys in opposite orders all get
// through without help from the caller.
func testCrossedKeys(t *testing.T, b Backend) { crossed(t, b.open(t).Store) }

func crossed(t *testing.T, stores ...kv.Store) {
	const n = 24
	each(t, 8, func(w int) error {
		for round := range 12 {
			var b kv.Batch
			for i := range n {
				k := i
				if w%2 == 1 {
					k = n - 1 - i
				}
				b.Put(fmt.Append(nil, "crossed ", k), fmt.Append(nil, w, " ", round))
			}
			if round%4 == 3 {
				b.Delete(fmt.Append(nil, "crossed ", w))
			}
			if err := stores[w%len(stores)].Commit(context.Background(), &b); err != nil {
				return fmt.Errorf("worker %d, round %d: %w", w, round, err)
			}
		}
		return nil
	})
}

// testWholeBatches: readers see a batch whole or not at all, while writers are
// at work.
func testWholeBatches(t *testing.T, b Backend) {
	s := b.open(t)
	const keys = 30
	ctx := context.Background()
	var names [][]byte
	for i := range keys {
		names = append(names, fmt.Appendf(nil, "k%03d", i))
	}
	var done atomic.Bool
	var wg sync.WaitGroup
	var failed atomic.Value
	for w := range 2 {
		wg.Go(func() {
			for i := 0; !done.Load(); i++ {
				var b kv.Batch
				for _, name := range names {
					b.Put(name, fmt.Append(nil, w, " ", i))
				}
				if err := s.Store.Commit(ctx, &b); err != nil {
					failed.Store(err)
					return
				}
				time.Sleep(200 * time.Microsecond) // or the readers wade through versions
			}
		})
	}
	defer func() {
		done.Store(true)
		wg.Wait()
		if err, ok := failed.Load().(error); ok {
			t.Error(err)
		}
	}()
	for range 40 {
		r, err := s.Store.Snapshot(ctx)
		if err != nil {
			t.Fatal(err)
		}
		values, err := r.Get(ctx, names...)
		if err != nil {
			t.Fatal(err)
		}
		entries, err := r.Scan(ctx, nil, nil, 100, true)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range values {
			if string(v) != string(values[0]) {
				t.Fatalf("a torn batch: %q beside %q", v, values[0])
			}
			if len(entries) > 0 && string(entries[keys-1-i].Value) != string(v) {
				t.Fatalf("Scan gives %q, Get %q in one snapshot", entries[keys-1-i].Value, v)
			}
		}
		r.Close()
	}
}

// testConflictIsVisible: after a conflict, the next snapshot shows why.
func testConflictIsVisible(t *testing.T, b Backend) {
	s := b.open(t)
	ctx := context.Background()
	each(t, 8, func(w int) error {
		for i := range 10 {
			key := fmt.Append(nil, "token ", i)
			var b kv.Batch
			b.Insert(key, fmt.Append(nil, w))
			err := s.Store.Commit(ctx, &b)
			if err == nil {
				continue
			}
			if !errors.Is(err, kv.ErrConflict) {
				return err
			}
			r, err := s.Store.Snapshot(ctx)
			if err != nil {
				return err
			}
			values, err := r.Get(ctx, key)
			r.Close()
			if err != nil {
				return err
			}
			if values[0] == nil {
				return fmt.Errorf("a conflict with %s, which is not there", key)
			}
		}
		return nil
	})
}

// testTwoNodes: two stores on the same data are one.
func testTwoNodes(t *testing.T, b Backend) {
	for name, run := range map[string]func(t *testing.T, stores ...kv.Store){
		"counters":    counters,
		"oneInserter": oneInserter,
		"crossed":     crossed,
		"stale":       staleRequire,
		"skew":        func(t *testing.T, stores ...kv.Store) { skew(t, true, stores...) },
		"absentSkew":  func(t *testing.T, stores ...kv.Store) { skew(t, false, stores...) },
	} {
		t.Run(name, func(t *testing.T) {
			one := b.open(t)
			two := &store{Store: b.Second(t, one.Store), t: t}
			t.Cleanup(func() { two.Close() })
			one.commit(func(b *kv.Batch) { b.Put([]byte("from one"), nil) })
			if two.view().get("from one")[0] == nil {
				t.Fatal("what one node committed is not there for the other")
			}
			run(t, one.Store, two.Store)
		})
	}
}
