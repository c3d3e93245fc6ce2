package compute

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
)

const segkicks = `
traits:
  orders:  {event: Order Completed, kind: count}
  revenue: {event: Order Completed, kind: sum, property: properties.revenue}
  miles_since_shoes:
    name: Miles since the last shoes
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
  checkout_to_order: {kind: funnel, steps: [{event: Product Added}, {event: Order Completed}], within: 1h, by: properties.cart_id}
  favourite: {event: Product Viewed, kind: most_frequent, property: properties.category, window: 90d, minimum: 2}
audiences:
  needs_new_shoes:        {when: traits.miles_since_shoes >= 300}
  looked_but_did_not_buy: {when: size(traits.looked_not_bought) > 0}
  abandoned_cart:         {when: size(traits.cart_left) > 0}
  vip: {when: 'events("Order Completed", revenue > 50).within("7d").count() >= 1 && identifiers.user_id.size() > 0 && audiences.needs_new_shoes'}
`

// compiled compiles a document that has no mistakes.
func compiled(t testing.TB, text string) *Set {
	t.Helper()
	doc, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	set, err := Compile(doc, Streams{}, Names{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// janeRows are the rows of the example's events, with arrival numbers in their order.
func janeRows(t testing.TB, set *Set) RowList {
	t.Helper()
	text, err := os.ReadFile("../../examples/jane.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	var taken Taken
	seen := map[string]bool{}
	for i, line := range bytes.Split(bytes.TrimSpace(text), []byte("\n")) {
		m, err := event.Parse(line, event.Envelope{ReceivedAt: nanos(t, "2024-01-01T00:00:00Z")})
		if err != nil {
			t.Fatal(err)
		}
		if seen[m.MessageID] {
			continue
		}
		seen[m.MessageID] = true
		from := len(taken.Rows)
		set.Extract(&m, "app", &taken)
		for j := range taken.Rows[from:] {
			taken.Rows[from+j].At.Arrival = event.NewBlock(1, 1).At(i)
		}
	}
	return NewRowList(taken.Rows)
}

func nanos(t testing.TB, s string) int64 {
	t.Helper()
	n, ok := event.ParseTime(s)
	if !ok {
		t.Fatal(s)
	}
	return n
}

// shown writes a result for people.
func shown(r Result) string {
	var b bytes.Buffer
	for _, v := range r.Traits {
		if v.JSON != nil {
			fmt.Fprintf(&b, "%s %s\n", v.Key, v.JSON)
		}
	}
	for _, a := range r.Audiences {
		if a.In {
			fmt.Fprintf(&b, "in %s\n", a.Key)
		}
	}
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "problem of %s: %s\n", p.Key, p.Problem)
	}
	return b.String()
}

func TestJane(t *testing.T) {
	set := compiled(t, segkicks)
	rows := janeRows(t, set)
	in := &Input{Collection: identity.Users}
	for _, c := range []struct{ now, want string }{
		{"2024-01-01T00:00:00Z", `cart_left []
checkout_to_order 0
looked_not_bought ["shoe-a","shoe-b"]
miles_since_shoes 314.6
orders 2
revenue 248
in looked_but_did_not_buy
in needs_new_shoes
`},
		{"2019-11-16T08:00:00Z", `cart_left ["shoe-c"]
checkout_to_order 0
looked_not_bought ["shoe-a","shoe-b","shoe-c"]
orders 1
revenue 129
in abandoned_cart
in looked_but_did_not_buy
`},
		{"2019-11-01T00:00:00Z", ``},
	} {
		got, err := set.Eval(rows, in, nanos(t, c.now))
		if err != nil {
			t.Fatal(err)
		}
		if s := shown(got); s != c.want {
			t.Errorf("as of %s:\n%s\nwant\n%s", c.now, s, c.want)
		}
	}
}
