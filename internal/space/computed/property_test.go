package computed_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv/kvtest"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/computed"
	"github.com/selfsame-id/selfsame/internal/space/overrides"
	"github.com/selfsame-id/selfsame/internal/space/spacetest"
)

// documents are definitions of all kinds, in versions of one another.
var documents = []string{segkicks, `
traits:
  paid: {event: Paid, kind: count}
  spent: {event: Paid, kind: sum, property: properties.price}
  mean: {event: Paid, kind: average, property: properties.price, window: 30d}
  dearest: {event: "*", kind: maximum, property: properties.price}
  last_item: {event: [Paid, Seen], kind: last, property: properties.item}
  first_item: {event: Seen, kind: first, property: properties.item}
  favourite: {event: Seen, kind: most_frequent, property: properties.item, minimum: 2, window: 7d}
  items: {event: Seen, kind: unique_list, property: properties.item}
  item_count: {event: Seen, kind: unique_count, property: properties.item, window: 1d}
  seen_since_paid: {kind: since, of: {event: Seen, kind: count}, last: {event: Paid}}
  wanted: {kind: unmatched, event: Seen, property: properties.item, without: {event: Paid, property: properties.item}, match: later}
  never_paid: {kind: unmatched, event: Seen, property: properties.item, without: {event: Paid, property: properties.item}, match: ever}
  quick: {kind: funnel, steps: [{event: Seen}, {event: Paid}], within: 1h, by: properties.item}
  visit: {event: Seen, kind: count, window: {session: 30m}}
  team_paid: {event: Paid, kind: count, for: accounts}
  team_spent: {event: Paid, kind: sum, property: properties.price, for: accounts, window: 7d}
audiences:
  buyers: {when: traits.paid > 0}
  recent: {when: 'events("Paid", price > 20).within("7d").count() >= 1'}
  known_buyers: {when: 'audiences.buyers && identifiers.user_id.size() > 0'}
  pros: {when: 'has(traits.plan) && traits.plan == "pro"'}
  not_buyers: {when: '!audiences.buyers'}
  wanting: {when: size(traits.wanted) > 0, anonymous: false}
  buying_teams: {when: traits.team_paid > 1, for: accounts}
  teams_of_buyers: {when: traits.paid > 0, for: accounts, users: any}
  teams_without_buyers: {when: traits.paid > 0, for: accounts, users: none}
`, `
traits:
  paid: {event: Paid, kind: count, where: 'properties.price > 10'}
  spent: {event: Paid, kind: sum, property: properties.price, disabled: true}
  wanted: {kind: unmatched, event: Seen, property: properties.item, without: {event: Paid, property: properties.item}, match: ever}
  visits: {event: Seen, kind: count, window: 2d}
audiences:
  buyers: {when: traits.paid > 0}
  wanting: {when: size(traits.wanted) > 1}
`}

// A version that has only traits more: nobody without rows of theirs is evaluated.
func init() {
	more := strings.Replace(documents[1], "traits:\n", `traits:
  others: {event: Other, kind: last, property: properties.item}
  last_of_other: {kind: since, of: {event: Seen, kind: sum, property: properties.price}, last: {event: Other}}
  team_seen: {event: Seen, kind: average, property: properties.price, for: accounts}
`, 1)
	documents = slices.Insert(documents, 2, more)
}

// world makes things happen to a house.
type world struct {
	rng   *rand.Rand
	n     int
	sent  []string
	rules identity.Rules
	made  []string // overrides
}

