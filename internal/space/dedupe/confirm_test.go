package dedupe

import (
	"testing"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space/journal"
)

// message is a track call of somebody; no user: of nobody.
type message struct {
	name, id string
	hash     uint64
	user     identity.Hash
}

func (m message) MessageID() (string, uint64) { return m.id, m.hash }

func (m message) Fingerprint() Fingerprint {
	return FingerprintOf("", m.name, &journal.Head{Type: event.Track, User: m.user, HasUser: m.user != identity.Hash{}})
}

// Two messageIds of one hash are two messages: the stored one is what says so.
func TestHashProvesNothing(t *testing.T) {
	body := []byte(`{"type":"track","event":"E","userId":"u","messageId":"mine"}`)
	b := &journal.Block{Heads: []journal.Head{{}, {Type: event.Track, MessageHash: 7}}, Bodies: [][]byte{nil, body}}
	look := func(b *journal.Block, id, name string, hash uint64) Seen {
		e := message{name: name, id: id, hash: hash}
		out := make([]Seen, 1)
		lookFor(b, []Hit{{b.ID, 0}}, 0, []message{e}, out)
		return out[0]
	}
	for _, c := range []struct {
		id, name string
		hash     uint64
		want     Seen
	}{
		{"mine", "E", 7, Repeated},
		{"mine", "F", 7, UsedBefore},
		{"another's", "E", 7, Unseen},
		{"mine", "E", 8, Unseen},
	} {
		if got := look(b, c.id, c.name, c.hash); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	if look(&journal.Block{}, "mine", "E", 7) != Unseen {
		t.Error("a block that is gone")
	}
	// Of a body that cannot be read any more nothing is left but the hash.
	b.Bodies = nil
	if look(b, "mine", "F", 7) != Repeated || look(b, "mine", "E", 8) != Unseen {
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
	var events []message
	var hits []Hit
	for i, name := range []string{"E", "F", "G"} {
		events = append(events, message{name: name, id: "mine", hash: 7})
		hits = append(hits, Hit{b.ID, i})
	}
	out := make([]Seen, len(events))
	lookFor(b, hits, 0, events, out)
	if out[0] != Repeated || out[1] != Repeated || out[2] != UsedBefore {
		t.Errorf("%v", out)
	}
	// Under rules that are younger than what is stored, who it was says nothing.
	for rulesKnown, want := range map[int64]Seen{-1: UsedBefore, 1: Repeated} {
		out := make([]Seen, 1)
		e := message{name: events[0].name, id: "mine", hash: 7, user: identity.Hash{1}}
		lookFor(b, hits[:1], rulesKnown, []message{e}, out)
		if out[0] != want {
			t.Errorf("rules of %d: %v", rulesKnown, out)
		}
	}
}
