package space_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/query"
	"github.com/selfsame-id/selfsame/internal/space/spacetest"
)

// What tests of spaces have in common.
var (
	quiet      = spacetest.Quiet
	seeds      = spacetest.Seeds
	memoryDisk = spacetest.MemoryDisk
	pebbleDisk = spacetest.PebbleDisk
	openShared = spacetest.OpenShared
	openSpace  = spacetest.Open
	newSpace   = spacetest.New
	parse      = spacetest.Parse
	ingest     = spacetest.Ingest
	reuse      = spacetest.Reuse
	verify     = spacetest.Verify
	user       = spacetest.User
	jane       = spacetest.Jane
	summary    = spacetest.Summary
	world      = spacetest.World
	apart      = spacetest.Apart
	clockAt    = spacetest.ClockAt
)

const (
	raced  = spacetest.Raced
	janeIs = spacetest.JaneIs
)

type disk = spacetest.Disk

// someDisk is the embedded store for some seeds and the quick one for most.
func someDisk(seed uint64) disk {
	if seed%8 == 0 {
		return pebbleDisk()
	}
	return memoryDisk()
}

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
	v, err := query.New(s).Profile(t.Context(), user("user_id", "abc123def"))
	if err != nil {
		t.Fatal(err)
	}
	events, err := query.New(s).Events(t.Context(), user("anonymous_id", "anon_123"), query.EventQuery{Limit: 1})
	if err != nil || events.Profile != v.ID || events.Provisional {
		t.Errorf("events of %q, %v; want %q", events.Profile, err, v.ID)
	}
	links, err := query.New(s).Links(t.Context(), user("anonymous_id", "anon_123"), 1, "")
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
	q := query.EventQuery{Limit: 4}
	for {
		page, err := query.New(s).Events(t.Context(), user("user_id", "abc123def"), q)
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
	page, err := query.New(s).Events(t.Context(), user("user_id", "abc123def"), query.EventQuery{Limit: 100, Include: []string{"Order Completed"}, Oldest: true})
	if err != nil || len(page.Events) != 2 || page.Events[0].MessageID != "jane-009" || page.Next != "" {
		t.Errorf("orders: %+v, %v", page, err)
	}
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
		recs, _, err := query.New(s).Feed(t.Context(), "", 100)
		if err != nil || len(recs) != 1 || recs[0].Events != 1 {
			t.Errorf("space %s: feed %+v, %v", name, recs, err)
		}
		for k := range names {
			_, err := query.New(s).Profile(t.Context(), user("anonymous_id", fmt.Sprint("a", k)))
			if (err == nil) != (k == i) {
				t.Errorf("space %s, person a%d: %v", name, k, err)
			}
		}
		verify(t, s)
	}
}
