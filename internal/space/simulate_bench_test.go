package space_test

import (
	"context"
	"flag"
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv/pebblekv"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/rules"
)

var people = flag.Int("people", 100_000, "how many people BenchmarkSimulate has")

// spent is how much processor time this process has taken, which other work on
// the machine does not change.
func spent(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkSimulate tries a draft on a space of many people on disk, two strands
// and three identifiers each, a hundredth of them over the draft's limit:
//
//	GOMAXPROCS=1 go test ./internal/space -run xxx -bench Simulate -benchtime 1x -people 1000000
func BenchmarkSimulate(b *testing.B) {
	store, err := pebblekv.Open(b.TempDir(), pebblekv.Options{Logger: quiet})
	if err != nil {
		b.Fatal(err)
	}
	s, err := space.Open(b.Context(), store, space.Config{ID: "dev", Log: quiet, ApplyRules: rules.Apply})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	defer s.Close(context.Background())
	var lines []string
	add := func(p, cookie int) {
		at := time.Unix(1_600_000_000+int64(p), int64(cookie)*1e6).UTC().Format(time.RFC3339Nano)
		lines = append(lines, fmt.Sprintf(`{"type":"track","event":"Clicked","messageId":"m%d-%d","userId":"user-%d","anonymousId":"cookie-%d-%d","timestamp":%q}`, p, cookie, p, p, cookie, at))
		if len(lines) == 3000 {
			ingest(b, s, lines...)
			lines = lines[:0]
		}
	}
	for p := range *people {
		add(p, 0)
		add(p, 1)
		if p%100 == 0 {
			add(p, 2)
		}
	}
	ingest(b, s, lines...)
	draft := identity.Rules{Identifiers: []identity.Identifier{{Type: "user_id"}, {Type: "anonymous_id", Limit: 2, Window: "ever"}}}
	runtime.GC()
	began := spent(b)
	for b.Loop() {
		sim, err := rules.New(s).Simulate(context.Background(), draft, nil)
		if err != nil {
			b.Fatal(err)
		}
		if sim.Users.Before.Profiles != *people || sim.Users.Losing+sim.Users.Split != *people/100 {
			b.Fatalf("%+v", sim.Users)
		}
	}
	b.ReportMetric((spent(b)-began).Seconds()/float64(b.N)/float64(*people)*1e6, "cpu-s/Mprofiles")
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/float64(*people)*1e6, "s/Mprofiles")
}
