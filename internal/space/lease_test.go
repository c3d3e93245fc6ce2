package space

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/space/codec"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/kv/kvtest"
)

// shared says of an embedded store that others write it too, so that what is
// done for several nodes can be tested without a server.
type shared struct{ kv.Store }

func (shared) Exclusive() bool { return false }

// A lease has one owner; when it runs out another node takes it, and what the
// first writes under it after that is refused.
func TestALeaseFences(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	store := kvtest.NewMemory().Open()
	defer store.Close()
	var ahead atomic.Int64
	open := func() *Space {
		s, err := Open(t.Context(), shared{store}, Config{ID: "dev", Log: quiet, Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close(context.Background()) })
		return s
	}
	a, b := open(), open()
	if a.lane == b.lane {
		t.Fatalf("two nodes have lane %d", a.lane)
	}
	fence, err := a.hold(t.Context(), "work")
	if err != nil || fence == nil {
		t.Fatalf("the first node got no lease: %s, %v", fence, err)
	}
	if got, err := b.hold(t.Context(), "work"); err != nil || got != nil {
		t.Fatalf("the second node has the lease as well: %s, %v", got, err)
	}
	if again, err := a.hold(t.Context(), "work"); err != nil || string(again) != string(fence) {
		t.Fatalf("the owner asks again: %s, %v", again, err)
	}
	ahead.Store(int64(leaseTime + time.Second))
	taken, err := b.hold(t.Context(), "work")
	if err != nil || taken == nil {
		t.Fatalf("the lease ran out and nobody gets it: %s, %v", taken, err)
	}
	write := func(fence []byte) error {
		var batch kv.Batch
		batch.Require(a.leaseKey("work"), fence)
		batch.Put(codec.Marks.Key(a.keys, "by"), fence)
		return store.Commit(t.Context(), &batch)
	}
	if err := write(fence); !errors.Is(err, kv.ErrConflict) {
		t.Errorf("the first node still writes as the owner: %v", err)
	}
	if err := write(taken); err != nil {
		t.Errorf("the new owner cannot write: %v", err)
	}
}

// Old message IDs leave a shared store when their window is over, and only then.
func TestOldMessageIDsAreSwept(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	store := kvtest.NewMemory().Open()
	defer store.Close()
	s, err := Open(t.Context(), shared{store}, Config{ID: "dev", Log: quiet, DedupeWindow: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(t.Context()); err != nil { // its job must not come in between
		t.Fatal(err)
	}
	rep := s.repeats.(*sharedRepeats)
	now := time.Now()
	var batch kv.Batch
	for i := range uint64(2500) {
		age := time.Duration(i%2) * 2 * time.Hour
		batch.Put(rep.key(s.keys, i), append(codec.AppendTime(nil, now.Add(-age).UnixNano()), 'm'))
	}
	fence := []byte("mine")
	batch.Put(s.leaseKey(jobLease), fence)
	if err := store.Commit(t.Context(), &batch); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := s.sweepRepeats(t.Context(), fence); err != nil {
			t.Fatal(err)
		}
	}
	r, err := store.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	n := 0
	if err := s.each(t.Context(), r, codec.RecentShared, 512, func(e kv.Entry) error {
		if codec.ParseTime(e.Value) < now.Add(-time.Hour).UnixNano() {
			t.Errorf("an old key is still there")
		}
		n++
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if n != 1250 {
		t.Errorf("%d keys left, want 1250", n)
	}
}
