package truth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/deliver"
	"github.com/selfsame-id/selfsame/internal/deliver/outgoing"
	"github.com/selfsame-id/selfsame/internal/deliver/truth"
	"github.com/selfsame-id/selfsame/internal/deliver/webhook"
	"github.com/selfsame-id/selfsame/internal/kv/kvtest"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/computed"
	"github.com/selfsame-id/selfsame/internal/space/spacetest"
	"github.com/selfsame-id/selfsame/internal/task"
)

const definitions = `
traits:
  orders: {event: Order Completed, kind: count}
  looked: {event: "* Clicked", kind: unmatched, property: properties.product_id, without: {event: Order Completed, property: "properties.products[].product_id"}, match: ever}
audiences:
  buyers: {when: traits.orders >= 2}
`

// rig is a space at work with a destination: a webhook that remembers.
type rig struct {
	*deliver.Dispatcher
	space *space.Space
	mu    sync.Mutex
	got   []message
}

type message struct {
	Type string
	Data struct {
		SegmentID     string `json:"segment_id"`
		FromSegmentID string `json:"from_segment_id"`
		Identifier    struct{ Type, ID string }
		Audience      string
		Trait         string
		Value         json.RawMessage
		Event         map[string]any
	}
}

func start(t *testing.T, send string) *rig {
	t.Helper()
	store := kvtest.NewMemory().Open()
	tasks := task.New()
	r := &rig{}
	r.space = spacetest.Open(t, store, space.Config{Compile: computed.Compile, Tasks: tasks})
	c := computed.New(r.space, computed.Config{})
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		b, _ := io.ReadAll(q.Body)
		var m message
		if err := json.Unmarshal(b, &m); err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		r.got = append(r.got, m)
		r.mu.Unlock()
	}))
	t.Cleanup(hook.Close)
	var err error
	r.Dispatcher, err = deliver.Open(t.Context(), deliver.Config{
		Space: "dev", Store: store, Keys: r.space.Keys(), Source: truth.New(r.space, c), Tasks: tasks, Kinds: map[string]deliver.Kind{"webhook": webhook.Kind{}},
		Guard: &outgoing.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	r.space.Follow(space.Follower{Duty: "destinations", Run: r.Look})
	if _, err := c.ApplyDefinitions(t.Context(), []byte(definitions), nil); err != nil {
		t.Fatal(err)
	}
	doc := fmt.Sprintf("destinations: {hook: {type: webhook, send: %s, webhook: {url: %q, secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw}}}", send, hook.URL)
	if _, err := r.ApplyDestinations(t.Context(), []byte(doc)); err != nil {
		t.Fatal(err)
	}
	r.until(t, func(s *deliver.Status) bool {
		status, err := c.DefinitionsStatus(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range status.Definitions {
			if !d.Complete {
				return false
			}
		}
		return s.Ready && !s.Behind
	})
	return r
}

func (r *rig) until(t *testing.T, f func(*deliver.Status) bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(2 * time.Millisecond) { // nothing signals that all is quiet
		s, err := r.Destination(t.Context(), "hook")
		if err != nil {
			t.Fatal(err)
		}
		if f(s) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the status stays %+v", s)
		}
	}
}

// messages waits until n came, and returns all.
func (r *rig) messages(t *testing.T, n int) []message {
	t.Helper()
	r.until(t, func(s *deliver.Status) bool { return s.Counts.Delivered >= int64(n) && s.Queued == 0 })
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

func (m *message) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %s%s %s", m.Type, m.Data.Identifier.ID, m.Data.Audience, m.Data.Trait, m.Data.Value))
}

func order(user, anonymous string, n int) string {
	return fmt.Sprintf(`{"type":"track","event":"Order Completed","messageId":"o-%s-%d","userId":%q,"anonymousId":%q,"timestamp":"2024-01-0%dT00:00:00Z","properties":{"products":[{"product_id":"p%d"}]}}`, user, n, user, anonymous, n%9+1, n)
}

func TestAnEventIsToldWithinMoments(t *testing.T) {
	r := start(t, "{audiences: all, traits: [orders]}")
	spacetest.Ingest(t, r.space, order("u1", "a1", 1))
	spacetest.Ingest(t, r.space, order("u1", "a1", 2))
	var got []string
	r.until(t, func(*deliver.Status) bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		got = got[:0]
		for i := range r.got {
			got = append(got, r.got[i].String())
		}
		return slices.Contains(got, "audience.entered u1 buyers") && slices.Contains(got, "trait.set u1 orders 2")
	})
	// Where the second order comes before the first count was told, that is not told.
	if len(got) > 3 || len(got) == 3 && !slices.Contains(got, "trait.set u1 orders 1") {
		t.Errorf("%q", got)
	}
}

func TestEventsHaveTheirProfiles(t *testing.T) {
	r := start(t, `{events: 'event == "Order Completed" && properties.products.exists(p, p.product_id == "p2")', merges: true}`)
	spacetest.Ingest(t, r.space, order("u1", "a1", 1), order("u1", "a1", 2))
	m := r.messages(t, 1)[0]
	if m.Type != "event" || !strings.HasPrefix(m.Data.SegmentID, "use_") || m.Data.Event["messageId"] != "o-u1-2" || m.Data.Event["timestamp"] != "2024-01-03T00:00:00.000Z" {
		t.Errorf("%+v", m)
	}
	// a2 was seen alone, and then with u1: two profiles are one.
	spacetest.Ingest(t, r.space, `{"type":"track","event":"Seen","messageId":"x1","anonymousId":"a2","timestamp":"2024-01-05T00:00:00Z"}`)
	spacetest.Ingest(t, r.space, `{"type":"track","event":"Seen","messageId":"x2","anonymousId":"a2","userId":"u1","timestamp":"2024-01-06T00:00:00Z"}`)
	all := r.messages(t, 2)
	if last := all[len(all)-1]; last.Type != "profile.merged" || last.Data.FromSegmentID == "" || last.Data.FromSegmentID == last.Data.SegmentID {
		t.Errorf("%+v", last)
	}
}

// Jane's events, in any order and in any portions: what each of her identifiers was told
// last is what is true in the end.
func TestJaneInAnyOrder(t *testing.T) {
	text, err := os.ReadFile("../../../examples/jane.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	for seed := range uint64(4) {
		rng := rand.New(rand.NewPCG(seed, 1))
		r := start(t, "{audiences: all, traits: all}")
		if seed > 0 {
			rng.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
		}
		for rest := lines; len(rest) > 0; {
			n := min(1+rng.IntN(5), len(rest))
			spacetest.Ingest(t, r.space, rest[:n]...)
			rest = rest[n:]
		}
		want := map[string]string{"orders": "2", "looked": `["shoe-a","shoe-b"]`, "buyers": "true"}
		r.until(t, func(s *deliver.Status) bool {
			r.mu.Lock()
			defer r.mu.Unlock()
			told := map[string]string{}
			for _, m := range r.got {
				if m.Data.Identifier.ID != "abc123def" {
					continue
				}
				key, v := m.Data.Audience+m.Data.Trait, string(bytes.TrimSpace(m.Data.Value))
				if m.Type == "audience.entered" {
					v = "true"
				}
				told[key] = v
			}
			for k, v := range want {
				if told[k] != v {
					return false
				}
			}
			return s.Queued == 0 && !s.Behind
		})
	}
}
