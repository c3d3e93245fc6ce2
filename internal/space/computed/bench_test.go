package computed_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/kv/pebblekv"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/computed"
	"github.com/selfsame-id/selfsame/test/population"
)

// processor is the processor time that the process has used.
func processor() time.Duration {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used) // it does not fail on itself
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// pour ingests n shoppers' events, 100 a delivery, 32 at a time.
func pour(b *testing.B, s *space.Space, deliveries [][][]byte) {
	next := make(chan [][]byte, len(deliveries))
	for _, d := range deliveries {
		next <- d
	}
	close(next)
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for raws := range next {
				d := space.Delivery{Source: "web", Messages: make([]event.Message, 0, len(raws))}
				now := time.Now().UnixNano()
				for _, raw := range raws {
					m, err := event.Parse(raw, event.Envelope{ReceivedAt: now})
					if err != nil {
						b.Error(err)
						return
					}
					d.Messages = append(d.Messages, m)
				}
				if _, err := s.Ingest(context.Background(), d); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func shoppers(n int) (deliveries [][][]byte) {
	stream := population.Config{Seed: 1, Events: n}.Stream()
	for i := 0; i < n; i += 100 {
		var d [][]byte
		for range min(100, n-i) {
			d = append(d, append([]byte(nil), stream.Next()...))
		}
		deliveries = append(deliveries, d)
	}
	return deliveries
}

// BenchmarkHistory computes one trait over history. An op is an event that is stored.
func BenchmarkHistory(b *testing.B) {
	store, err := pebblekv.Open(b.TempDir(), pebblekv.Options{Logger: quiet})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	s, err := space.Open(b.Context(), store, space.Config{ID: "dev", Log: quiet, Compile: computed.Compile})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close(context.Background())
	c := computed.New(s, computed.Config{Idle: true})
	pour(b, s, shoppers(b.N))
	if _, err := c.ApplyDefinitions(b.Context(), []byte(`traits: {revenue: {event: Order Completed, kind: sum, property: properties.revenue}}`), nil); err != nil {
		b.Fatal(err)
	}
	before := processor()
	b.ResetTimer()
	for more := true; more; {
		if more, err = c.Step(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(processor()-before)/float64(b.N)/1e3, "cpu-µs/event")
}

// BenchmarkIngest takes shoppers' events without definitions, with twenty traits and ten
// audiences whose rows are written only, and with these evaluated to the end.
func BenchmarkIngest(b *testing.B) {
	shop, err := os.ReadFile("testdata/shop.yaml")
	if err != nil {
		b.Fatal(err)
	}
	for _, mode := range []string{"none", "rows", "evaluated"} {
		b.Run(mode, func(b *testing.B) {
			store, err := pebblekv.Open(b.TempDir(), pebblekv.Options{Logger: quiet})
			if err != nil {
				b.Fatal(err)
			}
			defer store.Close()
			s, err := space.Open(b.Context(), store, space.Config{ID: "dev", Log: quiet, Compile: computed.Compile})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close(context.Background())
			c := computed.New(s, computed.Config{Idle: mode != "evaluated"})
			if mode != "none" {
				if _, err := c.ApplyDefinitions(b.Context(), shop, nil); err != nil {
					b.Fatal(err)
				}
			}
			deliveries := shoppers(b.N)
			before := processor()
			b.ResetTimer()
			pour(b, s, deliveries)
			b.StopTimer()
			took := b.Elapsed()
			b.ReportMetric(float64(processor()-before)/float64(b.N)/1e3, "cpu-µs/event")
			b.ReportMetric(float64(b.N)/took.Seconds(), "events/s")
			if mode == "evaluated" {
				began := time.Now()
				for !c.CaughtUp(b.Context()) {
					time.Sleep(10 * time.Millisecond)
				}
				b.ReportMetric(time.Since(began).Seconds(), "s-behind")
				b.ReportMetric(float64(processor()-before)/float64(b.N)/1e3, "cpu-all-µs/event")
			}
		})
	}
}

// BenchmarkTimers evaluates profiles whose windows close at the same time: an op is a
// profile that leaves an audience. A million of them within an hour take cpu-µs/profile
// seconds of that hour's processor time.
func BenchmarkTimers(b *testing.B) {
	store, err := pebblekv.Open(b.TempDir(), pebblekv.Options{Logger: quiet})
	if err != nil {
		b.Fatal(err)
	}
	h := open(b, store, space.Config{})
	h.apply(b, `
traits:
  seen: {event: Seen, kind: count, window: 1d}
audiences:
  active: {when: traits.seen > 0}
`)
	at := h.now.UTC().Format(time.RFC3339)
	for i := 0; i < b.N; i += 1000 {
		var lines []string
		for k := range min(1000, b.N-i) {
			lines = append(lines, fmt.Sprintf(`{"type":"track","event":"Seen","messageId":"m%d","userId":"u%d","timestamp":%q}`, i+k, i+k, at))
		}
		h.ingest(b, lines...)
	}
	h.settle(b)
	h.set(h.now.Add(25 * time.Hour))
	before := processor()
	b.ResetTimer()
	h.settle(b)
	b.StopTimer()
	b.ReportMetric(float64(processor()-before)/float64(b.N)/1e3, "cpu-µs/profile")
}
