package computed_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/kv/kvtest"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/computed"
	"github.com/selfsame-id/selfsame/internal/space/overrides"
	"github.com/selfsame-id/selfsame/internal/space/query"
	"github.com/selfsame-id/selfsame/internal/space/rules"
)

var quiet = slog.New(slog.DiscardHandler)

// house is a space with its definitions, whose evaluator runs when it is told to.
type house struct {
	*computed.Computed
	space *space.Space
	store kv.Store
	now   time.Time    // changed by set
	clock atomic.Int64 // the same, for background work
}

// set moves the clock.
func (h *house) set(now time.Time) {
	h.now = now
	h.clock.Store(now.UnixNano())
}

func open(t testing.TB, store kv.Store, cfg space.Config) *house {
	t.Helper()
	h := &house{store: store}
	h.set(time.Now())
	cfg.ID, cfg.Log, cfg.Compile, cfg.CacheBytes = "dev", quiet, computed.Compile, 4<<20
	cfg.ApplyRules = rules.Apply
	cfg.Now = func() time.Time { return time.Unix(0, h.clock.Load()) }
	var err error
	if h.space, err = space.Open(t.Context(), store, cfg); err != nil {
		t.Fatal(err)
	}
	h.Computed = computed.New(h.space, computed.Config{Now: cfg.Now, Idle: true})
	t.Cleanup(func() {
		if err := h.space.Close(context.Background()); err != nil {
			t.Error(err)
		}
		store.Close()
	})
	return h
}

func newHouse(t testing.TB) *house { return open(t, kvtest.NewMemory().Open(), space.Config{}) }

func (h *house) apply(t testing.TB, document string) computed.Diff {
	t.Helper()
	diff, err := h.ApplyDefinitions(context.Background(), []byte(document), nil)
	if err != nil {
		t.Fatal(err)
	}
	return diff
}

