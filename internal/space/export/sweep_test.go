package export

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv/kvtest"
	"github.com/selfsame-id/selfsame/internal/space"
)

// What is put together by reading whole tables is, byte for byte, what looking up each
// profile makes, however much is taken at once; and nothing is left of it.
func TestASweepExportsTheSame(t *testing.T) {
	s, err := space.Open(t.Context(), kvtest.NewMemory().Open(), space.Config{ID: "dev", Log: slog.New(slog.DiscardHandler), CacheBytes: 4 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	var d space.Delivery
	d.Source = "src"
	put := func(line string) {
		m, err := event.Parse([]byte(line), event.Envelope{ReceivedAt: time.Now().UnixNano()})
		if err != nil {
			t.Fatal(err)
		}
		d.Messages = append(d.Messages, m)
	}
	for i := range 700 {
		at := time.Date(2020, 1, 1, 0, 0, i, 0, time.UTC).Format(time.RFC3339)
		put(fmt.Sprintf(`{"type":"track","event":"Seen","messageId":"a%d","anonymousId":"anon-%d","timestamp":%q,"context":{"groupId":"firm-%d"}}`, i, i, at, i%7))
		switch i % 5 {
		case 0: // never known
		case 1: // two devices of one person, merged
			put(fmt.Sprintf(`{"type":"identify","messageId":"b%d","userId":"user-%d","anonymousId":"anon-%d","timestamp":%q,"traits":{"n":%d,"email":"p%d@example.com"}}`, i, i/10, i, at, i, i/10))
		case 2: // a device that very many share, and a trait that is taken away
			put(fmt.Sprintf(`{"type":"identify","messageId":"c%d","userId":"kiosk-%d","anonymousId":"shared","timestamp":%q,"traits":{"plan":null,"n":%d}}`, i, i, at, i))
		case 3:
			put(fmt.Sprintf(`{"type":"group","messageId":"d%d","userId":"user-%d","groupId":"firm-%d","timestamp":%q,"traits":{"size":%d}}`, i, i/10, i%7, at, i))
		}
	}
	if _, err := s.Ingest(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	swept := 0
	export := func(q Request, sizes sweepSizes) string {
		t.Helper()
		x := New(s, dir)
		x.sizes = sizes
		e, err := x.Export(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		if is, err := e.sweeps(t.Context()); err != nil {
			t.Fatal(err)
		} else if is {
			swept++
		}
		var b bytes.Buffer
		var last Status
		if err := e.Write(t.Context(), &b, func(s Status) { last = s }); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%+v\n%s", last, b.String())
	}
	for _, q := range []Request{
		{Kind: Profiles, Format: NDJSON},
		{Kind: Profiles, Format: CSV, Where: `traits.n > 100`, Columns: []string{"email", "n"}},
		{Kind: Identifiers, Format: NDJSON},
		{Kind: Profiles, Format: NDJSON, Collection: identity.Accounts},
	} {
		want := export(q, sweepSizes{least: 1 << 40})
		if len(want) < 1000 && q.Collection != identity.Accounts || len(want) < 300 {
			t.Fatalf("%+v: %s", q, want)
		}
		for _, sizes := range []sweepSizes{{bucket: 4096, ids: 1 << 20, buckets: 256}, {bucket: 16, ids: 1 << 20, buckets: 256}, {bucket: 7, ids: 100, buckets: 5}} {
			if got := export(q, sizes); got != want {
				t.Errorf("%+v, %+v: got\n%.2000s\nwant\n%.2000s", q, sizes, got, want)
			}
		}
	}
	if swept != 12 {
		t.Errorf("%d sweeps", swept)
	}
	// One that ends early leaves nothing behind either.
	x := New(s, dir)
	x.sizes = sweepSizes{bucket: 16, ids: 1 << 20, buckets: 256}
	e, err := x.Export(t.Context(), Request{Kind: Profiles, Format: NDJSON})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	ctx, cancel := context.WithCancel(t.Context())
	if err := e.Write(ctx, &bytes.Buffer{}, func(Status) { cancel() }); err == nil {
		t.Error("it went on")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v, %v are left", left, err)
	}
}

// IDs that begin alike are told apart.
func TestOwnersByPrefix(t *testing.T) {
	var o ownership
	for i := range 1000 {
		o.ids = append(o.ids, owned{uint64(i%500) << 50, uint32(i)})
	}
	o.sort()
	for i := range 500 {
		h := identity.Hash{}
		for k := range 8 {
			h[k] = byte(uint64(i) << 50 >> (56 - 8*k))
		}
		got := o.of(h)
		if len(got) != 2 || got[0].profile%500 != uint32(i) || got[1].profile%500 != uint32(i) {
			t.Fatalf("%d: %v", i, got)
		}
		h[7]++
		if got := o.of(h); len(got) != 0 {
			t.Fatalf("%d: %v", i, got)
		}
	}
}
