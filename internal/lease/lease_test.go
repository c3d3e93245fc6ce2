package lease_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/kv/kvtest"
	"github.com/selfsame-id/selfsame/internal/lease"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// shared says of a store in memory that several processes use it.
type shared struct{ kv.Store }

func (shared) Exclusive() bool { return false }

var keys = codec.NewKeyspace(3)

// clock is one that tests set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func setUp() (kv.Store, *clock) {
	return shared{kvtest.NewMemory().Open()}, &clock{now: time.Unix(1e9, 0)}
}

// write commits something under a fence.
func write(t *testing.T, store kv.Store, f lease.Fence) error {
	t.Helper()
	var b kv.Batch
	f.Require(&b)
	b.Put([]byte("written"), []byte("x"))
	return store.Commit(t.Context(), &b)
}

func mustHold(t *testing.T, l *lease.Lease) lease.Fence {
	t.Helper()
	f, err := l.Hold(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if held, ok := l.Held(); !ok || !same(held, f) {
		t.Fatalf("holds %v, %v; got %v", held, ok, f)
	}
	return f
}

func mustNotHold(t *testing.T, l *lease.Lease) {
	t.Helper()
	if f, err := l.Hold(t.Context()); !errors.Is(err, lease.ErrHeld) {
		t.Fatalf("got %v, %v; another process has the lease", f, err)
	}
	if _, ok := l.Held(); ok {
		t.Fatal("the lease counts as held")
	}
}

func same(a, b lease.Fence) bool {
	var x, y kv.Batch
	a.Require(&x)
	b.Require(&y)
	return x.Len() == 1 && y.Len() == 1 && string(x.Ops()[0].Value) == string(y.Ops()[0].Value)
}

func TestALeaseHasOneHolder(t *testing.T) {
	store, now := setUp()
	a, b := lease.New(store, keys, "work", now.Now), lease.New(store, keys, "work", now.Now)
	first := mustHold(t, a)
	mustNotHold(t, b)
	mustHold(t, lease.New(store, keys, "other work", now.Now))
	mustHold(t, lease.New(store, codec.NewKeyspace(4), "work", now.Now))

	// Renewed again and again it stays with its holder, and its fence holds.
	for range 10 {
		now.add(lease.Duration * 3 / 4)
		mustNotHold(t, b)
		if again := mustHold(t, a); !same(again, first) {
			t.Fatal("renewing changed the fence")
		}
	}
	if err := write(t, store, first); err != nil {
		t.Errorf("the first fence after renewals: %v", err)
	}

	// Silent for too long: another process takes it, and what comes late fails.
	now.add(lease.Duration - 1)
	mustNotHold(t, b)
	now.add(1)
	second := mustHold(t, b)
	if err := write(t, store, first); !errors.Is(err, kv.ErrConflict) {
		t.Errorf("the first holder still writes: %v", err)
	}
	if err := write(t, store, second); err != nil {
		t.Errorf("the new holder cannot write: %v", err)
	}
	mustNotHold(t, a)

	// The first comes back: its old fence stays void.
	now.add(lease.Duration)
	third := mustHold(t, a)
	if err := write(t, store, first); !errors.Is(err, kv.ErrConflict) || same(first, third) {
		t.Errorf("an old fence holds again: %v", err)
	}
}

func TestAReleasedLeaseIsFree(t *testing.T) {
	store, now := setUp()
	a, b := lease.New(store, keys, "work", now.Now), lease.New(store, keys, "work", now.Now)
	if err := b.Release(t.Context()); err != nil { // nothing to release
		t.Fatal(err)
	}
	first := mustHold(t, a)
	if err := b.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustNotHold(t, b)
	if err := a.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, ok := a.Held(); ok {
		t.Error("a released lease counts as held")
	}
	mustHold(t, b)
	if err := write(t, store, first); !errors.Is(err, kv.ErrConflict) {
		t.Errorf("the first holder still writes: %v", err)
	}
	// Released late, it stays with the new holder.
	now.add(lease.Duration)
	mustHold(t, a)
	if err := b.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustNotHold(t, b)
}

// However many ask at once, with clocks that go on, commits under a fence happen only
// while no later holder has made one.
func TestLateWritesFail(t *testing.T) {
	store, now := setUp()
	var mu sync.Mutex
	var wg sync.WaitGroup
	held := 0
	for n := range 6 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(n), 1))
			l := lease.New(store, keys, "work", now.Now)
			for range 200 {
				now.add(time.Duration(rng.Int64N(int64(lease.Duration / 20))))
				fence, err := l.Hold(context.Background())
				if errors.Is(err, lease.ErrHeld) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				held++
				mu.Unlock()
				r, err := store.Snapshot(context.Background())
				if err != nil {
					t.Error(err)
					return
				}
				values, err := r.Get(context.Background(), []byte("count"))
				r.Close()
				if err != nil {
					t.Error(err)
					return
				}
				var b kv.Batch
				fence.Require(&b)
				b.Put([]byte("count"), append(values[0], 'x')) // lost if two held it at once
				if err := store.Commit(context.Background(), &b); errors.Is(err, kv.ErrConflict) {
					mu.Lock()
					held--
					mu.Unlock()
				} else if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	r, err := store.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	values, err := r.Get(t.Context(), []byte("count"))
	if err != nil || len(values[0]) != held || held == 0 {
		t.Errorf("%d writes, %d are there (%v)", held, len(values[0]), err)
	}
}

func TestDamageIsSaid(t *testing.T) {
	for _, key := range [][]byte{codec.Leases.Key(keys, "work"), codec.LeaseEnds.Key(keys, "work")} {
		store, now := setUp()
		var b kv.Batch
		b.Put(key, []byte("?"))
		if err := store.Commit(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		if _, err := lease.New(store, keys, "work", now.Now).Hold(t.Context()); !errors.Is(err, kv.ErrCorrupt) {
			t.Errorf("%q: %v", key, err)
		}
	}
}

// A store with one process needs no leases.
func TestAnExclusiveStoreHasNoLeases(t *testing.T) {
	store := kvtest.NewMemory().Open()
	l := lease.New(store, keys, "work", time.Now)
	f, err := l.Hold(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := l.Held(); !ok {
		t.Error("not held")
	}
	if err := write(t, store, f); err != nil {
		t.Error(err)
	}
	if err := l.Release(t.Context()); err != nil {
		t.Error(err)
	}
}
