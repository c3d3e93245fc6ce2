package space_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv/pgkv/pgtest"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/query"
	"github.com/selfsame-id/selfsame/internal/space/rejects"
)

// send delivers a line of a source.
func send(t *testing.T, s *space.Space, source string, lines ...string) space.Receipt {
	t.Helper()
	d := space.Delivery{Source: source}
	for _, l := range lines {
		d.Messages = append(d.Messages, parse(t, l))
	}
	r, err := s.Ingest(context.Background(), d)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const firstM1 = `{"type":"track","event":"Ordered","messageId":"m1","userId":"jane","timestamp":"2026-03-01T10:00:00Z"}`

// others are events of other content under the ID of firstM1.
var others = map[string][2]string{
	"person": {"web", `{"type":"track","event":"Ordered","messageId":"m1","userId":"john"}`},
	"cookie": {"web", `{"type":"track","event":"Ordered","messageId":"m1","userId":"jane","anonymousId":"c1"}`},
	"event":  {"web", `{"type":"track","event":"Returned","messageId":"m1","userId":"jane"}`},
	"type":   {"web", `{"type":"identify","messageId":"m1","userId":"jane","traits":{"plan":"pro"}}`},
	"source": {"ios", `{"type":"track","event":"Ordered","messageId":"m1","userId":"jane"}`},
	"group":  {"web", `{"type":"group","messageId":"m1","userId":"jane","groupId":"acme"}`},
}

// again is what a client sends that tries again: when it was sent, and what the
// context says besides, may differ.
const again = `{"type":"track","event":"Ordered","messageId":"m1","userId":"jane","timestamp":"2026-03-01T10:00:01Z","sentAt":"2026-03-01T10:09:00Z","context":{"ip":"203.0.113.9","network":{"wifi":true}}}`

// checkUsed sends repeats and events with used IDs and looks what becomes of them.
func checkUsed(t *testing.T, s *space.Space, when string) {
	t.Helper()
	if r := send(t, s, "web", again); r.Repeats != 1 || r.Stored+r.IDUsed != 0 {
		t.Errorf("%s: a repeat: %+v", when, r)
	}
	for name, o := range others {
		before := rejectsOf(t, s, o[0], 1000)
		if r := send(t, s, o[0], o[1]); r.IDUsed != 1 || r.Stored+r.Repeats != 0 {
			t.Errorf("%s: another %s: %+v", when, name, r)
		}
		after := rejectsOf(t, s, o[0], 1000)
		count := func(list []rejects.Reject) (n int64) {
			for _, r := range list {
				n += r.Count
			}
			return n
		}
		if count(after) != count(before)+1 {
			t.Errorf("%s: another %s: %d rejects, then %d", when, name, count(before), count(after))
		}
		if !slices.ContainsFunc(after, func(r rejects.Reject) bool {
			full, err := s.Reject(t.Context(), r.ID)
			return err == nil && r.Code == string(event.IDUsed) && r.MessageID == "m1" && string(full.Body) == o[1]
		}) {
			t.Errorf("%s: another %s is not kept", when, name)
		}
	}
}

func TestOtherEventsUnderAUsedID(t *testing.T) {
	disk := memoryDisk()
	store := disk(t)
	cfg := space.Config{DedupeBytes: 1 << 20}
	s := openSpace(t, store, cfg)
	if r := send(t, s, "web", firstM1); r.Stored != 1 {
		t.Fatalf("%+v", r)
	}
	checkUsed(t, s, "at once")

	// In one delivery, and in one with what it is a repeat of.
	r := send(t, s, "web",
		`{"type":"track","event":"A","messageId":"m2","userId":"jane"}`,
		`{"type":"track","event":"A","messageId":"m2","userId":"jane"}`,
		`{"type":"track","event":"B","messageId":"m2","userId":"jane"}`,
		`{"type":"track","event":"A","messageId":"m2","userId":"john"}`,
		`{"type":"page","name":"x","messageId":"m3","userId":"jane"}`,
		`{"type":"page","name":"y","messageId":"m3","userId":"jane"}`)
	if r.Stored != 2 || r.Repeats != 2 || r.IDUsed != 2 {
		t.Errorf("in one delivery: %+v", r)
	}

	// After a restart, from the headers of blocks.
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	s = openSpace(t, store, cfg)
	checkUsed(t, s, "after a restart")

	// From the sealed part of the recent messages.
	for i := range 60 {
		var lines []string
		for k := range 500 {
			lines = append(lines, fmt.Sprintf(`{"type":"track","event":"E","messageId":"n%d-%d","anonymousId":"a%d"}`, i, k, k))
		}
		send(t, s, "web", lines...)
	}
	checkUsed(t, s, "behind 30,000 others")
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	s = openSpace(t, store, cfg)
	checkUsed(t, s, "after another restart")
	verify(t, s)
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}

// One that was deferred is taken under an ID of its own, and the ID that it
// brought stays the other's.
func TestSetAsideEventsAreTakenUnderANewID(t *testing.T) {
	s := newSpace(t, space.Config{})
	send(t, s, "web", firstM1)
	send(t, s, "web", others["event"][1])
	rej := rejectsOf(t, s, "web", 10)[0]
	m := parse(t, others["event"][1])
	m.Give("reject-1")
	r, err := s.Ingest(t.Context(), space.Delivery{Source: "web", Messages: []event.Message{m}, Resolves: []string{rej.ID}})
	if err != nil || r.Stored != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	page, err := query.New(s).Events(t.Context(), space.Ref{Collection: identity.Users, Type: "user_id", Value: "jane"}, query.EventQuery{Limit: 10})
	if err != nil || len(page.Events) != 2 {
		t.Fatalf("%+v, %v", page, err)
	}
	ids := []string{page.Events[0].MessageID, page.Events[1].MessageID}
	slices.Sort(ids)
	if fmt.Sprint(ids) != "[m1 reject-1]" {
		t.Errorf("%v", ids)
	}
	if r := send(t, s, "web", again); r.Repeats != 1 {
		t.Errorf("%+v", r)
	}
	if n := len(rejectsOf(t, s, "web", 10)); n != 0 {
		t.Errorf("%d rejects are left", n)
	}
	verify(t, s)
}

// After the window an ID is free.
func TestUsedIDsAreFreeAfterTheWindow(t *testing.T) {
	now := clockAt(time.Now())
	s := newSpace(t, space.Config{Now: now.Now, DedupeWindow: time.Hour})
	late := func(line string) space.Receipt {
		m, err := event.Parse([]byte(line), event.Envelope{ReceivedAt: now.Now().UnixNano()})
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.Ingest(t.Context(), space.Delivery{Source: "web", Messages: []event.Message{m}})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	late(firstM1)
	now.Add(2 * time.Hour)
	if r := late(others["person"][1]); r.Stored != 1 {
		t.Errorf("%+v", r)
	}
}

// New rules that find other IDs in the same message do not make a message that is
// sent again another one.
func TestRepeatsUnderNewRules(t *testing.T) {
	s := newSpace(t, space.Config{})
	line := `{"type":"track","event":"Ordered","messageId":"m1","userId":"jane","properties":{"card":"4711"}}`
	send(t, s, "web", line)
	rules := identity.Rules{Identifiers: []identity.Identifier{{Type: "card", Key: "card"}}}
	setRules(t, s, rules)
	if r := send(t, s, "web", line); r.Repeats != 1 {
		t.Errorf("%+v", r)
	}
	if r := send(t, s, "web", `{"type":"track","event":"Returned","messageId":"m1","userId":"jane"}`); r.IDUsed != 1 {
		t.Errorf("%+v", r)
	}
}

// Whichever node they reach.
func TestOtherEventsUnderAUsedIDOnOtherNodes(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	var nodes []*space.Space
	for range 2 {
		store := openShared(t, server)
		s := openSpace(t, store, space.Config{ID: "used"})
		nodes = append(nodes, s)
		t.Cleanup(func() {
			s.Close(context.Background())
			store.Close()
		})
	}
	send(t, nodes[0], "web", firstM1)
	checkUsed(t, nodes[1], "on another node")
	checkUsed(t, nodes[0], "on the same node")
	// While repeats are rare nobody looks beforehand.
	for i := range 60 {
		var lines []string
		for k := range 1000 {
			lines = append(lines, fmt.Sprintf(`{"type":"track","event":"E","messageId":"n%d-%d","anonymousId":"a%d"}`, i, k, k%10))
		}
		send(t, nodes[0], "web", lines...)
	}
	checkUsed(t, nodes[0], "when nobody expects it")
	verify(t, nodes[1])
}
