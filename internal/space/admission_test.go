package space_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space"
)

// held is a store whose commits wait while it is locked.
type held struct {
	kv.Store
	sync.RWMutex
	commits atomic.Int64 // that have begun
}

func (h *held) Commit(ctx context.Context, b *kv.Batch) error {
	h.commits.Add(1)
	h.RLock()
	defer h.RUnlock()
	return h.Store.Commit(ctx, b)
}

// While the store stands still, deliveries are refused after a bounded wait and
// soon at once; nothing of them is stored, and afterwards all goes on.
func TestTheWaitIsBounded(t *testing.T) {
	t.Parallel()
	const wait = time.Second
	store := &held{Store: memoryDisk()(t)}
	s := openSpace(t, store, space.Config{QueueWait: wait})
	defer store.Close()
	defer s.Close(context.Background())
	deliver := func(n int) (time.Duration, error) {
		began := time.Now()
		d := space.Delivery{Source: "src"}
		d.Messages = append(d.Messages, parse(t, fmt.Sprintf(`{"type":"track","event":"X","messageId":"m%d","userId":"u"}`, n)))
		_, err := s.Ingest(context.Background(), d)
		return time.Since(began), err
	}
	if _, err := deliver(0); err != nil {
		t.Fatal(err)
	}

	store.Lock()
	before := store.commits.Load()
	inCommit := make(chan error, 1)
	go func() {
		_, err := deliver(1)
		inCommit <- err
	}()
	for store.commits.Load() == before {
		time.Sleep(time.Millisecond)
	}
	var waiting sync.WaitGroup
	for n := 2; n < 6; n++ {
		waiting.Go(func() {
			if took, err := deliver(n); !errors.Is(err, space.ErrOverloaded) || took < wait {
				t.Errorf("a delivery behind a commit that hangs: %v after %v; want ErrOverloaded after %v", err, took, wait)
			}
		})
	}
	time.Sleep(wait * 3 / 4)
	if took, err := deliver(6); !errors.Is(err, space.ErrOverloaded) || took >= wait {
		t.Errorf("a delivery behind others that waited long: %v after %v; want ErrOverloaded at once", err, took)
	}
	waiting.Wait()
	// The queue is empty again, and the commit still hangs.
	if took, err := deliver(7); !errors.Is(err, space.ErrOverloaded) || took >= wait {
		t.Errorf("a delivery while nothing is answered: %v after %v; want ErrOverloaded at once", err, took)
	}
	if n := s.Stats().QueueBytes; n == 0 || n > 2000 {
		t.Errorf("%d bytes wait; one delivery does", n)
	}
	store.Unlock()
	if err := <-inCommit; err != nil {
		t.Errorf("the delivery in the commit that hung: %v", err)
	}
	if n := s.Stats().QueueBytes; n != 0 {
		t.Errorf("%d bytes wait, and no delivery does", n)
	}
	if n := s.Stats().Events; n != 2 {
		t.Errorf("%d events are stored; of the refused ones none should be", n)
	}
	for n := range 8 { // as their clients do
		if _, err := deliver(n); err != nil {
			t.Errorf("sent again: %v", err)
		}
	}
	if rep := verify(t, s); rep.Events != 8 {
		t.Errorf("%d events, want 8", rep.Events)
	}
}

// A space that was idle for long lets everybody in who comes at the same time.
func TestNobodyIsRefusedAfterARest(t *testing.T) {
	s := newSpace(t, space.Config{QueueWait: 200 * time.Millisecond})
	for round := range 3 {
		time.Sleep(250 * time.Millisecond)
		var all sync.WaitGroup
		for n := range 50 {
			all.Go(func() {
				ingest(t, s, fmt.Sprintf(`{"type":"track","event":"X","messageId":"m%d-%d","userId":"u%d"}`, round, n, n))
			})
		}
		all.Wait()
	}
}
