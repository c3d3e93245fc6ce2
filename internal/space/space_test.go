package space_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/kv/kvtest"
	"github.com/selfsame-id/selfsame/internal/kv/pebblekv"
	"github.com/selfsame-id/selfsame/internal/space"
)

var quiet = slog.New(slog.DiscardHandler)

// seeds is how many random worlds a test makes. The race detector, which slows
// them down tenfold, looks at a third of them; `make test` runs them without it
// too.
func seeds(n uint64) uint64 {
	if raced {
		return (n + 2) / 3
	}
	return n
}

// disk opens the store that lies on it, each time what was committed before.
type disk func(t testing.TB) kv.Store

// memoryDisk is the quick one.
func memoryDisk() disk {
	m := kvtest.NewMemory()
	return func(testing.TB) kv.Store { return m.Open() }
}

// pebbleDisk is the embedded store on files in memory.
func pebbleDisk() disk {
	fs := vfs.NewMem()
	return func(t testing.TB) kv.Store {
		t.Helper()
		store, err := pebblekv.Open("data", pebblekv.Options{FS: fs, Logger: quiet, MemtableBytes: 4 << 20, CacheBytes: 8 << 20, ReserveBytes: -1})
		if err != nil {
			t.Fatal(err)
		}
		return store
	}
}

// someDisk is the embedded store for some seeds and the quick one for most.
func someDisk(seed uint64) disk {
	if seed%8 == 0 {
		return pebbleDisk()
	}
	return memoryDisk()
}

