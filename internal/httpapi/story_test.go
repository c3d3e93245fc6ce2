package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/selfsame-id/selfsame/internal/catalog"
	"github.com/selfsame-id/selfsame/internal/kv/pebblekv"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/computed"
	"github.com/selfsame-id/selfsame/internal/space/rules"
)

// room has one space, a real one.
type room struct{ only *served }

func (r room) Space(_ context.Context, id string) (Space, error) {
	if id != r.only.ID() {
		return nil, space.ErrNotFound
	}
	return r.only, nil
}

func (r room) Opened() []Space { return []Space{r.only} }

// story is a client of a server with a real space.
type story struct {
	*testing.T
	api *API
}

func newStory(t *testing.T) story {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	store, err := pebblekv.Open("store", pebblekv.Options{FS: vfs.NewMem(), CacheBytes: 1 << 20, MemtableBytes: 1 << 20, ReserveBytes: -1, MinFree: -1, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	c, err := catalog.Open(ctx, store, catalog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = c.Apply(ctx, catalog.Declared{Spaces: []catalog.DeclaredSpace{{ID: "dev",
		Sources: []catalog.DeclaredSource{{ID: "web", WriteKey: writeKey}}, Tokens: []catalog.DeclaredToken{{Name: "backend", Token: readToken}}}}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := space.Open(ctx, store, space.Config{ID: "dev", Log: quiet, ApplyRules: rules.Apply})
	if err != nil {
		t.Fatal(err)
	}
	rooms, err := serve(ctx, store, s, computed.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := rooms.Close(ctx); err != nil {
			t.Error(err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return story{t, New(Deps{Spaces: room{rooms}, Catalog: c, Log: quiet}, Settings{AdminToken: adminToken})}
}

// do sends a request that must succeed, and reads the answer.
func (s story) do(method, path, secret, body string, into any, header ...string) {
	s.Helper()
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	req.SetBasicAuth(secret, "")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.api.ServeHTTP(w, req)
	if w.Code != 200 {
		s.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	if into != nil {
		if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
			s.Fatalf("%s %s: %v: %s", method, path, err, w.Body)
		}
	}
}

func janesEvents(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../examples/jane.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// TestJane tells the story of the README over HTTP: many devices, one person.
func TestJane(t *testing.T) {
	s := newStory(t)
	for _, line := range janesEvents(t) {
		s.do("POST", "/v1/batch", writeKey, `{"batch":[`+line+`]}`, nil)
	}
	s.isJane()
	s.verified()

	var links struct{ Data []any }
	s.do("GET", profilePath+"email:Jane%44oe@example.com/links", readToken, "", &links)
	var rules struct{ Rules map[string]any }
	s.do("GET", "/api/spaces/dev/rules", adminToken, "", &rules)
	var changes struct{ Data []any }
	s.do("GET", "/api/spaces/dev/feed?limit=1000", adminToken, "", &changes)
	if len(changes.Data) == 0 {
		t.Error("the change feed is empty")
	}
	var stats struct{ Events, Repeats, Profiles int }
	s.do("GET", "/api/spaces/dev/stats", adminToken, "", &stats)
	if stats.Events != 26 || stats.Repeats != 1 || stats.Profiles != 1 {
		t.Errorf("stats %+v", stats)
	}
}

// verified checks that the batch function agrees with what is stored.
func (s story) verified() { s.verifiedEvents(26) }

// verifiedEvents checks that so many events are stored, and all as they should be.
func (s story) verifiedEvents(n int) {
	s.Helper()
	req := httptest.NewRequest("POST", "/api/spaces/dev/verify", nil)
	req.SetBasicAuth(adminToken, "")
	w := httptest.NewRecorder()
	s.api.ServeHTTP(w, req)
	lines := strings.Split(strings.TrimSpace(w.Body.String()), "\n")
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, fmt.Sprintf(`{"report":{"events":%d,`, n)) || !strings.Contains(last, `"differences":[]`) {
		s.Errorf("verify: %s", last)
	}
}

// TestJaneImported loads the same through the import, one line of it broken,
// and mends the line.
func TestJaneImported(t *testing.T) {
	s := newStory(t)
	lines := janesEvents(t)
	whole := lines[2]
	lines[2] = strings.Replace(whole, `"event"`, `"evnt"`, 1)
	var got struct {
		Stored, Repeats, Refused int
	}
	s.do("POST", "/api/spaces/dev/import?source=web&mark=jane", adminToken, strings.Join(lines, "\n"), &got, "Selfsame-Mark", "MQ==", "Selfsame-Mark-Expect", "")
	if got.Stored != 25 || got.Repeats != 1 || got.Refused != 1 {
		t.Errorf("%+v", got)
	}
	var mark struct{ Value []byte }
	s.do("GET", "/api/spaces/dev/marks/jane", adminToken, "", &mark)
	if string(mark.Value) != "1" {
		t.Errorf("%+v", mark)
	}
	var rejects struct {
		Data []struct{ ID, Code string }
	}
	s.do("GET", "/api/spaces/dev/rejects", adminToken, "", &rejects)
	if len(rejects.Data) != 1 || rejects.Data[0].Code != "missing_event" {
		t.Fatalf("%+v", rejects)
	}
	s.do("POST", "/api/spaces/dev/rejects/"+rejects.Data[0].ID+"/resend", adminToken, whole, nil)
	s.do("GET", "/api/spaces/dev/rejects", adminToken, "", &rejects)
	if len(rejects.Data) != 0 {
		t.Errorf("%+v", rejects)
	}
	s.isJane()
	s.verified()
}

// isJane checks that there is one person, as the Profile API shows her.
func (s story) isJane() {
	s.Helper()
	var ids struct {
		Data []struct{ Type, ID string }
	}
	s.do("GET", profilePath+"anonymous_id:anon_789/external_ids", readToken, "", &ids)
	have := map[string]bool{}
	for _, id := range ids.Data {
		have[id.Type+":"+id.ID] = true
	}
	want := []string{"anonymous_id:anon_123", "anonymous_id:anon_456", "anonymous_id:anon_789", "user_id:abc123def",
		"email:janedoe@example.com", "ios.id:ios_abc123", "android.id:and_1a2b3c4d"}
	for _, id := range want {
		if !have[id] {
			s.Errorf("%s is not Jane's", id)
		}
	}
	if len(have) != len(want) {
		s.Errorf("Jane has %v", have)
	}
	type page struct {
		Data []struct {
			Timestamp string
			MessageID string `json:"message_id"`
		}
		Cursor struct {
			HasMore bool `json:"has_more"`
			Next    string
		}
	}
	seen := map[string]bool{}
	last := "9"
	for next := ""; ; {
		var p page
		s.do("GET", profilePath+"user_id:abc123def/events?limit=7&next="+next, readToken, "", &p)
		for _, e := range p.Data {
			seen[e.MessageID] = true
			if e.Timestamp > last {
				s.Errorf("%s comes after %s", e.Timestamp, last)
			}
			last = e.Timestamp
		}
		if next = p.Cursor.Next; !p.Cursor.HasMore {
			break
		}
	}
	if len(seen) != 26 {
		s.Errorf("Jane has %d events", len(seen))
	}
	var traits struct{ Traits map[string]any }
	s.do("GET", profilePath+"user_id:abc123def/traits?limit=200", readToken, "", &traits)
	if len(traits.Traits) == 0 {
		s.Error("Jane has no traits")
	}
	var meta struct {
		Metadata map[string]any
	}
	s.do("GET", profilePath+"user_id:abc123def/metadata", readToken, "", &meta)
	if meta.Metadata["first_message_id"] != "jane-001" || meta.Metadata["provisional"] != false || meta.Metadata["created_at"] == nil {
		s.Errorf("metadata %v", meta.Metadata)
	}
}