func (w *world) event(now time.Time) string {
	if len(w.sent) > 0 && w.rng.IntN(12) == 0 {
		return w.sent[w.rng.IntN(len(w.sent))] // a repeat
	}
	w.n++
	var b strings.Builder
	typ := []string{"track", "track", "track", "track", "identify", "group", "page"}[w.rng.IntN(7)]
	fmt.Fprintf(&b, `{"type":%q,"messageId":"m%d"`, typ, w.n)
	age := time.Duration(w.rng.Int64N(int64(3 * time.Hour)))
	if w.rng.IntN(4) == 0 {
		age = time.Duration(w.rng.Int64N(int64(40 * 24 * time.Hour)))
	}
	fmt.Fprintf(&b, `,"timestamp":%q`, now.Add(-age).UTC().Format("2006-01-02T15:04:05.000Z"))
	if w.rng.IntN(3) > 0 {
		fmt.Fprintf(&b, `,"anonymousId":"a%d"`, w.rng.IntN(7))
	}
	if w.rng.IntN(3) == 0 || !strings.Contains(b.String(), "anonymousId") {
		fmt.Fprintf(&b, `,"userId":"u%d"`, w.rng.IntN(4))
	}
	switch typ {
	case "track":
		fmt.Fprintf(&b, `,"event":%q`, []string{"Paid", "Seen", "Seen", "Product Added", "ShoeA Clicked", "Order Completed", "Workout Completed", "Other"}[w.rng.IntN(8)])
		fmt.Fprintf(&b, `,"properties":{"item":"i%d","price":%d.%d,"product_id":"p%d","products":[{"product_id":"p%d","category":"shoes"}],"revenue":"%d.1","distance_miles":%d.7,"card":"c%d"}`,
			w.rng.IntN(4), w.rng.IntN(50), w.rng.IntN(10), w.rng.IntN(3), w.rng.IntN(3), w.rng.IntN(9), w.rng.IntN(90), w.rng.IntN(5))
	case "identify":
		fmt.Fprintf(&b, `,"traits":{"plan":%q,"email":"e%d@x.org"}`, []string{"pro", "free"}[w.rng.IntN(2)], w.rng.IntN(4))
	case "group":
		fmt.Fprintf(&b, `,"groupId":"g%d"`, w.rng.IntN(3))
	case "page":
		b.WriteString(`,"name":"Seen"`)
	}
	if typ != "group" && w.rng.IntN(4) == 0 {
		fmt.Fprintf(&b, `,"context":{"groupId":"g%d"}`, w.rng.IntN(3))
	}
	b.WriteByte('}')
	w.sent = append(w.sent, b.String())
	return b.String()
}

