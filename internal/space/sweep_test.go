package space

import (
	"log/slog"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/kv/kvtest"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/tx"
)

// shared says of an embedded store that others write it too, so that what is
// done for several nodes can be tested without a server.
type shared struct{ kv.Store }

func (shared) Exclusive() bool { return false }

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
	rep := s.dedupe.(*sharedRepeats)
	now := time.Now()
	var batch kv.Batch
	for i := range uint64(2500) {
		age := time.Duration(i%2) * 2 * time.Hour
		batch.Put(rep.key(s.keys, i), append(codec.AppendTime(nil, now.Add(-age).UnixNano()), 'm'))
	}
	if err := store.Commit(t.Context(), &batch); err != nil {
		t.Fatal(err)
	}
	fence, err := s.leases.job.Hold(t.Context())
	if err != nil {
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
	if err := tx.Each(t.Context(), r, s.keys, codec.RecentShared, 512, func(e kv.Entry) error {
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
