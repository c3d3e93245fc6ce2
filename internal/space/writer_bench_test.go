package space

import (
	"bytes"
	"log/slog"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/kv/pebblekv"
	"github.com/selfsame-id/selfsame/test/population"
)

// BenchmarkWriter is what only the one writer of a space can do with shoppers' events:
// deciding, and handing the commit to the store. Parsing, promotion, packing, syncing
// and compaction, which other goroutines do, are not in it. Its figure is the CPU of the
// writer's own thread, which other work on the machine hardly changes:
//
//	go test ./internal/space -run xxx -bench Writer -benchtime 400000x
func BenchmarkWriter(b *testing.B) {
	for _, c := range []struct {
		name  string
		round int // deliveries in a commit, of 100 events
	}{{"32", 32}, {"8", 8}} {
		b.Run(c.name+"_deliveries", func(b *testing.B) { benchWriter(b, c.round) })
	}
}

func benchWriter(b *testing.B, round int) {
	quiet := slog.New(slog.DiscardHandler)
	store, err := pebblekv.Open(b.TempDir(), pebblekv.Options{Logger: quiet})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	s, err := Open(b.Context(), store, Config{ID: "dev", Log: quiet})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close(b.Context())
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	const size = 100
	stream := population.Config{Seed: 1}.Stream()
	var cpu time.Duration
	var before, after runtime.MemStats
	var allocated uint64
	events := 0
	for events < b.N {
		var ws []*ingestRequest
		for range round {
			w := &ingestRequest{done: make(chan outcome, 1), delivery: Delivery{Source: "web"}}
			now := time.Now().UnixNano()
			for range size {
				m, err := event.Parse(bytes.Clone(stream.Next()), event.Envelope{ReceivedAt: now})
				if err != nil {
					b.Fatal(err)
				}
				w.delivery.Messages = append(w.delivery.Messages, m)
			}
			s.prepare(w)
			ws = append(ws, w)
		}
		runtime.ReadMemStats(&before)
		began := threadCPU(b)
		s.writing.Lock()
		err := s.commit(ws)
		s.writing.Unlock()
		cpu += threadCPU(b) - began
		runtime.ReadMemStats(&after)
		if err != nil {
			b.Fatal(err)
		}
		allocated += after.Mallocs - before.Mallocs
		events += round * size
	}
	n := float64(events)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(cpu.Nanoseconds())/n/1e3, "serial-µs/event")
	b.ReportMetric(float64(allocated)/n, "allocs/event")
	st := s.Stats()
	b.ReportMetric(float64(st.Strands)/float64(st.Events), "strands/event")
}

// threadCPU is what this thread has used, in user and kernel mode.
func threadCPU(b *testing.B) time.Duration {
	const thread = 1 // RUSAGE_THREAD of Linux
	var u syscall.Rusage
	if err := syscall.Getrusage(thread, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
