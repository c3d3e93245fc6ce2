package space_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/overrides"
)

// crowd fills a space with one profile of strands strands and events events: a
// person with very many cookies.
func crowd(b *testing.B, strands, events int) *space.Space {
	s := newSpace(b, space.Config{Rules: &identity.Rules{
		MaxIdentifiers: 10_000,
		Identifiers:    []identity.Identifier{{Type: "user_id"}, {Type: "anonymous_id", Limit: 10_000, Window: "ever"}},
	}})
	var lines []string
	for i := range events {
		at := time.Unix(1_600_000_000+int64(i)*60, 0).UTC().Format(time.RFC3339)
		lines = append(lines, fmt.Sprintf(`{"type":"track","event":"Clicked","messageId":"m%d","userId":"u1","anonymousId":"a%d","timestamp":%q}`, i, i%strands, at))
		if len(lines) == 2000 {
			ingest(b, s, lines...)
			lines = nil
		}
	}
	ingest(b, s, lines...)
	return s
}

// BenchmarkUndo takes an identifier off a profile of 1,000 strands and 100,000
// events, and puts it back: two changes of overrides an iteration.
func BenchmarkUndo(b *testing.B) {
	s := crowd(b, 1000, 100_000)
	for _, what := range []struct {
		name string
		undo overrides.Undo
	}{
		{"cut", overrides.Undo{Kind: codec.CannotLink, Collection: identity.Users, IDs: ids("user_id:u1", "anonymous_id:a500")}},
		{"isolate-the-person", overrides.Undo{Kind: codec.Isolate, Collection: identity.Users, IDs: ids("user_id:u1")}},
	} {
		b.Run(what.name, func(b *testing.B) {
			var preview, apply, back time.Duration
			for range b.N {
				t0 := time.Now()
				if _, err := overrides.New(s).PreviewUndo(context.Background(), what.undo); err != nil {
					b.Fatal(err)
				}
				t1 := time.Now()
				g, err := overrides.New(s).ApplyUndo(context.Background(), what.undo)
				if err != nil {
					b.Fatal(err)
				}
				t2 := time.Now()
				if _, err := overrides.New(s).ApplyUndo(context.Background(), overrides.Undo{Remove: g.Override.ID}); err != nil {
					b.Fatal(err)
				}
				preview, apply, back = preview+t1.Sub(t0), apply+t2.Sub(t1), back+time.Since(t2)
			}
			b.ReportMetric(preview.Seconds()*1e3/float64(b.N), "preview-ms")
			b.ReportMetric(apply.Seconds()*1e3/float64(b.N), "apply-ms")
			b.ReportMetric(back.Seconds()*1e3/float64(b.N), "takeback-ms")
		})
	}
}
