package httpapi

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/journal"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

var update = flag.Bool("update", false, "write the golden files")

// jane is a server whose one profile is Jane's.
func jane(t *testing.T, set Settings) *server {
	s := newServer(t, set)
	at := func(text string) int64 {
		n, ok := event.ParseTime(text)
		if !ok {
			t.Fatal(text)
		}
		return n
	}
	first := at("2019-11-15T14:00:05Z")
	s.dev.view = query.Profile{
		ID: "use_2Zx", Collection: identity.Users, Merged: []string{"use_1Ab"}, Version: 4, Strands: 5,
		Identifiers: []profile.Identifier{
			{Type: "anonymous_id", Value: "anon_123", Moment: event.Moment{Time: first}, MessageID: "jane-001", Source: "web"},
			{Type: "ios.id", Value: "ios_abc123", Moment: event.Moment{Time: first}, MessageID: "jane-001", Source: "web"},
			{Type: "email", Value: "jane+doe@example.com", Moment: event.Moment{Time: first + 420e6}, MessageID: "jane-008", Source: "web"},
			{Type: "user_id", Value: "a/b:c", Moment: event.Moment{Time: first + 420e6}, MessageID: "jane-008", Source: "web"},
		},
		Traits: []profile.Trait{
			{Name: "address", Value: []byte(`{"city":"Oslo","zip":"0150"}`), Moment: event.Moment{Time: first}, MessageID: "jane-008", Source: "web"},
			{Name: "age", Value: []byte(`3.0e1`), Moment: event.Moment{Time: first}, MessageID: "jane-008", Source: "web"},
			{Name: "name", Value: []byte(`"Jane \"J\" Doe"`), Moment: event.Moment{Time: first + 1}, MessageID: "jane-009", Source: "web"},
			{Name: "naïve", Value: []byte(`true`), Moment: event.Moment{Time: first}, MessageID: "jane-008", Source: "web"},
		},
		Memo: new(query.Memo),
		Metadata: profile.Metadata{First: event.Moment{Time: first}, Last: event.Moment{Time: at("2019-12-01T10:20:30.5Z")},
			FirstMessageID: "jane-001", FirstSourceID: "web", LastMessageID: "jane-027", LastSourceID: "both"},
	}
	s.dev.events = []journal.Event{
		{Body: []byte(`{"type":"track","event":"ShoeA Clicked","userId":"a/b:c","context":{"app":"SegKicks","traits":{"email":"Jane@Example.com"}},"properties":{"price":89.0}}`),
			MessageID: "jane-027", Time: first, ReceivedAt: first, Source: "web", Type: event.Track, Name: "ShoeA Clicked"},
		{Body: []byte(`{"type":"identify","anonymousId":"anon_123","traits":{"age":30},"context":null}`),
			MessageID: "jane-008", Time: first, ReceivedAt: first, Source: "web", Type: event.Identify},
		{Body: []byte(`{"anonymousId":"anon_123","name":"Home"}`),
			MessageID: "jane-007", Time: first, ReceivedAt: first, Source: "web", Type: event.Page, Name: "Page Viewed"},
		{Body: []byte(`{"type":"group","userId":"a/b:c","groupId":"g1","traits":{"plan":"pro"}}`),
			MessageID: "jane-006", Time: first, ReceivedAt: first, Source: "web", Type: event.Group},
	}
	s.dev.links = []query.Link{{To: "acc_3", Collection: identity.Accounts, FirstSeen: first, Source: "web", MessageID: "jane-006",
		Identifiers: []profile.Identifier{{Type: "group_id", Value: "g1", Moment: event.Moment{Time: first}, MessageID: "jane-006", Source: "web"}}}}
	return s
}

const profilePath = "/v1/spaces/dev/collections/users/profiles/"

