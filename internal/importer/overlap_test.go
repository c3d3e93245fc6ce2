package importer

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv/kvtest"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/query"
	"github.com/selfsame-id/selfsame/internal/space/rejects"
)

// A file that overlaps what is stored, long after the dedupe window, counts once,
// in whatever order its lines are. An ID that another event had is kept with its
// reason and never dropped in silence.
func TestOverlapWithTheWholeStore(t *testing.T) {
	store := kvtest.NewMemory().Open()
	t.Cleanup(func() { _ = store.Close() })
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s, err := space.Open(t.Context(), store, space.Config{
		ID: "dev", CacheBytes: 4 << 20, ScratchDir: t.TempDir(), Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	line := func(i int, name string) string {
		return fmt.Sprintf(`{"type":"track","event":%q,"userId":"u%d","messageId":"m%d","timestamp":"2025-06-01T00:00:00Z"}`+"\n", name, i%50, i)
	}
	const lines = 2000
	var live []event.Message
	for i := 0; i < lines; i += 2 {
		m, err := event.Parse([]byte(line(i, "Seen")), event.Envelope{ReceivedAt: now.UnixNano()})
		if err != nil {
			t.Fatal(err)
		}
		live = append(live, m)
	}
	if _, err := s.Ingest(t.Context(), space.Delivery{Source: "web", Messages: live}); err != nil {
		t.Fatal(err)
	}
	now = now.Add(72 * time.Hour)

	var text strings.Builder
	for i := range lines {
		i = i * 1009 % lines // no order
		name := "Seen"
		if i%100 == 0 {
			name = "Bought"
		}
		text.WriteString(line(i, name))
	}
	im := New(s, Options{Source: "web", Dedupe: space.DedupeOld, Now: func() time.Time { return now }, block: 64 << 10})
	got := run(t, im, input(t, write(t, "history.ndjson", text.String())))
	if got.Events != lines/2 || got.Repeats != lines/2-lines/100 || got.Used != lines/100 || got.Compared != lines || got.Rejected() != 0 {
		t.Errorf("%+v", got)
	}
	page, err := s.Rejects(t.Context(), rejects.Query{Code: string(event.IDUsed), Limit: 1000, Bodies: true})
	if err != nil || len(page.Rejects) != lines/100 {
		t.Fatalf("%d are kept, %v", len(page.Rejects), err)
	}
	for _, r := range page.Rejects {
		if !strings.Contains(string(r.Body), `"Bought"`) || r.Source != "web" {
			t.Errorf("%+v", r)
		}
	}
	events, err := query.New(s).Events(t.Context(), space.Ref{Collection: identity.Users, Type: "user_id", Value: "u0"}, query.EventQuery{Limit: 1000})
	if err != nil || len(events.Events) != lines/50 {
		t.Errorf("%d events of u0, %v", len(events.Events), err)
	}
}
