package space_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/journal"
	"github.com/selfsame-id/selfsame/internal/space/overrides"
	"github.com/selfsame-id/selfsame/internal/space/query"
	"github.com/selfsame-id/selfsame/internal/space/rules"
)

// readAll uses every reader of one person's events; none may fail.
func readAll(t *testing.T, s *space.Space, a, b space.Ref) []journal.Event {
	t.Helper()
	ctx := t.Context()
	v, err := query.New(s).Profile(ctx, a)
	if err != nil {
		t.Fatalf("profile: %v", err)
	}
	page, err := query.New(s).Events(ctx, a, query.EventQuery{Limit: 100})
	if err != nil {
		t.Fatalf("events: %v", err)
	}
	if x, err := query.New(s).Explain(ctx, a, b); err != nil || len(x.Steps) == 0 {
		t.Fatalf("explain: %+v, %v", x, err)
	}
	if _, err := query.New(s).Story(ctx, a, 100, ""); err != nil {
		t.Fatalf("story: %v", err)
	}
	past := a
	past.AsOf = v.Metadata.Last.Time
	if _, err := query.New(s).Profile(ctx, past); err != nil {
		t.Fatalf("profile as of its last event: %v", err)
	}
	return page.Events
}

var cards = identity.Rules{Identifiers: []identity.Identifier{{Type: "user_id"}, {Type: "card", Key: "card", Limit: 1}}}

// changeAll does everything that reads stored events and may write: a simulation,
// an override that is taken back, and rules that look elsewhere and back. after is
// called whenever the space has come to rest.
func changeAll(t *testing.T, s *space.Space, a, b identity.ID, holes int64, after func()) {
	t.Helper()
	ctx := t.Context()
	if sim, err := rules.New(s).Simulate(ctx, cards, nil); err != nil || !sim.Reread || sim.Damaged != holes {
		t.Fatalf("simulate: %+v, %v", sim, err)
	}
	if sim, err := rules.New(s).Simulate(ctx, identity.Rules{Identifiers: []identity.Identifier{{Type: "user_id", Limit: 3}}}, nil); err != nil || sim.Reread || sim.Damaged != 0 {
		t.Fatalf("simulate, from strands: %+v, %v", sim, err)
	}
	g, err := overrides.New(s).ApplyUndo(ctx, overrides.Undo{Kind: codec.CannotLink, Collection: identity.Users, IDs: []identity.ID{a, b}})
	if err != nil {
		t.Fatalf("undo: %v", err)
	}
	after()
	if _, err := overrides.New(s).ApplyUndo(ctx, overrides.Undo{Remove: g.Override.ID}); err != nil {
		t.Fatalf("undo taken back: %v", err)
	}
	after()
	for _, r := range []identity.Rules{cards, {}} {
		if err := s.SetRules(ctx, r, nil); err != nil {
			t.Fatal(err)
		}
		if err := s.AwaitRules(ctx); err != nil {
			t.Fatal(err)
		}
		after()
	}
}

// Ann is two cookies and a login; her second event, an identify call, will be
// damaged. A card moves another of its strand when rules look for one.
var ann = []string{
	`{"type":"track","event":"Seen","messageId":"m1","anonymousId":"a1","timestamp":"2025-01-01T00:00:00Z"}`,
	`{"type":"identify","messageId":"m2","anonymousId":"a1","userId":"ann","context":{"groupId":"g1"},"traits":{"plan":"free","name":"Ann"},"timestamp":"2025-01-02T00:00:00Z"}`,
	`{"type":"identify","messageId":"m3","anonymousId":"a1","userId":"ann","context":{"groupId":"g1"},"traits":{"plan":"pro","card":"c1"},"timestamp":"2025-01-03T00:00:00Z"}`,
	`{"type":"track","event":"Paid","messageId":"m4","userId":"ann","timestamp":"2025-01-04T00:00:00Z"}`,
}

