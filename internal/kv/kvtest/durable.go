package kvtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// testClose: a closed store says so, also to readers left open.
func testClose(t *testing.T, b Backend) {
	s := b.open(t)
	ctx := context.Background()
	s.commit(func(b *kv.Batch) { b.Put([]byte("a"), nil) })
	v := s.view()
	v.get("a")
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	if err := s.try(func(b *kv.Batch) { b.Put([]byte("b"), nil) }); !errors.Is(err, kv.ErrClosed) {
		t.Errorf("Commit after Close: %v", err)
	}
	if _, err := s.Store.Snapshot(ctx); !errors.Is(err, kv.ErrClosed) {
		t.Errorf("Snapshot after Close: %v", err)
	}
	if _, err := v.Get(ctx, []byte("a")); !errors.Is(err, kv.ErrClosed) {
		t.Errorf("Get after Close: %v", err)
	}
	if _, err := v.Scan(ctx, nil, nil, 1, false); !errors.Is(err, kv.ErrClosed) {
		t.Errorf("Scan after Close: %v", err)
	}
	if err := v.Close(); err != nil {
		t.Errorf("Close of a reader after Close: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

// testReopen: everything is there after a clean stop, large values and
// deletions too.
func testReopen(t *testing.T, b Backend) {
	s := b.open(t)
	m := model{}
	for round := range 4 {
		var batch kv.Batch
		for i := range 200 {
			batch.Put(fmt.Appendf(nil, "%d %03d", round, i), []byte(strings.Repeat("v", i*20)))
		}
		batch.DeleteRange(fmt.Appendf(nil, "%d 050", round), fmt.Appendf(nil, "%d 060", round))
		batch.Delete(fmt.Appendf(nil, "%d 199", round))
		m, _ = m.commit(&batch)
		if err := s.Store.Commit(context.Background(), &batch); err != nil {
			t.Fatal(err)
		}
		s.Store = b.Reopen(t, s.Store)
		s.is(t, m)
	}
}

// testCrash: what was committed before a crash is there after it.
func testCrash(t *testing.T, b Backend) {
	s := b.open(t)
	m := model{}
	for round := range 6 {
		var batch kv.Batch
		batch.Put([]byte("round"), fmt.Append(nil, round))
		batch.Put(fmt.Append(nil, "large ", round), []byte(strings.Repeat("v", 50000)))
		batch.Delete(fmt.Append(nil, "large ", round-2))
		m, _ = m.commit(&batch)
		if err := s.Store.Commit(context.Background(), &batch); err != nil {
			t.Fatal(err)
		}
		s.Store = b.Crash(t, s.Store)
		s.is(t, m)
	}
}

// testCrashUnderLoad crashes while writers and readers are at work. After it,
// every acknowledged batch is there, every batch is whole or absent, and so is
// everything that any reader had seen.
func testCrashUnderLoad(t *testing.T, b Backend) {
	s := b.open(t)
	ctx := context.Background()
	const workers, parts = 4, 3
	acked := make([]int, workers) // the highest acknowledged round
	seen := make([]int, workers)
	key := func(w, round, part int) []byte { return fmt.Appendf(nil, "w%d r%06d p%d", w, round, part) }
	for crash := range 5 {
		st := s.Store
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				for round := acked[w] + 1; ; round++ {
					select {
					case <-stop:
						return
					default:
					}
					var batch kv.Batch
					for part := range parts {
						batch.Put(key(w, round, part), []byte(strings.Repeat("v", part*2000)))
					}
					if st.Commit(ctx, &batch) != nil {
						return
					}
					select { // a commit that returned after the crash says nothing of it
					case <-stop:
						return
					default:
						acked[w] = round
					}
				}
			})
		}
		wg.Go(func() { // what a reader has seen must never go away
			for {
				r, err := st.Snapshot(ctx)
				if err != nil {
					return
				}
				var at [workers]int
				for w := range workers {
					prefix := fmt.Appendf(nil, "w%d ", w)
					last, err := r.Scan(ctx, prefix, kv.PrefixEnd(prefix), 1, true)
					if err == nil && len(last) == 1 {
						fmt.Sscanf(string(last[0].Key[3:]), "r%d", &at[w])
					}
				}
				r.Close()
				select {
				case <-stop:
					return
				default:
					copy(seen, at[:])
				}
			}
		})
		time.Sleep(20 * time.Millisecond)
		close(stop)
		s.Store = b.Crash(t, st)
		wg.Wait()

		v := s.view()
		for w := range workers {
			top := 0
			for round := 1; ; round++ {
				n := 0
				for part := range parts {
					if v.get(string(key(w, round, part)))[0] != nil {
						n++
					}
				}
				if n == 0 {
					break
				}
				if n != parts {
					t.Fatalf("crash %d: worker %d, round %d: %d of %d parts are there", crash, w, round, n, parts)
				}
				top = round
			}
			if top < acked[w] {
				t.Fatalf("crash %d: worker %d has %d rounds left of %d acknowledged", crash, w, top, acked[w])
			}
			if top < seen[w] {
				t.Fatalf("crash %d: worker %d has %d rounds left of %d that a reader saw", crash, w, top, seen[w])
			}
			acked[w] = top
		}
		v.Close()
	}
}