func openSpace(t testing.TB, store kv.Store, cfg space.Config) *space.Space {
	t.Helper()
	if cfg.ID == "" {
		cfg.ID = "dev"
	}
	if cfg.CacheBytes == 0 {
		cfg.CacheBytes = 4 << 20 // hundreds are opened, and the race detector shadows every byte
	}
	cfg.Log = quiet
	s, err := space.Open(t.Context(), store, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// newSpace opens a space on a store of its own, in memory.
func newSpace(t testing.TB, cfg space.Config) *space.Space {
	t.Helper()
	store := memoryDisk()(t)
	s := openSpace(t, store, cfg)
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

func parse(t testing.TB, line string) event.Message {
	t.Helper()
	m, err := event.Parse([]byte(line), event.Envelope{ReceivedAt: time.Now().UnixNano()})
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return m
}

func ingest(t testing.TB, s *space.Space, lines ...string) space.Receipt {
	t.Helper()
	d := space.Delivery{Source: "src"}
	for _, l := range lines {
		d.Messages = append(d.Messages, parse(t, l))
	}
	r, err := s.Ingest(context.Background(), d)
	if err != nil {
		t.Fatal(err)
	}
	reuse(d.Messages)
	return r
}

// reuse does what a server does with the memory of a request that was answered.
func reuse(ms []event.Message) {
	for i := range ms {
		for j := range ms[i].Body {
			ms[i].Body[j] = '#'
		}
	}
}

func verify(t testing.TB, s *space.Space) space.VerifyReport {
	t.Helper()
	rep, err := s.Verify(context.Background(), nil)
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

func user(typ, value string) space.Ref {
	return space.Ref{Collection: identity.Users, Type: typ, Value: value}
}

func jane(t testing.TB) []string {
	b, err := os.ReadFile("../../examples/jane.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}

// summary prints a profile without what depends on arrival.
func summary(t testing.TB, s *space.Space, ref space.Ref) string {
	t.Helper()
	v, err := s.Profile(context.Background(), ref)
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
	n, err := s.CountEvents(context.Background(), ref, 1000)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&b, "%d events, %s to %s\n", n, v.Metadata.FirstMessageID, v.Metadata.LastMessageID)
	return b.String()
}

const janeIs = `anonymous_id:anon_123 2019-11-15T14:00:05Z jane-001
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

func TestJaneIsOnePerson(t *testing.T) {
	s := newSpace(t, space.Config{})
	r := ingest(t, s, jane(t)...)
	if r.Stored != 26 || r.Repeats != 1 {
		t.Errorf("stored %d and %d repeats; want 26 and 1", r.Stored, r.Repeats)
	}
	for _, ref := range []space.Ref{user("email", " JaneDoe@example.com"), user("anonymous_id", "anon_456"), user("android.id", "and_1a2b3c4d")} {
		if got := summary(t, s, ref); got != janeIs {
			t.Errorf("%s:%s:\n%s", ref.Type, ref.Value, got)
		}
	}
	verify(t, s)
}

// However her events come, Jane is the same Jane.
func TestJaneInAnyOrder(t *testing.T) {
	lines := jane(t)
	for seed := range uint64(25) {
		rng := rand.New(rand.NewPCG(seed, 1))
		mixed := slices.Clone(lines)
		rng.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		s := newSpace(t, space.Config{})
		for len(mixed) > 0 {
			n := 1 + rng.IntN(len(mixed))
			ingest(t, s, mixed[:n]...)
			mixed = mixed[n:]
		}
		if got := summary(t, s, user("user_id", "abc123def")); got != janeIs {
			t.Fatalf("seed %d:\n%s", seed, got)
		}
		verify(t, s)
	}
}

// A page says whose it is, and what a delivery waited for its commit is counted.
func TestPagesNameTheProfileAndWaitingIsCounted(t *testing.T) {
	s := newSpace(t, space.Config{})
	ingest(t, s, jane(t)...)
	v, err := s.Profile(t.Context(), user("user_id", "abc123def"))
	if err != nil {
		t.Fatal(err)
	}
	events, err := s.Events(t.Context(), user("anonymous_id", "anon_123"), space.EventQuery{Limit: 1})
	if err != nil || events.Profile != v.ID || events.Provisional {
		t.Errorf("events of %q, %v; want %q", events.Profile, err, v.ID)
	}
	links, err := s.Links(t.Context(), user("anonymous_id", "anon_123"), 1, "")
	if err != nil || links.Profile != v.ID {
		t.Errorf("links of %q, %v; want %q", links.Profile, err, v.ID)
	}
	if w := s.Stats().WaitSeconds; w <= 0 {
		t.Errorf("waited %v s", w)
	}
}

// The newest events come first, and pages fit together.
func TestEventsInPages(t *testing.T) {
	s := newSpace(t, space.Config{})
	ingest(t, s, jane(t)...)
	var got []string
	q := space.EventQuery{Limit: 4}
	for {
		page, err := s.Events(t.Context(), user("user_id", "abc123def"), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			got = append(got, e.MessageID)
			if !json.Valid(e.Body) || !bytes.Contains(e.Body, []byte(e.MessageID)) {
				t.Errorf("body of %s: %s", e.MessageID, e.Body)
			}
		}
		if page.Next == "" {
			break
		}
		q.Next = page.Next
	}
	if len(got) != 26 || got[0] != "jane-026" || got[25] != "jane-001" {
		t.Errorf("events %v", got)
	}
	page, err := s.Events(t.Context(), user("user_id", "abc123def"), space.EventQuery{Limit: 100, Include: []string{"Order Completed"}, Oldest: true})
	if err != nil || len(page.Events) != 2 || page.Events[0].MessageID != "jane-009" || page.Next != "" {
		t.Errorf("orders: %+v, %v", page, err)
	}
}

// world makes random events in which devices, cookies and people meet often.
func world(rng *rand.Rand, n, people int) []string {
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

// apart gives up to 3600 events of a world times of their own.
func apart(lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = strings.Replace(l, ":26:40Z", fmt.Sprintf(":%02d:%02dZ", i/60, i%60), 1)
	}
	return out
}

// Whatever the rules, the order of arrival, the batching, the bound on replays
// and the restarts: what is stored is what the batch function says.
func TestStoreEqualsBatchFunction(t *testing.T) {
	for seed := range seeds(28) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 2))
			rules := &identity.Rules{}
			if seed%4 == 3 {
				rules.Order = "arrival"
			}
			windows := []string{"ever", "daily", "weekly", "monthly"}
			for _, ty := range []string{"email", "anonymous_id", "ios.id"} {
				rules.Identifiers = append(rules.Identifiers, identity.Identifier{Type: ty, Limit: 1 + rng.IntN(4), Window: windows[rng.IntN(4)]})
			}
			cfg := space.Config{Rules: rules, ReplayBound: []int{1000, 2, 30}[rng.IntN(3)]}
			disk := someDisk(seed)
			store := disk(t)
			s := openSpace(t, store, cfg)
			lines := world(rng, 600, 3+rng.IntN(40))
			for len(lines) > 0 {
				n := min(1+rng.IntN(60), len(lines))
				ingest(t, s, lines[:n]...)
				lines = lines[n:]
				if rng.IntN(8) == 0 {
					if err := s.Close(t.Context()); err != nil {
						t.Fatal(err)
					}
					store.Close()
					store = disk(t)
					s = openSpace(t, store, cfg)
				}
			}
			rep := verify(t, s)
			if rep.Events != 600 {
				t.Errorf("%d events, want 600", rep.Events)
			}
			t.Logf("%+v", s.Stats())
			s.Close(t.Context())
			store.Close()
		})
	}
}

// Spaces share nothing, whatever they are called.
func TestSpacesAreApart(t *testing.T) {
	store := memoryDisk()(t)
	defer store.Close()
	names := []string{"dev", "s", "", "ss", "es", "dev2"}
	spaces := map[string]*space.Space{}
	for i, name := range names {
		if name == "" {
			continue
		}
		s := openSpace(t, store, space.Config{ID: name})
		defer s.Close(context.Background())
		spaces[name] = s
		ingest(t, s, fmt.Sprintf(`{"type":"track","event":"X","messageId":"m","anonymousId":"a%d"}`, i))
	}
	for i, name := range names {
		if name == "" {
			continue
		}
		s := spaces[name]
		recs, _, err := s.Feed(t.Context(), "", 100)
		if err != nil || len(recs) != 1 || recs[0].Events != 1 {
			t.Errorf("space %s: feed %+v, %v", name, recs, err)
		}
		for k := range names {
			_, err := s.Profile(t.Context(), user("anonymous_id", fmt.Sprint("a", k)))
			if (err == nil) != (k == i) {
				t.Errorf("space %s, person a%d: %v", name, k, err)
			}
		}
		verify(t, s)
	}
}
