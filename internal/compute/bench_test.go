package compute

import (
	"bytes"
	"fmt"
	"syscall"
	"testing"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/test/population"
)

// shop has twenty traits and ten audiences over the events of the population.
const shop = `
traits:
  orders:        {event: Order Completed, kind: count}
  revenue:       {event: Order Completed, kind: sum, property: properties.revenue}
  revenue_90d:   {event: Order Completed, kind: sum, property: properties.revenue, window: 90d}
  basket:        {event: Order Completed, kind: average, property: properties.revenue}
  biggest:       {event: Order Completed, kind: maximum, property: properties.revenue}
  first_order:   {event: Order Completed, kind: first, property: properties.order_id}
  last_order:    {event: Order Completed, kind: last, property: properties.order_id}
  viewed:        {event: Product Viewed, kind: count}
  viewed_30d:    {event: Product Viewed, kind: count, window: 30d}
  viewed_dear:   {event: Product Viewed, kind: count, where: properties.price > 100}
  favourite:     {event: Product Viewed, kind: most_frequent, property: properties.category, window: 90d}
  categories:    {event: Product Viewed, kind: unique_list, property: properties.category}
  products:      {event: Product Viewed, kind: unique_count, property: properties.product_id}
  brands:        {event: [Product Viewed, Product Added], kind: unique_list, property: properties.brand, where: properties.currency == "USD"}
  added:         {event: Product Added, kind: count, window: 7d}
  cart_left:     {event: Product Added, kind: unmatched, property: properties.product_id, without: {event: Order Completed, property: "properties.products[].product_id"}, match: later}
  looked:        {event: Product Viewed, kind: unmatched, property: properties.product_id, without: {event: Order Completed, property: "properties.products[].product_id"}, match: ever}
  checkout:      {kind: funnel, steps: [{event: Checkout Started}, {event: Order Completed}], within: 1h}
  since_order:   {kind: since, of: {event: Product Viewed, kind: count}, last: {event: Order Completed}}
  pages_session: {type: page, event: "*", kind: count, window: {session: 30m}}
audiences:
  buyers:      {when: traits.orders >= 1}
  vips:        {when: traits.revenue > 1000 && traits.orders > 3}
  abandoned:   {when: size(traits.cart_left) > 0}
  browsers:    {when: traits.viewed_30d >= 5 && traits.orders == 0}
  recent:      {when: 'events("Order Completed", revenue > 50).within("7d").count() >= 1'}
  lapsed:      {when: 'traits.orders > 0 && events("Order Completed").within("90d").count() == 0'}
  shoes:       {when: '"Shoes" in traits.categories'}
  named:       {when: has(identifiers.email), anonymous: false}
  dear:        {when: traits.viewed_dear >= 3 && audiences.browsers}
  both:        {when: audiences.vips && audiences.recent}
`

// populationMessages are parsed events of the population.
func populationMessages(tb testing.TB, n int) []event.Message {
	tb.Helper()
	config := population.Config{Seed: 1, Events: n}
	var out []event.Message
	for _, line := range bytes.Split(bytes.TrimSpace(config.NDJSON()), []byte("\n")) {
		m, err := event.Parse(line, event.Envelope{ReceivedAt: nanos(tb, "2026-01-01T00:00:00Z")})
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, m)
	}
	return out
}

// processor is the processor time that the process has used, in nanoseconds; what an op
// takes of it is a measure on a busy machine too.
func processor(tb testing.TB) int64 {
	tb.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		tb.Fatal(err)
	}
	return used.Utime.Nano() + used.Stime.Nano()
}

// reportProcessor reports it for a benchmark's ops since it was from.
func reportProcessor(b *testing.B, from int64) {
	b.ReportMetric(float64(processor(b)-from)/float64(b.N), "cpu-ns/op")
}

// BenchmarkExtract takes rows out of the population's events: op is an event.
func BenchmarkExtract(b *testing.B) {
	messages := populationMessages(b, 5000)
	for _, c := range []struct{ name, document string }{
		{"shop", shop},
		{"none", `traits: {x: {event: Never, kind: count}, y: {event: "* Nevermore", kind: count}}`},
	} {
		b.Run(c.name, func(b *testing.B) {
			set := compiled(b, c.document)
			var taken Taken
			rows, size := 0, 0
			b.ReportAllocs()
			defer reportProcessor(b, processor(b))
			for i := range b.N {
				taken.Reset()
				set.Extract(&messages[i%len(messages)], "app", &taken)
				rows += len(taken.Rows)
				for j := range taken.Rows {
					size += len(taken.Rows[j].Value)
				}
			}
			b.ReportMetric(float64(rows)/float64(b.N), "rows/op")
			b.ReportMetric(float64(size)/float64(max(1, rows)), "bytes/row")
		})
	}
}