// What cannot be read any more costs itself: its owner's page, history, explanation,
// overrides, simulations and rules go on, and verify names it and nothing else.
func TestDamageCostsTheEventAlone(t *testing.T) {
	flip := func(v []byte) []byte {
		v = slices.Clone(v)
		v[len(v)-3] ^= 0x10
		return v
	}
	lose := func([]byte) []byte { return nil }
	keep := func(v []byte) []byte { return v }
	for name, c := range map[string]struct {
		header, bodies func([]byte) []byte
		known          bool // its header can be read
	}{
		"a flipped bit in the bodies": {keep, flip, true},
		"bodies that are lost":        {keep, lose, true},
		"a body that is no message": {keep, func(v []byte) []byte {
			return space.Repack(v, 0, []byte(`{"type":"identify","userId":`))
		}, true},
		"a flipped bit in the header":       {flip, keep, false},
		"a header of a newer version":       {func(v []byte) []byte { return append([]byte{99}, v[1:]...) }, keep, false},
		"a header that is lost":             {lose, keep, false},
		"a block that is lost":              {lose, lose, false},
		"what was erased cannot be read":    {keep, keep, true},
		"a header that is empty":            {func([]byte) []byte { return []byte{} }, keep, false},
		"bodies that are empty":             {keep, func([]byte) []byte { return []byte{} }, true},
		"fewer bodies than the header says": {keep, func([]byte) []byte { return space.Repack(nil, 0, nil) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			disk := memoryDisk()
			store := disk(t)
			s := openSpace(t, store, space.Config{})
			for _, l := range ann {
				ingest(t, s, l)
			}
			who, other := user("user_id", "ann"), user("anonymous_id", "a1")
			before := readAll(t, s, who, other)
			traits := func() string {
				return fmt.Sprint(trait(t, s, who, "plan"), trait(t, s, who, "name"), trait(t, s, who, "card"))
			}
			said := traits()
			if err := s.Close(t.Context()); err != nil {
				t.Fatal(err)
			}

			block := before[2].Arrival.Block() // newest first
			ks := codec.NewKeyspace(1)
			damage(t, store, codec.Headers.Key(ks, block), c.header)
			damage(t, store, codec.Bodies.Key(ks, block), c.bodies)
			if name == "what was erased cannot be read" {
				damage(t, store, codec.Erased.Key(ks, block), func([]byte) []byte { return []byte{0} })
			}

			s = openSpace(t, store, space.Config{})
			defer func() {
				s.Close(context.Background())
				store.Close()
			}()
			check := func() {
				t.Helper()
				rep, err := query.New(s).Verify(t.Context(), nil)
				if err != nil {
					t.Fatalf("verify: %v", err)
				}
				if rep.Damaged != 1 || rep.Events != int64(len(ann)) {
					t.Errorf("verify counts %d damaged of %d events", rep.Damaged, rep.Events)
				}
				if len(rep.Differences) != 1 || rep.Differences[0].Kind != "damage" {
					t.Errorf("verify: %+v", rep.Differences)
				}
			}
			look := func() {
				t.Helper()
				events := readAll(t, s, who, other)
				if len(events) != len(before) {
					t.Fatalf("%d events, want %d", len(events), len(before))
				}
				for i, e := range events {
					if e.Damaged != (i == 2) || e.Time != before[i].Time || e.ReceivedAt != before[i].ReceivedAt || e.Arrival != before[i].Arrival {
						t.Errorf("event %d: %+v", i, e)
					}
				}
				if hole := events[2]; hole.Body != nil || c.known && (hole.Type != event.Identify || hole.Source != "src") {
					t.Errorf("the hole: %+v", hole)
				}
				if got := traits(); got != said {
					t.Errorf("traits are %s, were %s", got, said)
				}
			}
			look()
			check()
			changeAll(t, s, identity.ID{Type: "user_id", Value: "ann"}, identity.ID{Type: "anonymous_id", Value: "a1"}, 1, check)
			look()

			ingest(t, s, `{"type":"identify","messageId":"m5","anonymousId":"a1","userId":"ann","traits":{"plan":"team"},"timestamp":"2025-01-05T00:00:00Z"}`)
			if got := trait(t, s, who, "plan"); got != `"team"` {
				t.Errorf("plan is %s after the next event", got)
			}
			if r := ingest(t, s, ann[1]); c.known && r.Repeats != 1 {
				t.Errorf("the damaged event, sent again: %+v", r)
			}
		})
	}
}

