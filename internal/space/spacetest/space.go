package spacetest

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/kv/kvtest"
	"github.com/selfsame-id/selfsame/internal/kv/pebblekv"
	"github.com/selfsame-id/selfsame/internal/kv/pgkv"
	"github.com/selfsame-id/selfsame/internal/kv/pgkv/pgtest"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/query"
	"github.com/selfsame-id/selfsame/internal/space/rules"
)

// Quiet logs nothing.
var Quiet = slog.New(slog.DiscardHandler)

// Seeds is how many random worlds a test makes. The race detector, which slows
// them down tenfold, looks at a sixth of them, and -short at a third; `make test`
// runs all of them.
func Seeds(n uint64) uint64 {
	switch {
	case Raced:
		return (n + 5) / 6
	case testing.Short():
		return (n + 2) / 3
	}
	return n
}

// Disk opens the store that lies on it, each time what was committed before.
type Disk func(t testing.TB) kv.Store

// MemoryDisk is the quick one.
func MemoryDisk() Disk {
	m := kvtest.NewMemory()
	return func(testing.TB) kv.Store { return m.Open() }
}

// PebbleDisk is the embedded store on files in memory.
func PebbleDisk() Disk {
	fs := vfs.NewMem()
	return func(t testing.TB) kv.Store {
		t.Helper()
		store, err := pebblekv.Open("data", pebblekv.Options{FS: fs, Logger: Quiet, MemtableBytes: 4 << 20, CacheBytes: 8 << 20, ReserveBytes: -1})
		if err != nil {
			t.Fatal(err)
		}
		return store
	}
}