// manyRows are rows of a document's streams, one a minute from start on, in turn.
func manyRows(set *Set, n int) []Row {
	rows := make([]Row, n)
	streams := set.InUse()
	for i := range rows {
		s := streams[i%len(streams)]
		at := start + int64(i)*60*second
		rows[i] = Row{Stream: s.ID, At: event.Moment{Time: at, ReceivedAt: at, Arrival: event.NewBlock(uint64(i+1), 1).At(0)}}
		switch set.byID[s.ID].take {
		case takeNumber:
			rows[i].Value = appendValue(nil, fmt.Sprintf("%d.%d", i%100, i%10))
		case takeText:
			rows[i].Value = appendValue(nil, fmt.Sprintf("value-%d", i%1000))
		case takeJSON:
			rows[i].Value = appendValue(nil, fmt.Sprintf(`"value-%d"`, i%1000))
		case takePresence:
			rows[i].Value = []byte{0}
		}
	}
	return rows
}

// BenchmarkEval evaluates a profile: op is an evaluation, from its rows and from a memo
// that gets one more row.
func BenchmarkEval(b *testing.B) {
	set := compiled(b, shop)
	for _, n := range []int{3, 20, 1000, 100_000} {
		rows := manyRows(set, n)
		list := NewRowList(rows)
		now := rows[n-1].At.Time + second
		b.Run(fmt.Sprintf("rows=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			defer reportProcessor(b, processor(b))
			for b.Loop() {
				if _, err := set.Eval(list, users, now); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("memo=%d", n), func(b *testing.B) {
			memo := set.NewMemo(identity.Users)
			if _, err := memo.Eval(list, users, now); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ReportMetric(float64(len(memo.Head())), "bytes/head")
			at := now
			defer reportProcessor(b, processor(b))
			for i := 0; b.Loop(); i++ {
				row := rows[i%n]
				at += second
				row.At.Time, row.At.ReceivedAt = at, at
				memo.Add(&row)
				if _, err := memo.Eval(list, users, at); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkLargeProfile adds an event to a profile of a million events that are used: op
// is an event and its evaluation, from a memo.
func BenchmarkLargeProfile(b *testing.B) {
	set := compiled(b, `
traits:
  since: {kind: since, of: {event: A, kind: sum, property: properties.x}, last: {event: B}}
  left:  {event: C, kind: unmatched, property: properties.y, without: {event: D, property: properties.y}}
  fun:   {kind: funnel, steps: [{event: C}, {event: D}], by: properties.y}
audiences:
  many:  {when: size(traits.left) > 10 && traits.since > 1000}
`)
	const n = 1_000_000
	rows := make([]Row, n)
	streams := set.InUse()
	for i := range rows {
		s := streams[i%len(streams)]
		at := start + int64(i)*second
		rows[i] = Row{Stream: s.ID, At: event.Moment{Time: at, ReceivedAt: at, Arrival: event.NewBlock(uint64(i+1), 1).At(0)}}
		switch set.byID[s.ID].take {
		case takeNumber:
			rows[i].Value = appendValue(nil, "6.2")
		case takeText:
			rows[i].Value = appendValue(nil, fmt.Sprintf("value-%d", i/len(streams)))
		}
	}
	list := NewRowList(rows)
	at := rows[n-1].At.Time
	for _, r := range list {
		at = max(at, r.At.Time)
	}
	memo := set.NewMemo(identity.Users)
	from := processor(b)
	if _, err := memo.Eval(list, users, at+1); err != nil {
		b.Fatal(err)
	}
	b.Logf("from rows: %d ms; memo %d MB", (processor(b)-from)/1e6, memo.Size()>>20)
	stored := shelf{}
	from = processor(b)
	memo.Keep(stored)
	memo.Flush(stored.take)
	b.Logf("%d entries are stored: %d ms", len(stored), (processor(b)-from)/1e6)
	b.ReportAllocs()
	defer reportProcessor(b, processor(b))
	b.ResetTimer()
	for i := range b.N {
		row := rows[i%1000]
		at += second
		row.At.Time, row.At.ReceivedAt = at, at
		memo.Add(&row)
		if _, err := memo.Eval(list, users, at); err != nil {
			b.Fatal(err)
		}
	}
}
