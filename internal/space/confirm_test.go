package space

import (
	"testing"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space/journal"
)

// Two messageIds of one hash are two messages: the stored one is what says so.
func TestHashProvesNothing(t *testing.T) {
	body := []byte(`{"type":"track","event":"E","userId":"u","messageId":"mine"}`)
	b := &journal.Block{Heads: []journal.Head{{}, {Type: event.Track, MessageHash: 7}}, Bodies: [][]byte{nil, body}}
	look := func(b *journal.Block, id, name string, hash uint64) seen {
		e := &prepared{msg: &event.Message{Type: event.Track, Name: name}, id: id, hash: hash}
		out := make([]seen, 1)
		lookFor(b, []hit{{b.ID, 0}}, 0, []*prepared{e}, out)
		return out[0]
	}
	for _, c := range []struct {
		id, name string
		hash     uint64
		want     seen
	}{
		{"mine", "E", 7, repeated},
		{"mine", "F", 7, usedBefore},
		{"another's", "E", 7, unseen},
		{"mine", "E", 8, unseen},
	} {
		if got := look(b, c.id, c.name, c.hash); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	if look(&journal.Block{}, "mine", "E", 7) != unseen {
		t.Error("a block that is gone")
	}
	// Of a body that cannot be read any more nothing is left but the hash.
	b.Bodies = nil
	if look(b, "mine", "F", 7) != repeated || look(b, "mine", "E", 8) != unseen {
		t.Error("a damaged body")
	}
}

// What was stored twice under one messageId, which is free after the window, is
// each a message of which the next one may be a repeat.
func TestARepeatOfEither(t *testing.T) {
	head := journal.Head{Type: event.Track, MessageHash: 7}
	b := &journal.Block{Heads: []journal.Head{head, head}, Bodies: [][]byte{
		[]byte(`{"type":"track","event":"E","userId":"u","messageId":"mine"}`),
		[]byte(`{"type":"track","event":"F","userId":"u","messageId":"mine"}`),
	}}
	var events []*prepared
	var hits []hit
	for i, name := range []string{"E", "F", "G"} {
		events = append(events, &prepared{msg: &event.Message{Type: event.Track, Name: name}, id: "mine", hash: 7})
		hits = append(hits, hit{b.ID, i})
	}
	out := make([]seen, len(events))
	lookFor(b, hits, 0, events, out)
	if out[0] != repeated || out[1] != repeated || out[2] != usedBefore {
		t.Errorf("%v", out)
	}
	// Under rules that are younger than what is stored, who it was says nothing.
	for rulesKnown, want := range map[int64]seen{-1: usedBefore, 1: repeated} {
		out := make([]seen, 1)
		e := &prepared{msg: events[0].msg, id: "mine", hash: 7, users: side{hash: identity.Hash{1}, ids: []identity.ID{{Type: "user_id", Value: "u"}}}}
		lookFor(b, hits[:1], rulesKnown, []*prepared{e}, out)
		if out[0] != want {
			t.Errorf("rules of %d: %v", rulesKnown, out)
		}
	}
}