// damage changes a value of a store; nil removes it.
func damage(t *testing.T, store kv.Store, key []byte, change func([]byte) []byte) {
	t.Helper()
	r, err := store.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Get(t.Context(), key)
	r.Close()
	if err != nil {
		t.Fatal(err)
	}
	var b kv.Batch
	if v := change(got[0]); v != nil {
		b.Put(key, v)
	} else if got[0] != nil {
		b.Delete(key)
	}
	if b.Len() > 0 {
		if err := store.Commit(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
	}
}

// A phone without a clock stamps and sends before 1970: what was accepted and set
// right with its batch is read by itself ever after.
func TestWhatABatchSetRightIsReadForEver(t *testing.T) {
	body := `{"sentAt":"1969-12-31T23:59:59Z","batch":[
		{"type":"track","event":"Seen","messageId":"m1","anonymousId":"a1","timestamp":"1969-12-31T23:00:00Z"},
		{"type":"identify","messageId":"m2","anonymousId":"a1","userId":"ann","traits":{"plan":"free"},"timestamp":"1969-12-31T23:30:00Z"},
		{"type":"identify","messageId":"m3","anonymousId":"a1","userId":"ann","traits":{"plan":"pro","card":"c1"},"timestamp":"1969-12-31T23:40:00Z"},
		{"type":"group","groupId":"g1","messageId":"m4","userId":"ann","traits":{"size":3},"timestamp":"1969-12-31T23:50:00Z"}]}`
	_, items, err := event.Read([]byte(body), event.Envelope{ReceivedAt: noon}, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := newSpace(t, space.Config{})
	d := space.Delivery{Source: "src"}
	for _, item := range items {
		if item.Refusal != nil {
			t.Fatal(item.Refusal)
		}
		d.Messages = append(d.Messages, item.Message)
	}
	if _, err := s.Ingest(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	who := user("user_id", "ann")
	events := readAll(t, s, who, user("anonymous_id", "a1"))
	if len(events) != 4 {
		t.Fatalf("%d events", len(events))
	}
	for _, e := range events {
		if e.Damaged || e.Time > noon || e.Time < noon-3600*1e9 {
			t.Errorf("%s is of %d", e.MessageID, e.Time)
		}
	}
	verify(t, s)
	changeAll(t, s, identity.ID{Type: "user_id", Value: "ann"}, identity.ID{Type: "anonymous_id", Value: "a1"}, 0, func() { verify(t, s) })
	if got := trait(t, s, who, "plan"); got != `"pro"` {
		t.Errorf("plan is %s", got)
	}
}

// A messageId that a message was given, however it came, is the event's.
func TestGivenMessageIDsAreStored(t *testing.T) {
	s := newSpace(t, space.Config{})
	lines := []string{
		`{"type":"identify","userId":"ann","traits":{"k":1},"timestamp":"2025-01-01T00:00:00Z"}`,
		`{"type":"identify","userId":"ann","traits":{"k":2},"messageId":null,"timestamp":"2025-01-01T00:00:00Z"}`,
		`{"type":"identify","userId":"ann","traits":{"k":3},"messageId":" ","timestamp":"2025-01-01T00:00:00Z"}`,
		`{"type":"identify","userId":"ann","traits":{"k":4},"messageId":" mine ","timestamp":"2025-01-01T00:00:00Z"}`,
		`{"type":"identify","userId":"ann","traits":{"k":5},"messageId":42.0,"timestamp":"2025-01-01T00:00:00Z"}`,
	}
	d := space.Delivery{Source: "src"}
	for i, l := range lines {
		m, err := event.Parse([]byte(l), event.Envelope{ReceivedAt: noon})
		if err != nil {
			t.Fatal(err)
		}
		if i < 2 {
			m.Give(fmt.Sprint("given-", i))
		}
		d.Messages = append(d.Messages, m)
	}
	if _, err := s.Ingest(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	page, err := query.New(s).Events(t.Context(), user("user_id", "ann"), query.EventQuery{Limit: 10, Oldest: true})
	if err != nil || len(page.Events) != 5 {
		t.Fatalf("%d events, %v", len(page.Events), err)
	}
	for i, want := range []string{"given-0", "given-1", "", "mine", "42"} {
		if got := page.Events[i].MessageID; want != "" && got != want || len(got) == 0 {
			t.Errorf("event %d is called %q, want %q", i, got, want)
		}
	}
	v, err := query.New(s).Profile(t.Context(), user("user_id", "ann"))
	if err != nil || v.Metadata.FirstMessageID != "given-0" || v.Metadata.LastMessageID != "42" || v.Identifiers[0].MessageID != "given-0" || v.Traits[0].MessageID != "42" {
		t.Errorf("%+v, %v", v, err)
	}
	verify(t, s)
}
