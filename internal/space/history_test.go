package space_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/kv/pgkv/pgtest"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/query"
	"github.com/selfsame-id/selfsame/internal/space/spacetest"
)

// historyCase takes events at any time of its clock.
type historyCase struct {
	t   *testing.T
	s   *space.Space
	now *spacetest.Clock
}

// take delivers events with IDs and a time, and compares what became of them.
func (h *historyCase) take(how space.Dedupe, at time.Time, want space.Receipt, ids ...string) {
	h.t.Helper()
	d := space.Delivery{Source: "src", Dedupe: how}
	for _, id := range ids {
		line := fmt.Sprintf(`{"type":"track","event":"E","userId":"u","messageId":%q,"timestamp":%q}`, id, at.UTC().Format(time.RFC3339Nano))
		m, err := event.Parse([]byte(line), event.Envelope{ReceivedAt: h.now.UnixNano()})
		if err != nil {
			h.t.Fatal(err)
		}
		d.Messages = append(d.Messages, m)
	}
	got, err := h.s.Ingest(context.Background(), d)
	if err != nil {
		h.t.Fatal(err)
	}
	reuse(d.Messages)
	if got.Stored != want.Stored || got.Repeats != want.Repeats || got.Compared != want.Compared {
		h.t.Errorf("stored %d, repeats %d, compared %d; want %d, %d and %d", got.Stored, got.Repeats, got.Compared, want.Stored, want.Repeats, want.Compared)
	}
}

// History that overlaps live traffic from before the dedupe window counts once
// when it is asked for, on both kinds of stores, and only then.
func TestHistoryCountsOnce(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) func() kv.Store{
		"one node": func(t *testing.T) func() kv.Store {
			d := pebbleDisk()
			return func() kv.Store { return d(t) }
		},
		"shared": func(t *testing.T) func() kv.Store {
			server := pgtest.Start(t)
			return func() kv.Store { return openShared(t, server) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			opener := open(t)
			store := opener()
			began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			h := &historyCase{t: t, now: clockAt(began)}
			h.s = openSpace(t, store, space.Config{Now: h.now.Now, ScratchDir: t.TempDir()})
			h.take(space.DedupeWindow, began, space.Receipt{Stored: 3}, "a", "b", "c")
			h.now.Add(30 * time.Hour)
			later := h.now.Now()

			h.take(space.DedupeOld, began, space.Receipt{Stored: 1, Repeats: 2, Compared: 3}, "a", "new", "c")
			h.take(space.DedupeOld, later, space.Receipt{Stored: 1}, "a-young-one")          // it cannot be older
			h.take(space.DedupeOld, later, space.Receipt{Repeats: 1}, "a-young-one")         // by the window
			h.take(space.DedupeOld, began, space.Receipt{Repeats: 1, Compared: 1}, "new")    // by the window
			h.take(space.DedupeAll, later, space.Receipt{Repeats: 1, Compared: 1}, "b")      // whatever its time says
			h.take(space.DedupeWindow, began, space.Receipt{Stored: 1}, "b")                 // not asked for
			h.take(space.DedupeOld, began, space.Receipt{Stored: 1, Compared: 1}, "z")       // after the index was made
			h.take(space.DedupeOld, began, space.Receipt{Repeats: 2, Compared: 2}, "z", "z") // and again

			// What came after the index was made is found when it leaves the window too.
			for range 10 {
				h.now.Add(7 * time.Hour)
				h.take(space.DedupeOld, began, space.Receipt{Repeats: 4, Compared: 4}, "a", "new", "z", "a-young-one")
			}
			h.now.Add(100 * time.Hour)
			h.take(space.DedupeOld, began, space.Receipt{Repeats: 4, Compared: 4}, "a", "new", "z", "a-young-one")

			// And after a restart.
			if err := h.s.Close(context.Background()); err != nil {
				t.Fatal(err)
			}
			if err := store.Close(); err != nil {
				t.Fatal(err)
			}
			store = opener()
			defer store.Close()
			h.s = openSpace(t, store, space.Config{Now: h.now.Now, ScratchDir: t.TempDir()})
			defer func() {
				if err := h.s.Close(context.Background()); err != nil {
					t.Error(err)
				}
			}()
			h.take(space.DedupeOld, began, space.Receipt{Stored: 1, Repeats: 3, Compared: 4}, "a", "b", "z", "other")
			report, err := query.New(h.s).Verify(context.Background(), nil)
			if err != nil || len(report.Differences) > 0 {
				t.Errorf("verify: %+v %v", report, err)
			}
		})
	}
}

