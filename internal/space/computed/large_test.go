package computed_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// BenchmarkLargeProfile takes one event after the other of a profile that has very many,
// and evaluates each, by what it remembers and after every tenth by what is stored; then
// the profile is read. Its figures are what an event and a read cost, with an unbounded
// since and unmatched.
func BenchmarkLargeProfile(b *testing.B) {
	const events = 1_000_000
	h := newHouse(b)
	h.apply(b, `
traits:
  seen_since_paid: {kind: since, of: {event: Seen, kind: count}, last: {event: Paid}}
  wanted: {kind: unmatched, event: Seen, property: properties.item, without: {event: Paid, property: properties.item}, match: later}
audiences:
  wanting: {when: size(traits.wanted) > 3}
`)
	at := h.now.Add(-events * time.Second)
	n := 0
	next := func() string {
		n++
		at = at.Add(time.Second)
		name := "Seen"
		if n%1000 == 0 {
			name = "Paid"
		}
		return fmt.Sprintf(`{"type":"track","event":%q,"messageId":"m%d","userId":"u","properties":{"item":"i%d"},"timestamp":%q}`, name, n, n%5000, at.UTC().Format(time.RFC3339))
	}
	began := time.Now()
	for range events / 1000 {
		var lines []string
		for range 1000 {
			lines = append(lines, next())
		}
		h.ingest(b, lines...)
		h.settle(b)
	}
	b.Logf("%d events took %v", events, time.Since(began))
	h.set(h.now.Add(time.Duration(b.N+1) * time.Second))
	var took, opened, read []time.Duration
	b.ResetTimer()
	for i := range b.N {
		to := &took
		if i%10 == 9 {
			h.Forget()
			to = &opened
		}
		h.ingest(b, next())
		began := time.Now()
		h.settle(b)
		*to = append(*to, time.Since(began))
		began = time.Now()
		h.values(b, user("user_id", "u"))
		read = append(read, time.Since(began))
	}
	b.StopTimer()
	for name, took := range map[string][]time.Duration{"event": took, "opened": opened, "read": read} {
		if len(took) > 0 {
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1e3, "ms-p99-"+name)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1e3, "ms-p50-"+name)
		}
	}
	if got := h.values(b, user("user_id", "u")); !strings.Contains(got, "wanted=") {
		b.Errorf("got %.100s", got)
	}
}
