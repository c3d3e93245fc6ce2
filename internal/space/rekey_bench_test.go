package space_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv/pebblekv"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/rules"
)

// BenchmarkMoveEvents sets rules that look for a card, which every second event
// of -people people has, and then rules that look no more:
//
//	go test ./internal/space -run xxx -bench MoveEvents -benchtime 1x
func BenchmarkMoveEvents(b *testing.B) {
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
	events := 0
	for n := range 4 {
		for p := range *people {
			card := ""
			if n%2 == 1 {
				card = fmt.Sprintf(`,"properties":{"card":"c%d"}`, p)
			}
			at := time.Unix(1_600_000_000+int64(p), int64(n)*1e6).UTC().Format(time.RFC3339Nano)
			lines = append(lines, fmt.Sprintf(`{"type":"track","event":"Clicked","messageId":"m%d-%d","userId":"user-%d","anonymousId":"cookie-%d-%d","timestamp":%q%s}`, p, n, p, p, n/2, at, card))
			if len(lines) == 3000 {
				ingest(b, s, lines...)
				events += len(lines)
				lines = lines[:0]
			}
		}
	}
	ingest(b, s, lines...)
	events += len(lines)
	var there, back time.Duration
	for b.Loop() {
		for i, r := range []identity.Rules{
			{Identifiers: []identity.Identifier{{Type: "user_id"}, {Type: "card", Key: "card"}}},
			{},
		} {
			began := time.Now()
			if err := s.SetRules(context.Background(), r, nil); err != nil {
				b.Fatal(err)
			}
			if err := s.AwaitRules(context.Background()); err != nil {
				b.Fatal(err)
			}
			if took := time.Since(began); i == 0 {
				there += took
			} else {
				back += took
			}
		}
	}
	b.ReportMetric(there.Seconds()/float64(b.N)/float64(events)*1e6, "s/Mevents-found")
	b.ReportMetric(back.Seconds()/float64(b.N)/float64(events)*1e6, "s/Mevents-back")
}