// An ID that another event had before the dedupe window is found in the whole store,
// and is no repeat: it is kept as within the window, on both kinds of stores.
func TestHistoryKeepsWhatIsNoRepeat(t *testing.T) {
	for name, open := range map[string]disk{
		"one node": memoryDisk(),
		"shared":   func(t testing.TB) kv.Store { return openShared(t, pgtest.Start(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			store := open(t)
			t.Cleanup(func() { _ = store.Close() })
			now := clockAt(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
			s := openSpace(t, store, space.Config{Now: now.Now, ScratchDir: t.TempDir()})
			deliver := func(how space.Dedupe, source string, lines ...string) space.Receipt {
				t.Helper()
				d := space.Delivery{Source: source, Dedupe: how}
				for _, l := range lines {
					m, err := event.Parse([]byte(l), event.Envelope{ReceivedAt: now.UnixNano()})
					if err != nil {
						t.Fatal(err)
					}
					d.Messages = append(d.Messages, m)
				}
				r, err := s.Ingest(t.Context(), d)
				if err != nil {
					t.Fatal(err)
				}
				return r
			}
			began := now.Now().Format(time.RFC3339)
			line := func(more string) string {
				return `{"messageId":"m1","timestamp":"` + began + `",` + more + `}`
			}
			same := line(`"type":"track","event":"Ordered","userId":"jane"`)
			deliver(space.DedupeWindow, "web", same)
			now.Add(50 * time.Hour)
			kept := int64(0)
			check := func(when string) {
				t.Helper()
				if r := deliver(space.DedupeOld, "web", same, line(`"type":"track","event":"Ordered","userId":"jane","context":{"ip":"203.0.113.9"}`)); r.Repeats != 2 || r.Stored+r.IDUsed != 0 {
					t.Errorf("%s, repeats: %+v", when, r)
				}
				for what, o := range map[string][2]string{
					"person":  {"web", line(`"type":"track","event":"Ordered","userId":"john"`)},
					"cookie":  {"web", line(`"type":"track","event":"Ordered","userId":"jane","anonymousId":"c1"`)},
					"event":   {"web", line(`"type":"track","event":"Returned","userId":"jane"`)},
					"type":    {"web", line(`"type":"identify","userId":"jane","traits":{"plan":"pro"}`)},
					"source":  {"ios", same},
					"account": {"web", line(`"type":"group","userId":"jane","groupId":"acme"`)},
				} {
					for _, how := range []space.Dedupe{space.DedupeOld, space.DedupeAll} {
						if r := deliver(how, o[0], o[1]); r.IDUsed != 1 || r.Stored+r.Repeats != 0 || r.Compared != 1 {
							t.Errorf("%s, another %s: %+v", when, what, r)
						}
						kept++
					}
				}
				counts, err := s.RejectCounts(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				n := int64(0)
				for _, c := range counts {
					if c.Code != string(event.IDUsed) {
						t.Errorf("%+v", c)
					}
					n += c.Messages
				}
				if n != kept {
					t.Errorf("%s: %d are kept, want %d", when, n, kept)
				}
			}
			check("at once")
			// After the window the ID was free. What took it then, after the index was
			// made, is repeated as well as the first one.
			returned := line(`"type":"track","event":"Returned","userId":"jane"`)
			if r := deliver(space.DedupeWindow, "web", returned); r.Stored != 1 {
				t.Errorf("after the window: %+v", r)
			}
			if r := deliver(space.DedupeOld, "web", returned, same); r.Repeats != 2 || r.IDUsed+r.Stored != 0 {
				t.Errorf("repeats of either: %+v", r)
			}
			rules := identity.Rules{Identifiers: []identity.Identifier{{Type: "user_id"}, {Type: "where", Key: "ip"}}}
			setRules(t, s, rules)
			// Which IDs it had under other rules says nothing; all else does.
			if r := deliver(space.DedupeOld, "web", line(`"type":"track","event":"Ordered","userId":"jane","properties":{"ip":"203.0.113.9"}`)); r.Repeats != 1 {
				t.Errorf("under new rules: %+v", r)
			}
			if r := deliver(space.DedupeOld, "web", line(`"type":"track","event":"Lost","userId":"jane"`)); r.IDUsed != 1 {
				t.Errorf("another event under new rules: %+v", r)
			}
			verify(t, s)
			if err := s.Close(context.Background()); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A delivery whose events lie in as many blocks, which are read side by side, is told
// apart as one by one.
func TestHistoryOverManyBlocks(t *testing.T) {
	store := memoryDisk()(t)
	t.Cleanup(func() { _ = store.Close() })
	now := clockAt(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	s := openSpace(t, store, space.Config{Now: now.Now, ScratchDir: t.TempDir()})
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	const blocks = 400
	message := func(i int, name string) event.Message {
		m, err := event.Parse(fmt.Appendf(nil, `{"type":"track","event":%q,"userId":"u%d","messageId":"m%d","timestamp":"2025-06-01T00:00:00Z"}`, name, i, i), event.Envelope{ReceivedAt: now.UnixNano()})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	again := space.Delivery{Source: "src", Dedupe: space.DedupeOld}
	used := map[string]bool{}
	for i := range blocks {
		if _, err := s.Ingest(t.Context(), space.Delivery{Source: "src", Messages: []event.Message{message(i, "E")}}); err != nil {
			t.Fatal(err)
		}
		now.Add(time.Second)
	}
	now.Add(48 * time.Hour)
	for i := range blocks {
		i = i * 7 % blocks
		switch {
		case i%10 == 0:
			again.Messages = append(again.Messages, message(i, "F"))
			used[fmt.Sprint("m", i)] = true
		default:
			again.Messages = append(again.Messages, message(i, "E"))
		}
	}
	r, err := s.Ingest(t.Context(), again)
	if err != nil || r.Compared != blocks || r.IDUsed != blocks/10 || r.Repeats != blocks-blocks/10 || r.Stored != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	for _, rej := range rejectsOf(t, s, "src", 1000) {
		if !used[rej.MessageID] {
			t.Errorf("%s is kept", rej.MessageID)
		}
		delete(used, rej.MessageID)
	}
	if len(used) > 0 {
		t.Errorf("not kept: %v", used)
	}
}

// Deliveries that compare, those that do not, and the end of the space may meet.
func TestHistoryAtOnce(t *testing.T) {
	store := memoryDisk()(t)
	defer store.Close()
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	now := clockAt(began)
	s := openSpace(t, store, space.Config{Now: now.Now, ScratchDir: t.TempDir()})
	old := &historyCase{t: t, s: s, now: now}
	var ids []string
	for i := range 500 {
		ids = append(ids, fmt.Sprint("m", i))
	}
	old.take(space.DedupeWindow, began, space.Receipt{Stored: 500}, ids...)
	now.Add(48 * time.Hour)
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			h := &historyCase{t: t, s: s, now: now}
			for i := range 20 {
				if n%2 == 0 {
					h.take(space.DedupeOld, began, space.Receipt{Repeats: 25, Compared: 25}, ids[i*25:(i+1)*25]...)
					now.Add(time.Hour)
				} else {
					h.take(space.DedupeWindow, began, space.Receipt{Stored: 1}, fmt.Sprint("live", n, "-", i))
				}
			}
		})
	}
	wg.Wait()
	if err := s.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if _, err := s.Ingest(context.Background(), space.Delivery{Source: "src", Dedupe: space.DedupeAll, Messages: []event.Message{parse(t, `{"type":"identify","userId":"u","messageId":"m1"}`)}}); err == nil {
		t.Error("a closed space takes events")
	}
}
