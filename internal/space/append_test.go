package space_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/kv/pgkv/pgtest"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/journal"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

// storedBodies are all bodies of a store's first space, in the order of their blocks.
// Each has to have a head.
func storedBodies(t *testing.T, store kv.Store) []string {
	t.Helper()
	r, err := store.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ks := codec.NewKeyspace(1)
	from, end := codec.Headers.All(ks)
	page, err := r.Scan(t.Context(), from, end, 1000, false)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range page {
		id, ok := codec.Headers.Parse(e.Key)
		if !ok {
			t.Fatalf("the key %x", e.Key)
		}
		b, err := journal.Read(t.Context(), r, ks, id)
		if err != nil || b.Damage != "" {
			t.Fatalf("block %s: %v, %s", id, err, b.Damage)
		}
		for o := range b.Heads {
			if b.Heads[o].Type == 0 {
				t.Errorf("event %d of block %s has no head, and the body %.80q", o, id, b.Bodies[o])
			}
			all = append(all, string(b.Bodies[o]))
		}
	}
	return all
}

// batch reads a request as the Tracking API does.
func batch(t *testing.T, context string, lines []string) []event.Message {
	t.Helper()
	body := `{"batch":[` + strings.Join(lines, ",") + `]` + context + `}`
	_, items, err := event.Read([]byte(body), event.Envelope{ReceivedAt: 1_750_000_000e9}, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	var ms []event.Message
	for _, it := range items {
		if it.Refusal != nil {
			t.Fatal(it.Refusal)
		}
		ms = append(ms, it.Message)
	}
	return ms
}

// A request of a hundred, packed ahead, one of which is not stored: its body is
// nowhere in the journal, and the others lie there as they were sent.
func TestBodiesOfRepeatsAreNotAppended(t *testing.T) {
	t.Parallel()
	const odd, secret = 7, "the-number-of-her-card"
	stores := map[string]func(testing.TB) kv.Store{
		"pebble":   func(t testing.TB) kv.Store { return pebbleDisk()(t) },
		"postgres": func(t testing.TB) kv.Store { return openShared(t, pgtest.Start(t)) },
	}
	kinds := map[string]struct {
		event string // of the message that is not stored
		twin  int    // the message of the request that has the same ID; -1: it came before
		want  space.Receipt
	}{
		"a repeat":               {"Ordered", -1, space.Receipt{Stored: 99, Repeats: 1}},
		"a repeat of its batch":  {"Ordered", 3, space.Receipt{Stored: 99, Repeats: 1}},
		"a used ID":              {"Returned", -1, space.Receipt{Stored: 99, IDUsed: 1}},
		"a used ID of its batch": {"Returned", 3, space.Receipt{Stored: 99, IDUsed: 1}},
	}
	contexts := map[string]string{"": "", ", inherited context": `,"context":{"ip":"203.0.113.9","app":{"name":"Shop"}},"integrations":{"All":true}`}
	for at, open := range stores {
		t.Run(at, func(t *testing.T) {
			store := open(t)
			t.Cleanup(func() { store.Close() })
			s := openSpace(t, store, space.Config{})
			t.Cleanup(func() { s.Close(context.Background()) })
			had, round := 0, 0
			for name, c := range kinds {
				for more, ctx := range contexts {
					round++
					line := func(i int, id, name, text string) string {
						return fmt.Sprintf(`{"type":"track","event":%q,"messageId":%q,"userId":"jane","properties":{"text":%q}}`,
							name, fmt.Sprintf("%d-%s", round, id), fmt.Sprint(i, text, strings.Repeat("lorem ipsum ", 60)))
					}
					if c.twin < 0 {
						send(t, s, "web", line(odd, "twin", "Ordered", ""))
						had++
					}
					var lines []string
					for i := range 100 {
						switch i {
						case odd:
							lines = append(lines, line(i, "twin", c.event, secret))
						case c.twin:
							lines = append(lines, line(i, "twin", "Ordered", ""))
						default:
							lines = append(lines, line(i, fmt.Sprint("m", i), "Ordered", ""))
						}
					}
					ms := batch(t, ctx, lines)
					var want []string
					for i := range ms {
						if (ms[i].Inherited != nil) != (ctx != "") {
							t.Fatalf("message %d inherits %v", i, ms[i].Inherited)
						}
						if i != odd {
							want = append(want, string(ms[i].AppendBody(nil)))
						}
					}
					got, err := s.Ingest(t.Context(), space.Delivery{Source: "web", Messages: ms})
					if err != nil || got.Stored != c.want.Stored || got.Repeats != c.want.Repeats || got.IDUsed != c.want.IDUsed {
						t.Fatalf("%s%s: %+v, %v", name, more, got, err)
					}
					all := storedBodies(t, store)
					if len(all) != had+len(want) {
						t.Fatalf("%s%s: %d bodies are stored, want %d", name, more, len(all)-had, len(want))
					}
					for i, b := range all[had:] {
						if b != want[i] {
							t.Fatalf("%s%s: body %d is %.200q, want %.200q", name, more, i, b, want[i])
						}
						if strings.Contains(b, secret) {
							t.Fatalf("%s%s: body %d is that of what was not stored", name, more, i)
						}
					}
					had = len(all)
				}
			}
			verify(t, s)
		})
	}
}

// Events of a packed request that are left for another commit, because another node
// came in between, are stored once.
func TestBodiesOfDeferredEventsAreAppendedOnce(t *testing.T) {
	first, second, m := meddledSpaces(t)
	d := space.Delivery{Source: "src"}
	const people, each = 40, 4
	padding := fmt.Sprintf(`,"context":{"text":%q}`, strings.Repeat("lorem ipsum ", 40))
	for e := range each {
		for p := range people {
			d.Messages = append(d.Messages, parse(t, person(p, e, padding)))
		}
	}
	var once sync.Once
	m.before = func() {
		once.Do(func() { ingest(t, second, person(7, 50, "")) })
	}
	if got, err := first.Ingest(t.Context(), d); err != nil || got.Stored != people*each {
		t.Fatalf("%+v, %v", got, err)
	}
	if st := first.Stats(); st.Again != each {
		t.Fatalf("%d events were deferred, want %d", st.Again, each)
	}
	times := map[string]int{}
	for _, b := range storedBodies(t, m) {
		times[b]++
	}
	for i := range d.Messages {
		if n := times[string(d.Messages[i].Body)]; n != 1 {
			t.Errorf("%.60s is stored %d times", d.Messages[i].Body, n)
		}
	}
	if len(times) != people*each+1 {
		t.Errorf("%d different bodies, want %d", len(times), people*each+1)
	}
	verify(t, second)
}

// A body without a head is nobody's, and no erasure would find it: verify names it.
func TestVerifyNamesBodiesWithoutEvents(t *testing.T) {
	store := memoryDisk()(t)
	s := openSpace(t, store, space.Config{})
	t.Cleanup(func() {
		s.Close(context.Background())
		store.Close()
	})
	ingest(t, s, person(1, 1, ""))
	put := func(lane uint32, body []byte) {
		var p journal.Packer
		var b kv.Batch
		ks, block := codec.NewKeyspace(1), event.NewBlock(1, lane)
		b.Put(codec.Headers.Key(ks, block), journal.AppendHeader(nil, []journal.Head{{}}))
		b.Put(codec.Bodies.Key(ks, block), p.Pack(nil, [][]byte{body}))
		if err := store.Commit(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
	}
	put(901, nil) // as an erasure leaves it
	verify(t, s)
	put(902, bytes.Repeat([]byte("x"), 100))
	rep, err := query.New(s).Verify(t.Context(), nil)
	if err != nil || len(rep.Differences) != 1 || rep.Differences[0].Kind != "body" || rep.Events != 1 {
		t.Errorf("%+v, %v", rep, err)
	}
}