// What is kept of an answer is given to whoever asks for the same of the same version.
func TestTraitsAreMadeOnce(t *testing.T) {
	s := jane(t, Settings{})
	ask := func(path string) string {
		t.Helper()
		w := s.get(profilePath+"anonymous_id:anon_123/traits"+path, readToken)
		if w.Code != 200 {
			t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
		return w.Body.String()
	}
	paths := []string{"", "?limit=2", "?limit=2&next=name", "?verbose=true", "?include=age", "?class=audience", "?limit=10"}
	want := map[string]string{}
	for _, path := range paths {
		s.dev.view.Memo = nil
		want[path] = ask(path)
	}
	s.dev.view.Memo = new(query.Memo)
	for range 2 {
		for _, path := range paths {
			for range 2 {
				if got := ask(path); got != want[path] {
					t.Errorf("%q gives %s, want %s", path, got, want[path])
				}
			}
		}
	}
	ask("")
	s.dev.view.Traits = nil
	if got := ask(""); got != want[""] {
		t.Errorf("what was made of this version is made again: %s", got)
	}
	s.dev.view.Memo = new(query.Memo) // another version
	if got := ask(""); got == want[""] {
		t.Error("what was made of another version is given")
	}
}

func TestProfileShapes(t *testing.T) {
	s := jane(t, Settings{})
	for name, path := range map[string]string{
		"traits":               "anonymous_id:anon_123/traits",
		"traits-verbose":       "anonymous_id:anon_123/traits?verbose=true&include=age,name",
		"traits-page":          "anonymous_id:anon_123/traits?limit=2",
		"traits-next":          "anonymous_id:anon_123/traits?limit=2&next=name",
		"traits-class":         "anonymous_id:anon_123/traits?class=audience",
		"external-ids":         "use_1Ab/external_ids",
		"external-ids-include": "segment_id:use_2Zx/external_ids/?include=email,user_id&limit=1",
		"events":               "use_2Zx/events?limit=4",
		"metadata":             "use_2Zx/metadata",
		"metadata-verbose":     "use_2Zx/metadata?verbose=true",
		"links":                "use_2Zx/links",
	} {
		t.Run(name, func(t *testing.T) {
			w := s.get(profilePath+path, readToken)
			if w.Code != 200 || w.Header().Get("Content-Type") != "application/json" || w.Header().Get("Request-Id") == "" {
				t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
			}
			if w.Header().Get("Access-Control-Allow-Origin") != "" {
				t.Error("the Profile API is for servers, not for pages")
			}
			var got bytes.Buffer
			if err := json.Indent(&got, w.Body.Bytes(), "", "  "); err != nil {
				t.Fatalf("%v: %s", err, w.Body)
			}
			got.WriteByte('\n')
			file := "testdata/" + name + ".json"
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("got\n%s\nwant\n%s", &got, want)
			}
		})
	}
}

func TestProfileRefs(t *testing.T) {
	s := jane(t, Settings{})
	for path, status := range map[string]int{
		"user_id:a%2Fb%3Ac":                                 200,
		"user_id:a%2Fb:c":                                   200,
		"email:jane+doe@example.com":                        200,
		"email:Jane%2BDoe%40Example.com":                    200,
		"email:%EF%BB%BFjane%2Bdoe@example.com%E2%80%8B%20": 200,
		"use_1Ab":            200,
		"segment_id:use_1Ab": 200,
		"use_9":              404,
		"user_id:nobody":     404,
		"nobody":             400,
		"user_id:":           400,
		":x":                 400,
	} {
		if w := s.get(profilePath+path+"/metadata", readToken); w.Code != status {
			t.Errorf("%s: %d, want %d: %s", path, w.Code, status, w.Body)
		}
	}
}

