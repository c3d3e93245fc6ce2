package space

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv/kvtest"
)

// The filter grows with the IDs while events come in, is given up when memory is
// wanted elsewhere, and never says of an ID that is stored that it is not.
func TestTheFilterFollowsTheMemory(t *testing.T) {
	store := kvtest.NewMemory().Open()
	defer store.Close()
	s, err := Open(t.Context(), store, Config{ID: "dev", Log: slog.New(slog.DiscardHandler), CacheBytes: 16 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(context.Background())
	hash := func(i int) identity.Hash {
		return s.hasher.ID(identity.Users, identity.ID{Type: "user_id", Value: fmt.Sprint("u", i)})
	}
	stored := 0
	ingest := func(n int) {
		t.Helper()
		for n > 0 {
			var d Delivery
			for range min(n, 500) {
				m, err := event.Parse(fmt.Appendf(nil, `{"type":"track","event":"x","messageId":"m%d","userId":"u%d"}`, stored, stored), event.Envelope{ReceivedAt: time.Now().UnixNano()})
				if err != nil {
					t.Fatal(err)
				}
				d.Messages = append(d.Messages, m)
				stored, n = stored+1, n-1
			}
			if _, err := s.Ingest(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
	}
	check := func(what string) {
		t.Helper()
		s.writing.Lock()
		defer s.writing.Unlock()
		for i := range stored {
			if s.memory.Unseen(hash(i)) {
				t.Fatalf("%s: ID %d of %d is stored and counts as absent", what, i, stored)
			}
		}
	}
	// useful waits for a filter that knows of most IDs that they are not stored.
	useful := func(what string) {
		t.Helper()
		for range 20 {
			check(what)
			n := 0
			s.writing.Lock()
			for i := range 1000 {
				if s.memory.Unseen(hash(1_000_000 + i)) {
					n++
				}
			}
			s.writing.Unlock()
			if n > 900 {
				return
			}
			ran := s.tasks.filter.Ran()
			s.tasks.filter.Wake()
			<-ran
		}
		t.Fatalf("%s: the filter is of no use", what)
	}
	ingest(100)
	useful("few")
	first := s.memory.FilterBytes()
	for range 12 {
		ingest(2500)
		check("many")
	}
	useful("many")
	if n := s.memory.FilterBytes(); n <= first {
		t.Errorf("%d bytes for many IDs, %d for few", n, first)
	}
	limit := func(bytes int64) {
		for !s.SetMemory(bytes, 1<<20) { // a task is at it
			time.Sleep(time.Millisecond)
		}
	}
	limit(0)
	if s.memory.FilterBytes() != 0 {
		t.Error("the filter keeps its memory")
	}
	check("given up")
	ingest(10)
	check("given up")
	limit(16 << 20)
	ingest(1)
	useful("again")
}
