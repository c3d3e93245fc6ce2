package space

import (
	"github.com/selfsame-id/selfsame/internal/space/journal"

	"testing"

	"github.com/selfsame-id/selfsame/internal/event"
)

// Two messageIds of one hash are two messages: the stored one is what says so.
func TestHashProvesNothing(t *testing.T) {
	body := []byte(`{"type":"track","event":"E","userId":"u","messageId":"mine"}`)
	b := &journal.Block{Heads: []journal.Head{{}, {Type: event.Track, MessageHash: 7}}, Bodies: [][]byte{nil, body}}
	for id, want := range map[string]bool{"mine": true, "another's": false} {
		if got := holds(b, &prepared{id: id, hash: 7}); got != want {
			t.Errorf("%s: %v", id, got)
		}
	}
	if holds(b, &prepared{id: "mine", hash: 8}) {
		t.Error("another hash")
	}
	if holds(&journal.Block{}, &prepared{id: "mine", hash: 7}) {
		t.Error("a block that is gone")
	}
	// Of a body that cannot be read any more nothing is left but the hash.
	b.Bodies = nil
	if !holds(b, &prepared{id: "mine", hash: 7}) || holds(b, &prepared{id: "mine", hash: 8}) {
		t.Error("a damaged body")
	}
}
