package space_test

import (
	"bytes"
	"context"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/kv/pebblekv"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/query"
	"github.com/selfsame-id/selfsame/test/population"
)

// BenchmarkIngest takes shoppers' events into a store on disk, 100 a delivery,
// 32 at a time. Its figure is per event.
func BenchmarkIngest(b *testing.B) {
	store, err := pebblekv.Open(b.TempDir(), pebblekv.Options{Logger: quiet})
	if err != nil {
		b.Fatal(err)
	}
	s, err := space.Open(b.Context(), store, space.Config{ID: "dev", Log: quiet})
	if err != nil {
		b.Fatal(err)
	}
	const batch = 100
	stream := population.Config{Seed: 1, Events: b.N}.Stream()
	var deliveries [][][]byte
	for i := 0; i < b.N; i += batch {
		var d [][]byte
		for range min(batch, b.N-i) {
			d = append(d, append([]byte(nil), stream.Next()...))
		}
		deliveries = append(deliveries, d)
	}
	var before, after syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	b.ResetTimer()
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
	b.StopTimer()
	syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	cpu := after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()
	b.ReportMetric(float64(cpu)/float64(b.N)/1e3, "cpu-µs/event")
	st := s.Stats()
	b.ReportMetric(float64(st.Strands)/float64(st.Events), "strands/event")
	b.ReportMetric(float64(st.Replays)/float64(st.Events), "replays/event")
	b.ReportMetric(float64(st.Profiles), "profiles")
	b.ReportMetric(float64(st.Events)/float64(st.Commits), "events/commit")
	b.ReportMetric(st.PlanSeconds/float64(st.Events)*1e6, "plan-µs/event")
	b.ReportMetric(st.CommitSeconds/float64(st.Events)*1e6, "commit-µs/event")
	s.Close(context.Background())
	store.Close()
}

// BenchmarkLook reads random shoppers' profiles, each of them anew, or as they are kept
// once they were read.
func BenchmarkLook(b *testing.B) {
	store, err := pebblekv.Open(b.TempDir(), pebblekv.Options{Logger: quiet})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	s, err := space.Open(b.Context(), store, space.Config{ID: "dev", Log: quiet})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close(context.Background())
	cfg := population.Config{Seed: 1, People: 20_000}
	stream := cfg.Stream()
	d := space.Delivery{Source: "web"}
	for raw := stream.Next(); raw != nil; raw = stream.Next() {
		m, err := event.Parse(bytes.Clone(raw), event.Envelope{ReceivedAt: time.Now().UnixNano()})
		if err != nil {
			b.Fatal(err)
		}
		if d.Messages = append(d.Messages, m); len(d.Messages) == 4000 {
			if _, err := s.Ingest(b.Context(), d); err != nil {
				b.Fatal(err)
			}
			d.Messages = nil
		}
	}
	if _, err := s.Ingest(b.Context(), d); err != nil {
		b.Fatal(err)
	}
	for _, keep := range []int64{0, 256 << 20} {
		r := query.New(s)
		r.KeepProfiles(keep)
		each := func(name string, read func(space.Ref) error) {
			b.Run(name+map[bool]string{true: "/kept"}[keep > 0], func(b *testing.B) {
				for i := 0; b.Loop(); i++ {
					k := cfg.Key(i * 7919 % 20_000)
					if err := read(user(k.Type, k.Value)); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		part := func(want query.Part) func(space.Ref) error {
			return func(ref space.Ref) error {
				_, err := r.ReadProfile(b.Context(), ref, want)
				return err
			}
		}
		each("traits", part(query.PartTraits))
		each("external_ids", part(query.PartIdentifiers))
		each("metadata", part(query.PartMetadata))
		each("events", func(ref space.Ref) error {
			_, err := r.Events(b.Context(), ref, query.EventQuery{Limit: 10})
			return err
		})
	}
}