func TestProfileErrors(t *testing.T) {
	for _, test := range []struct {
		name, method, path, token string
		status                    int
		code                      string
	}{
		{"not found", "GET", profilePath + "user_id:x/traits", readToken, 404, "not_found"},
		{"no token", "GET", profilePath + "use_2Zx/traits", "", 401, "authentication_error"},
		{"wrong token", "GET", profilePath + "use_2Zx/traits", "tok_wrong", 401, "authentication_error"},
		{"token of another space", "GET", "/v1/spaces/prod/collections/users/profiles/use_2Zx/traits", readToken, 401, "authentication_error"},
		{"space that is none", "GET", "/v1/spaces/x/collections/users/profiles/use_2Zx/traits", readToken, 401, "authentication_error"},
		{"space that is none, admin", "GET", "/v1/spaces/x/collections/users/profiles/use_2Zx/traits", adminToken, 404, "not_found"},
		{"collection", "GET", "/v1/spaces/dev/collections/people/profiles/use_2Zx/traits", readToken, 400, "validation_error"},
		{"limit", "GET", profilePath + "use_2Zx/traits?limit=0", readToken, 400, "validation_error"},
		{"limit text", "GET", profilePath + "use_2Zx/events?limit=x", readToken, 400, "validation_error"},
		{"verbose", "GET", profilePath + "use_2Zx/traits?verbose=yes", readToken, 400, "validation_error"},
		{"class", "GET", profilePath + "use_2Zx/traits?class=x", readToken, 400, "validation_error"},
		{"sort", "GET", profilePath + "use_2Zx/events?sort=up", readToken, 400, "validation_error"},
		{"start", "GET", profilePath + "use_2Zx/events?start=yesterday", readToken, 400, "validation_error"},
		{"type", "GET", profilePath + "use_2Zx/events?type=click", readToken, 400, "validation_error"},
		{"next of events", "GET", profilePath + "use_2Zx/events?next=x", readToken, 400, "validation_error"},
		{"next of IDs", "GET", profilePath + "use_2Zx/external_ids?next=x", readToken, 400, "validation_error"},
		{"query", "GET", profilePath + "use_2Zx/traits?%zz", readToken, 400, "invalid_request_error"},
		{"resource", "GET", profilePath + "use_2Zx/shoes", readToken, 404, "not_found"},
		{"method", "POST", profilePath + "use_2Zx/traits", readToken, 405, "method_not_allowed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := jane(t, Settings{}).do(test.method, test.path, test.token, "")
			var got struct {
				Error struct{ Code, Message string }
			}
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatalf("%v: %s", err, w.Body)
			}
			if w.Code != test.status || got.Error.Code != test.code || got.Error.Message == "" || w.Header().Get("Request-Id") == "" {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
	w := jane(t, Settings{}).get(profilePath+"user_id:x/traits", readToken)
	if got := strings.TrimSpace(w.Body.String()); got != `{"error":{"code":"not_found","message":"Profile was not found."}}` {
		t.Error(got)
	}
}

func TestProfileEventQuery(t *testing.T) {
	s := jane(t, Settings{})
	w := s.get(profilePath+"use_2Zx/events?sort=asc&start=2019-11-15&end=2019-11-16T00:00:00Z&include=A,B%20C&exclude=D&type=track,page&limit=5000&next=page2", readToken)
	if w.Code != 200 {
		t.Fatal(w.Body)
	}
	q := s.dev.eventQuery
	day := time.Date(2019, 11, 15, 0, 0, 0, 0, time.UTC)
	if !q.Oldest || q.Start != query.BoundAt(day.UnixNano()) || q.End != query.BoundAt(day.AddDate(0, 0, 1).UnixNano()) || !strings.Contains(w.Body.String(), `"limit":1000`) || q.Next != "page2" ||
		strings.Join(q.Include, "|") != "A|B C|A,B C" || strings.Join(q.Exclude, "|") != "D" || len(q.Types) != 2 {
		t.Errorf("%+v", q)
	}

	// Names with commas: a parameter that is given twice has one name each time.
	for query, want := range map[string]string{
		"include=A,%20B": "A|B|A, B",
		"include=Viewed,%20then%20bought&include=": "Viewed, then bought",
		"include=A,%20B&include=C":                 "A, B|C",
		"include=,A,":                              "A",
		"include=":                                 "",
	} {
		if w := s.get(profilePath+"use_2Zx/events?"+query, readToken); w.Code != 200 || strings.Join(s.dev.eventQuery.Include, "|") != want {
			t.Errorf("%s: %d, %q, want %q", query, w.Code, s.dev.eventQuery.Include, want)
		}
		exclude := strings.ReplaceAll(query, "include", "exclude")
		if s.get(profilePath+"use_2Zx/events?"+exclude, readToken); strings.Join(s.dev.eventQuery.Exclude, "|") != want {
			t.Errorf("%s: %q, want %q", exclude, s.dev.eventQuery.Exclude, want)
		}
	}
	s.dev.view.Traits = append(s.dev.view.Traits, profile.Trait{Name: "size, shoes", Value: []byte("42")})
	if w := s.get(profilePath+"use_2Zx/traits?include=size,%20shoes&include=x", readToken); !strings.Contains(w.Body.String(), `{"traits":{"size, shoes":42}`) {
		t.Errorf("a trait with a comma: %s", w.Body)
	}
	// The first moment of 1970 is a time, as a bound and of an event.
	s.dev.events = []journal.Event{{Body: []byte(`{}`), Type: event.Track, Name: "x"}}
	w = s.get(profilePath+"use_2Zx/events?start=1970-01-01&end=1970-01-01T00:00:00Z", readToken)
	if q := s.dev.eventQuery; q.Start != query.BoundAt(0) || q.End != query.BoundAt(0) {
		t.Errorf("%+v", q)
	}
	if !strings.Contains(w.Body.String(), `"timestamp":"1970-01-01T00:00:00Z"`) {
		t.Errorf("%s", w.Body)
	}
}

func TestProfilePages(t *testing.T) {
	s := jane(t, Settings{})
	for _, resource := range []string{"traits", "external_ids"} {
		seen := map[string]bool{}
		next := ""
		for page := 0; ; page++ {
			w := s.get(profilePath+"use_2Zx/"+resource+"?limit=1&next="+next, readToken)
			var got struct {
				Traits map[string]any
				Data   []struct{ ID string }
				Cursor struct {
					Next    string
					HasMore bool `json:"has_more"`
				}
			}
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || page > 4 {
				t.Fatalf("page %d: %v: %s", page, err, w.Body)
			}
			for name := range got.Traits {
				seen[name] = true
			}
			for _, id := range got.Data {
				seen[id.ID] = true
			}
			if next = got.Cursor.Next; got.Cursor.HasMore != (next != "") {
				t.Errorf("%s", w.Body)
			}
			if next == "" {
				break
			}
		}
		if len(seen) != 4 {
			t.Errorf("%s: saw %v", resource, seen)
		}
	}
}

func TestProvisionalAnswersSaySo(t *testing.T) {
	s := jane(t, Settings{})
	s.dev.view.Provisional = true
	for _, resource := range []string{"traits", "external_ids", "events", "metadata", "links"} {
		if w := s.get(profilePath+"use_2Zx/"+resource, readToken); w.Header().Get("Selfsame-Provisional") != "true" {
			t.Errorf("%s: %v", resource, w.Header())
		}
	}
	if w := s.get(profilePath+"use_2Zx/metadata", readToken); !strings.Contains(w.Body.String(), `"provisional":true`) {
		t.Error(w.Body)
	}
}

func TestProfileRate(t *testing.T) {
	s := jane(t, Settings{ProfileRate: 2})
	last := 0
	for range 5 {
		w := s.get(profilePath+"use_2Zx/metadata", readToken)
		last = w.Code
		if last == http.StatusTooManyRequests {
			if !strings.Contains(w.Body.String(), `"rate_limit_error"`) || w.Header().Get("Retry-After") == "" {
				t.Errorf("%v %s", w.Header(), w.Body)
			}
		}
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("the fifth request at 2 a second: %d", last)
	}
	// The admin token has no limit.
	for range 5 {
		if w := s.get(profilePath+"use_2Zx/metadata", adminToken); w.Code != 200 {
			t.Error(w.Code)
		}
	}
}

func TestProfileFailures(t *testing.T) {
	s := jane(t, Settings{})
	s.dev.fail = space.ErrClosed
	if w := s.get(profilePath+"user_id:secret/traits", readToken); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if strings.Contains(s.log.String(), "secret") {
		t.Errorf("the log names a person: %s", s.log.String())
	}
}

// A page ends when it is large, whatever its limit, and goes on behind that.
func TestLargePagesEndEarly(t *testing.T) {
	s := jane(t, Settings{})
	body := []byte(`{"type":"track","event":"A","userId":"u","properties":{"x":"` + strings.Repeat("x", 30<<10) + `"}}`)
	s.dev.events = nil
	for range 50 {
		s.dev.events = append(s.dev.events, journal.Event{Body: body, MessageID: "m", Type: event.Track, Name: "A"})
	}
	w := s.get(profilePath+"use_2Zx/events?limit=1000", readToken)
	var page struct {
		Data   []struct{}
		Cursor struct {
			HasMore bool `json:"has_more"`
			Next    string
			Limit   int
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
		t.Fatal(err)
	}
	if n := w.Body.Len(); n > 7<<20 || len(page.Data)%50 != 0 || len(page.Data) >= 1000 || !page.Cursor.HasMore || page.Cursor.Next != "page2" || page.Cursor.Limit != 1000 {
		t.Errorf("%d bytes, %d events, %+v", n, len(page.Data), page.Cursor)
	}
}