func (w *world) setRules(t testing.TB, h *house) {
	w.rules = identity.Rules{Identifiers: []identity.Identifier{
		{Type: "user_id", Limit: 1}, {Type: "email", Limit: 1 + w.rng.IntN(2)},
		{Type: "anonymous_id", Limit: 1 + w.rng.IntN(3), Window: []string{"ever", "weekly"}[w.rng.IntN(2)]},
	}}
	if w.rng.IntN(2) == 0 {
		w.rules.Identifiers = append(w.rules.Identifiers, identity.Identifier{Type: "card", Key: "card", Limit: 2})
	}
	if err := h.space.SetRules(context.Background(), w.rules, nil); err != nil {
		t.Fatal(err)
	}
	if w.rng.IntN(3) == 0 {
		h.step(t)
	}
	if err := h.space.AwaitRules(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// decide makes an override, or takes one back; what cannot be is refused.
func (w *world) decide(h *house) {
	editor := overrides.New(h.space)
	if len(w.made) > 0 && w.rng.IntN(3) == 0 {
		_, _ = editor.ApplyUndo(context.Background(), overrides.Undo{Remove: w.made[w.rng.IntN(len(w.made))]})
		return
	}
	id := func() identity.ID {
		t := w.rng.IntN(3)
		return identity.ID{Type: []string{"user_id", "anonymous_id", "email"}[t], Value: []string{
			fmt.Sprintf("u%d", w.rng.IntN(4)), fmt.Sprintf("a%d", w.rng.IntN(7)), fmt.Sprintf("e%d@x.org", w.rng.IntN(4))}[t]}
	}
	u := overrides.Undo{Kind: []string{codec.Isolate, codec.CannotLink, codec.Same}[w.rng.IntN(3)], Collection: identity.Users, IDs: []identity.ID{id(), id()}}
	if u.Kind == codec.Isolate {
		u.IDs = u.IDs[:1]
	}
	if g, err := editor.ApplyUndo(context.Background(), u); err == nil {
		w.made = append(w.made, g.Override.ID)
	}
	_ = h.space.AwaitRules(context.Background())
}

func (h *house) step(t testing.TB) {
	t.Helper()
	if _, err := h.Step(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// Whatever happens and in which order, what is stored, listed and read is what the
// definitions make of all events.
func TestStoredValuesFollowFromTheEvents(t *testing.T) {
	storedValuesFollow(t, nil)
}

// The same with the folds of nearly all profiles kept between evaluations.
func TestStoredValuesFollowFromTheEventsByMemos(t *testing.T) {
	defer computed.MemosFrom(2, 1<<30)()
	storedValuesFollow(t, nil)
}

// The same with these folds in the store, forgotten by memory now and then, and what is
// read meanwhile.
func TestStoredValuesFollowFromTheEventsByStoredFolds(t *testing.T) {
	defer computed.MemosFrom(2, 2)()
	bytes := 0
	stored := 0
	storedValuesFollow(t, func(t testing.TB, h *house) {
		if bytes++; bytes%3 == 0 {
			defer computed.MemoBytes(1000, 200)()
			h.step(t)
		}
		n, err := h.StoredMemos(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		stored += n
		wrong, err := h.CheckReads(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range wrong {
			t.Error(s)
		}
	})
	if stored == 0 {
		t.Error("no folds were stored")
	}
}

func storedValuesFollow(t *testing.T, look func(testing.TB, *house)) {
	for seed := range spacetest.Seeds(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := &world{rng: rand.New(rand.NewPCG(seed, 1))}
			h := open(t, kvtest.NewMemory().Open(), space.Config{ReplayBound: []int{1000, 5}[seed%2]})
			h.set(time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC))
			document := 0
			for range 60 {
				switch w.rng.IntN(15) {
				case 0:
					h.set(h.now.Add(time.Duration(w.rng.Int64N(int64(5 * 24 * time.Hour)))))
				case 1:
					if document = max(document, w.rng.IntN(len(documents))); w.rng.IntN(2) == 0 {
						h.apply(t, documents[document])
					}
				case 2:
					if w.rng.IntN(3) == 0 {
						w.setRules(t, h)
					} else if look != nil {
						look(t, h)
					}
				case 3:
					h.Forget()
				case 6:
					w.decide(h)
				case 4, 5:
					h.step(t)
				default:
					var lines []string
					for range 1 + w.rng.IntN(6) {
						lines = append(lines, w.event(h.now))
					}
					h.ingest(t, lines...)
				}
				h.set(h.now.Add(time.Duration(w.rng.IntN(int(time.Hour)))))
			}
			for end := time.Now().Add(2 * time.Minute); h.space.Stats().Pending > 0; time.Sleep(time.Millisecond) {
				if time.Now().After(end) {
					t.Fatal("replays stay pending")
				}
			}
			h.settle(t)
			wrong, err := h.Check(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for i, s := range wrong {
				if i < 10 {
					t.Error(s)
				}
			}
		})
	}
}

// Traits alone that are new are computed of those who have rows of theirs, while events
// and merges go on.
func TestNewTraitsOverHistory(t *testing.T) {
	defer computed.SetHistoryRows(7)()
	for seed := range spacetest.Seeds(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := &world{rng: rand.New(rand.NewPCG(seed, 2))}
			h := open(t, kvtest.NewMemory().Open(), space.Config{})
			h.set(time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC))
			some := func() {
				var lines []string
				for range 1 + w.rng.IntN(20) {
					lines = append(lines, w.event(h.now))
				}
				h.ingest(t, lines...)
			}
			some()
			h.apply(t, documents[1])
			for range 5 {
				some()
			}
			h.settle(t)
			h.apply(t, documents[2])
			for range 12 {
				switch w.rng.IntN(4) {
				case 0:
					some()
				case 1:
					w.decide(h)
				case 2:
					h.Forget()
				}
				h.step(t)
			}
			h.settle(t)
			wrong, err := h.Check(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range wrong {
				t.Error(s)
			}
		})
	}
}
