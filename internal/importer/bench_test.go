package importer

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/internal/space"
)

// drain is a target that takes everything at once.
type drain struct{ events int }

func (*drain) Mark(context.Context, string) ([]byte, error) { return nil, nil }

func (d *drain) Ingest(_ context.Context, delivery space.Delivery) (space.Receipt, error) {
	d.events += len(delivery.Messages)
	return space.Receipt{Stored: len(delivery.Messages)}, nil
}

// BenchmarkRead measures everything before the space: reading, cutting, parsing.
func BenchmarkRead(b *testing.B) {
	const events = 100_000
	pad := strings.Repeat("x", 500)
	var text strings.Builder
	for i := range events {
		fmt.Fprintf(&text, `{"type":"track","event":"Product Viewed","userId":"u%d","anonymousId":"a%d","messageId":"m%d","timestamp":"2020-01-02T03:04:05.678Z","context":{"device":{"id":"d%d","type":"ios"},"library":{"name":"analytics-ios"},"page":{"url":"%s"}},"properties":{"price":12.5,"currency":"USD"}}`+"\n", i%1000, i%3000, i, i%2000, pad)
	}
	path := filepath.Join(b.TempDir(), "events.ndjson")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		in, err := Open(path, Reading{}, nil)
		if err != nil {
			b.Fatal(err)
		}
		d := &drain{}
		if err := New(d, Options{Source: "web"}).Run(b.Context(), []*Input{in}); err != nil || d.events != events {
			b.Fatal(d.events, err)
		}
	}
	b.ReportMetric(events*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