// settle has the evaluator do all that there is to do.
func (h *house) settle(t testing.TB) {
	t.Helper()
	if err := h.Settle(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func (h *house) ingest(t testing.TB, lines ...string) {
	t.Helper()
	d := space.Delivery{Source: "src"}
	for _, l := range lines {
		m, err := event.Parse([]byte(l), event.Envelope{ReceivedAt: h.now.UnixNano()})
		if err != nil {
			t.Fatalf("%s: %v", l, err)
		}
		d.Messages = append(d.Messages, m)
	}
	if _, err := h.space.Ingest(context.Background(), d); err != nil {
		t.Fatal(err)
	}
}

func user(typ, value string) space.Ref {
	return space.Ref{Collection: identity.Users, Type: typ, Value: value}
}

// values prints what the definitions make of a profile.
func (h *house) values(t testing.TB, ref space.Ref) string {
	t.Helper()
	v, err := h.ComputedValues(context.Background(), ref)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for _, tr := range v.Traits {
		fmt.Fprintf(&b, "%s=%s ", tr.Key, tr.JSON)
	}
	for _, a := range v.Audiences {
		if a.In {
			fmt.Fprintf(&b, "+%s ", a.Key)
		}
	}
	return strings.TrimSpace(b.String())
}

func jane(t testing.TB) []string {
	b, err := os.ReadFile("../../../examples/jane.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}

const segkicks = `
traits:
  orders: {event: Order Completed, kind: count}
  revenue: {event: Order Completed, kind: sum, property: properties.revenue}
  miles_since_shoes:
    kind: since
    of: {event: Workout Completed, kind: sum, property: properties.distance_miles}
    last: {event: Order Completed, where: 'properties.products.exists(p, p.category == "shoes")'}
  looked_not_bought:
    kind: unmatched
    event: "* Clicked"
    property: properties.product_id
    without: {event: Order Completed, property: "properties.products[].product_id"}
    match: ever
  cart_left:
    kind: unmatched
    event: Product Added
    property: properties.product_id
    without: {event: Order Completed, property: "properties.products[].product_id"}
    match: later
audiences:
  needs_new_shoes: {when: traits.miles_since_shoes >= 300}
  looked_but_did_not_buy: {when: size(traits.looked_not_bought) > 0}
  abandoned_cart: {when: size(traits.cart_left) > 0}
`

const janesValues = `cart_left=[] looked_not_bought=["shoe-a","shoe-b"] miles_since_shoes=314.6 orders=2 revenue=248 +looked_but_did_not_buy +needs_new_shoes`

func TestJane(t *testing.T) {
	var since map[string]int64
	for _, order := range []string{"one by one", "definitions first", "events first"} {
		t.Run(order, func(t *testing.T) {
			h := newHouse(t)
			if order != "events first" {
				h.apply(t, segkicks)
				h.settle(t)
			}
			for _, l := range jane(t) {
				if h.ingest(t, l); order == "one by one" {
					h.settle(t)
				}
			}
			if order == "events first" {
				h.apply(t, segkicks)
				if got := h.values(t, user("user_id", "abc123def")); got != "" {
					t.Errorf("before history is computed: %s", got)
				}
				h.settle(t)
			}
			if got := h.values(t, user("user_id", "abc123def")); got != janesValues {
				t.Errorf("got  %s\nwant %s", got, janesValues)
			}
			h.settle(t)
			v, err := h.ComputedValues(t.Context(), user("user_id", "abc123def"))
			if err != nil {
				t.Fatal(err)
			}
			at := map[string]int64{}
			for _, tr := range v.Traits {
				at[tr.Key] = tr.Since
			}
			for _, a := range v.Audiences {
				at[a.Key] = a.Since
			}
			if since == nil {
				since = at
			} else if !maps.Equal(at, since) {
				t.Errorf("values are since %v; evaluated one by one, since %v", at, since)
			}
			early := user("user_id", "abc123def")
			early.AsOf = time.Date(2019, 11, 16, 8, 0, 0, 0, time.UTC).UnixNano()
			if got := h.values(t, early); !strings.Contains(got, `cart_left=["shoe-c"]`) || !strings.Contains(got, "+abandoned_cart") {
				t.Errorf("as of %s: %s", time.Unix(0, early.AsOf).UTC(), got)
			}
			for audience, want := range map[string]int64{"needs_new_shoes": 1, "looked_but_did_not_buy": 1, "abandoned_cart": 0} {
				page, err := h.AudienceMembers(t.Context(), audience, 10, "")
				if err != nil || page.Status.Members != want || int64(len(page.Members)) != want || !page.Complete {
					t.Errorf("%s: %+v, %v; want %d members", audience, page, err, want)
				}
			}
		})
	}
}

// told prints what the feed says of computed values, in order.
func (h *house) told(t testing.TB) (lines []string) {
	t.Helper()
	recs, _, err := query.New(h.space).Feed(t.Context(), "", 10_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range recs {
		for _, c := range r.Changes {
			switch c.Kind {
			case feed.ComputedSet, feed.ComputedRemoved, feed.AudienceEntered, feed.AudienceExited:
				lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s %s", c.Kind, c.Trait, c.Value)))
			case feed.ComputedComplete:
				lines = append(lines, "complete "+c.Trait)
			}
		}
	}
	return lines
}

func TestTheFeedTellsOfEachChangeOnce(t *testing.T) {
	h := newHouse(t)
	h.apply(t, `
traits:
  orders: {event: Order Completed, kind: count}
  recent: {event: Order Completed, kind: count, window: 7d}
audiences:
  buyers: {when: traits.orders >= 2}
  recent_buyers: {when: traits.recent > 0}
`)
	order := func(id string, at time.Time) string {
		return fmt.Sprintf(`{"type":"track","event":"Order Completed","messageId":%q,"userId":"ada","timestamp":%q}`, id, at.UTC().Format(time.RFC3339))
	}
	h.settle(t)
	day := 24 * time.Hour
	for i, step := range []func(){
		func() { h.ingest(t, order("m1", h.now)) },
		func() { h.ingest(t, order("m1", h.now)) }, // a repeat
		func() { h.ingest(t, order("m2", h.now)) },
		func() { h.set(h.now.Add(6 * day)) },
		func() { h.set(h.now.Add(2 * day)) },
	} {
		step()
		h.settle(t)
		h.settle(t)
		if i == 3 {
			h.ingest(t, `{"type":"track","event":"Other","messageId":"m3","userId":"ada"}`)
			h.settle(t)
		}
	}
	got := strings.Join(h.told(t), "\n")
	want := strings.Join([]string{
		"complete orders", "complete recent", "complete buyers", "complete recent_buyers",
		"computed_set orders 1", "computed_set recent 1", "audience_entered recent_buyers",
		"computed_set orders 2", "computed_set recent 2", "audience_entered buyers",
		"computed_set recent 0", "audience_exited recent_buyers",
	}, "\n")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// A strand that comes to a profile although none of the profile's IDs changes brings its
// events.
func TestIsolatingAnIDGivesItsEventsToWhomTheOtherIDsName(t *testing.T) {
	h := newHouse(t)
	h.apply(t, `traits: {paid: {event: Paid, kind: count}}`)
	h.ingest(t, `{"type":"track","event":"Seen","messageId":"m1","userId":"u2","anonymousId":"a1","timestamp":"2025-01-01T00:00:00Z"}`)
	h.ingest(t, `{"type":"track","event":"Paid","messageId":"m2","userId":"u1","anonymousId":"a1","timestamp":"2025-01-02T00:00:00Z"}`)
	h.settle(t)
	stored := func(value string) string {
		t.Helper()
		h.settle(t)
		if wrong, err := h.Check(t.Context()); err != nil || len(wrong) > 0 {
			t.Errorf("%q, %v", wrong, err)
		}
		return h.values(t, user("user_id", value))
	}
	if a, b := stored("u1"), stored("u2"); a != "paid=1" || b != "" {
		t.Fatalf("u1 has %q, u2 has %q", a, b)
	}
	editor := overrides.New(h.space)
	g, err := editor.ApplyUndo(t.Context(), overrides.Undo{Kind: codec.Isolate, Collection: identity.Users, IDs: []identity.ID{{Type: "user_id", Value: "u1"}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := stored("u2"); got != "paid=1" {
		t.Errorf("u2 has %q", got)
	}
	if _, err := editor.ApplyUndo(t.Context(), overrides.Undo{Remove: g.Override.ID}); err != nil {
		t.Fatal(err)
	}
	if a, b := stored("u1"), stored("u2"); a != "paid=1" || b != "" {
		t.Errorf("taken back, u1 has %q, u2 has %q", a, b)
	}
	want := []string{"complete paid", "computed_set paid 1", "computed_removed paid", "computed_set paid 1"}
	if got := h.told(t); !slices.Equal(got, want) {
		t.Errorf("the feed tells %q, want %q", got, want)
	}
}

// A preview keeps no more of history in memory than it may.
func TestAPreviewOfTooMuch(t *testing.T) {
	defer computed.SetPreviewBytes(500)()
	h := newHouse(t)
	h.ingest(t, jane(t)...)
	if _, err := h.PreviewAudience(t.Context(), []byte(segkicks), "needs_new_shoes", 1); !errors.Is(err, space.ErrTooLarge) {
		t.Errorf("%v", err)
	}
}

// A preview says who would be in an audience, whether its events are in use or not.
func TestPreviewOfAnAudience(t *testing.T) {
	h := newHouse(t)
	h.ingest(t, jane(t)...)
	h.ingest(t, `{"type":"track","event":"Product Added","messageId":"x1","userId":"ann","properties":{"product_id":"shoe-z"}}`)
	preview := func(document, key string) string {
		t.Helper()
		p, err := h.PreviewAudience(t.Context(), []byte(document), key, 1)
		if err != nil {
			return err.Error()
		}
		return fmt.Sprintf("%d %d", p.Members, len(p.Sample))
	}
	check := func() {
		t.Helper()
		for _, c := range []struct{ document, key, want string }{
			{segkicks, "abandoned_cart", "1 1"},
			{segkicks, "needs_new_shoes", "1 1"},
			{segkicks + `  everybody: {when: 'true'}` + "\n", "everybody", "2 1"},
			{segkicks, "nobody", `the audience "nobody": not found in the document`},
		} {
			if got := preview(c.document, c.key); got != c.want {
				t.Errorf("%s: %s, want %s", c.key, got, c.want)
			}
		}
	}
	check()
	if r := h.space.Definitions().Revision; r != 0 {
		t.Errorf("revision %d after previews", r)
	}
	h.apply(t, segkicks)
	check()
	h.settle(t)
	check()
}
