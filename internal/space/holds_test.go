package space

import (
	"testing"

	"github.com/selfsame-id/selfsame/internal/event"
)

// Two messageIds of one hash are two messages: the stored one is what says so.
func TestHashProvesNothing(t *testing.T) {
	body := []byte(`{"type":"track","event":"E","userId":"u","messageId":"mine"}`)
	b := &openBlock{heads: []blockEvent{{}, {Type: event.Track, MessageHash: 7}}, bodies: [][]byte{nil, body}}
	for id, want := range map[string]bool{"mine": true, "another's": false} {
		got, err := b.holds(&prepared{id: id, hash: 7})
		if err != nil || got != want {
			t.Errorf("%s: %v %v", id, got, err)
		}
	}
	if got, err := b.holds(&prepared{id: "mine", hash: 8}); got || err != nil {
		t.Errorf("another hash: %v %v", got, err)
	}
	var gone *openBlock
	if got, err := gone.holds(&prepared{id: "mine", hash: 7}); got || err != nil {
		t.Errorf("a block that is gone: %v %v", got, err)
	}
}
