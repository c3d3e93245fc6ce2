package space_test

import (
	"context"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/space"
)

// The dedupe window is about when a message came here. One of an archive brings
// a time of receipt of long ago, which must not let its repeats through: not at
// once, not later, and not after a restart.
func TestRepeatsInAnArchive(t *testing.T) {
	store := memoryDisk()(t)
	defer store.Close()
	now := clockAt(time.Now())
	clock := now.Now
	s := openSpace(t, store, space.Config{Now: clock})
	take := func(want space.Receipt) {
		t.Helper()
		m, err := event.Parse([]byte(`{"type":"track","event":"E","userId":"u","messageId":"m","timestamp":"2020-01-01T00:00:00Z","receivedAt":"2020-01-01T00:00:01Z"}`),
			event.Envelope{ReceivedAt: now.UnixNano(), OwnReceipt: true})
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Ingest(context.Background(), space.Delivery{Source: "src", Messages: []event.Message{m}})
		if err != nil {
			t.Fatal(err)
		}
		if got.Stored != want.Stored || got.Repeats != want.Repeats {
			t.Errorf("stored %d, repeats %d; want %d and %d", got.Stored, got.Repeats, want.Stored, want.Repeats)
		}
	}
	take(space.Receipt{Stored: 1})
	take(space.Receipt{Repeats: 1})
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	s = openSpace(t, store, space.Config{Now: clock})
	defer func() { _ = s.Close(context.Background()) }()
	now.Add(23 * time.Hour)
	take(space.Receipt{Repeats: 1})
	now.Add(2 * time.Hour)
	take(space.Receipt{Stored: 1})
}