// OpenShared opens the store of a PostgreSQL server, as one of its nodes.
func OpenShared(t testing.TB, server *pgtest.Server) kv.Store {
	t.Helper()
	store, err := pgkv.Open(t.Context(), pgtest.URL(fmt.Sprint("127.0.0.1:", server.Port)), pgkv.Options{Logger: Quiet, PoolSize: 6})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// Open opens a space on a store. An ID of "" is "dev".
func Open(t testing.TB, store kv.Store, cfg space.Config) *space.Space {
	t.Helper()
	if cfg.ID == "" {
		cfg.ID = "dev"
	}
	if cfg.CacheBytes == 0 {
		cfg.CacheBytes = 4 << 20 // hundreds are opened, and the race detector shadows every byte
	}
	cfg.Log = Quiet
	cfg.ApplyRules = rules.Apply
	s, err := space.Open(t.Context(), store, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// New opens a space on a store of its own, in memory.
func New(t testing.TB, cfg space.Config) *space.Space {
	t.Helper()
	store := MemoryDisk()(t)
	s := Open(t, store, cfg)
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Parse reads a message as it was sent.
func Parse(t testing.TB, line string) event.Message {
	t.Helper()
	m, err := event.Parse([]byte(line), event.Envelope{ReceivedAt: time.Now().UnixNano()})
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return m
}

// Ingest delivers messages in one request of the source "src".
func Ingest(t testing.TB, s *space.Space, lines ...string) space.Receipt {
	t.Helper()
	d := space.Delivery{Source: "src"}
	for _, l := range lines {
		d.Messages = append(d.Messages, Parse(t, l))
	}
	r, err := s.Ingest(context.Background(), d)
	if err != nil {
		t.Fatal(err)
	}
	Reuse(d.Messages)
	return r
}

// Reuse does what a server does with the memory of a request that was answered.
func Reuse(ms []event.Message) {
	for i := range ms {
		for j := range ms[i].Body {
			ms[i].Body[j] = '#'
		}
	}
}

// Verify fails the test where what is stored is not what the batch function says.
func Verify(t testing.TB, s *space.Space) query.VerifyReport {
	t.Helper()
	rep, err := query.New(s).Verify(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range rep.Differences {
		if i > 10 {
			break
		}
		t.Errorf("%s %s:\n  stored   %s\n  expected %s\n  %s", d.Kind, d.Subject, d.Stored, d.Expected, d.Evidence)
	}
	return rep
}

// User names a profile by an ID among the users.
func User(typ, value string) space.Ref {
	return space.Ref{Collection: identity.Users, Type: typ, Value: value}
}

// Jane is the example of docs and tests, a line for each of her events.
func Jane(t testing.TB) []string {
	t.Helper()
	for up := "../.."; ; up += "/.." { // the tests of the rooms lie deeper
		b, err := os.ReadFile(up + "/examples/jane.ndjson")
		switch {
		case err == nil:
			return strings.Split(strings.TrimSpace(string(b)), "\n")
		case len(up) > 20:
			t.Fatal(err)
		}
	}
}

// Summary prints a profile without what depends on arrival.
func Summary(t testing.TB, s *space.Space, ref space.Ref) string {
	t.Helper()
	v, err := query.New(s).Profile(context.Background(), ref)
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, i := range v.Identifiers {
		fmt.Fprintf(&b, "%s:%s %s %s\n", i.Type, i.Value, time.Unix(0, i.Time).UTC().Format(time.RFC3339), i.MessageID)
	}
	for _, tr := range v.Traits {
		fmt.Fprintf(&b, "%s=%s\n", tr.Name, tr.Value)
	}
	n, err := query.New(s).CountEvents(context.Background(), ref, 1000)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&b, "%d events, %s to %s\n", n, v.Metadata.FirstMessageID, v.Metadata.LastMessageID)
	return b.String()
}

// JaneIs is her Summary.
const JaneIs = `anonymous_id:anon_123 2019-11-15T14:00:05Z jane-001
ios.id:ios_abc123 2019-11-15T14:00:05Z jane-001
email:janedoe@example.com 2019-11-15T14:08:44Z jane-008
user_id:abc123def 2019-11-15T14:08:44Z jane-008
android.id:and_1a2b3c4d 2019-11-16T08:30:00Z jane-010
anonymous_id:anon_456 2019-11-16T08:30:00Z jane-010
anonymous_id:anon_789 2019-11-16T18:00:00Z jane-013
createdAt="2019-11-15T14:08:44Z"
email="janedoe@example.com"
firstName="Jane"
lastName="Doe"
26 events, jane-001 to jane-026
`

// World makes random events in which devices, cookies and people meet often.
func World(rng *rand.Rand, n, people int) []string {
	lines := make([]string, n)
	for i := range lines {
		p := rng.IntN(people)
		m := map[string]any{
			"messageId": fmt.Sprintf("m%04d", i),
			"timestamp": time.Unix(1_600_000_000+int64(rng.IntN(1000))*3600, 0).UTC().Format(time.RFC3339),
		}
		ctx := map[string]any{}
		if rng.IntN(3) > 0 {
			m["anonymousId"] = fmt.Sprint("a", p, "-", rng.IntN(8))
		}
		if rng.IntN(2) == 0 {
			ctx["device"] = map[string]any{"type": "ios", "id": fmt.Sprint("d", p/(1+rng.IntN(4)))}
		}
		switch {
		case rng.IntN(3) == 0:
			m["userId"] = fmt.Sprint("u", p)
		case m["anonymousId"] == nil:
			m["anonymousId"] = "kiosk"
		}
		m["type"] = "track"
		m["event"] = "Clicked"
		if rng.IntN(4) == 0 {
			m["type"] = "identify"
			tr := map[string]any{"n": rng.IntN(5), fmt.Sprint("t", rng.IntN(3)): i}
			if rng.IntN(5) == 0 {
				tr["n"] = nil
			}
			if m["userId"] != nil && rng.IntN(2) == 0 {
				tr["email"] = fmt.Sprint(p, "@x.com")
			}
			m["traits"] = tr
		}
		if rng.IntN(10) == 0 {
			ctx["groupId"] = fmt.Sprint("g", p%3)
		}
		m["context"] = ctx
		b, _ := json.Marshal(m)
		lines[i] = string(b)
	}
	return lines
}

// Apart gives up to 3600 events of a world times of their own.
func Apart(lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = strings.Replace(l, ":26:40Z", fmt.Sprintf(":%02d:%02dZ", i/60, i%60), 1)
	}
	return out
}
