package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/test/wire"
)

var client = &http.Client{Timeout: patience}

// patience is how long a test waits for what must come. It bounds nothing: how long
// something takes is the machine's business.
const patience = 2 * time.Minute

// answer is what the server said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func do(t testing.TB, req *http.Request) answer {
	t.Helper()
	resp, err := client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", req.Method, req.URL, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", req.Method, req.URL, err)
	}
	return answer{resp.StatusCode, resp.Header, body}
}

// insist does a request again while the server cannot take it now, as SDKs do, at most
// 60 times.
func insist(t testing.TB, req *http.Request) answer {
	t.Helper()
	for try := 1; ; try++ {
		a := do(t, req)
		if a.status != http.StatusServiceUnavailable && a.status != http.StatusTooManyRequests || try == 60 {
			return a
		}
		time.Sleep(wire.Pause(a.header.Get("Retry-After")))
		if req.GetBody != nil {
			body, err := req.GetBody()
			if err != nil {
				t.Fatal(err)
			}
			req.Body = body
		}
	}
}

// post sends a body with the write key of a space, and headers by twos.
func (p *server) post(t testing.TB, space, path string, body []byte, headers ...string) answer {
	t.Helper()
	return do(t, p.message(t, space, path, body, headers...))
}

func (p *server) message(t testing.TB, space, path string, body []byte, headers ...string) *http.Request {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, p.URL(path), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(keyOf(space), "")
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return req
}

// send posts, again while the server says so, and expects the server to take it.
func (p *server) send(t testing.TB, space, path string, body []byte, headers ...string) {
	t.Helper()
	if a := insist(t, p.message(t, space, path, body, headers...)); a.status != http.StatusOK || !bytes.Contains(a.body, []byte(`"success":true`)) {
		t.Fatalf("POST %s: status %d: %.500s", path, a.status, a.body)
	}
}

// batch makes the body of /v1/batch.
func batch(events ...[]byte) []byte {
	return slices.Concat([]byte(`{"batch":[`), bytes.Join(events, []byte(",")), []byte(`]}`))
}

// manage asks the management API.
func (p *server) manage(t testing.TB, method, path string, out any) {
	t.Helper()
	req, err := http.NewRequest(method, p.URL(path), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	a := insist(t, req)
	if a.status != http.StatusOK {
		t.Fatalf("%s %s: status %d: %.500s", method, path, a.status, a.body)
	}
	if err := json.Unmarshal(a.body, out); err != nil {
		t.Fatalf("%s %s: %v: %.500s", method, path, err, a.body)
	}
}

// stats are some of the numbers of a space.
type stats struct {
	Events, Repeats, Rejected, Unresolved, Profiles, Strands, Pending int64
	CountedAt                                                         time.Time `json:"counted_at"`
}

func (p *server) stats(t testing.TB, space string) (s stats) {
	t.Helper()
	p.manage(t, http.MethodGet, "/api/spaces/"+space+"/stats", &s)
	return s
}

// settled waits until no work is pending in a space.
func (p *server) settled(t testing.TB, space string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		s := p.stats(t, space)
		if s.Pending == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d replays of %s are pending after %v", s.Pending, space, patience)
		}
	}
}

// profile asks the Profile API, again while it says so, about a user, who is named type:value.
func (p *server) profile(t testing.TB, space, user, resource string) answer {
	t.Helper()
	return p.profileOf(t, space, "users", user, resource)
}

func (p *server) profileOf(t testing.TB, space, collection, id, resource string) answer {
	t.Helper()
	kind, value, _ := strings.Cut(id, ":")
	path := "/v1/spaces/" + space + "/collections/" + collection + "/profiles/" + url.PathEscape(kind) + ":" + url.PathEscape(value) + "/" + resource
	req, err := http.NewRequest(http.MethodGet, p.URL(path), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(tokenOf(space), "")
	return insist(t, req)
}

// read is profile, of what must be there.
func (p *server) read(t testing.TB, space, user, resource string, out any) {
	t.Helper()
	a := p.profile(t, space, user, resource)
	if a.status != http.StatusOK {
		t.Fatalf("%s of %s in %s: status %d: %.500s", resource, user, space, a.status, a.body)
	}
	if a.header.Get("Request-Id") == "" {
		t.Errorf("%s of %s: no Request-Id", resource, user)
	}
	if err := json.Unmarshal(a.body, out); err != nil {
		t.Fatalf("%s of %s: %v: %.500s", resource, user, err, a.body)
	}
}

// ids gives the external IDs of a profile, sorted, as type:value.
func (p *server) ids(t testing.TB, space, user string) (out []string) {
	t.Helper()
	var list struct {
		Data []struct{ Type, ID string }
	}
	p.read(t, space, user, "external_ids?limit=1000", &list)
	for _, id := range list.Data {
		out = append(out, id.Type+":"+id.ID)
	}
	slices.Sort(out)
	return out
}

// traits gives the traits of a profile as JSON.
func (p *server) traits(t testing.TB, space, user string) map[string]any {
	t.Helper()
	var list struct{ Traits map[string]any }
	p.read(t, space, user, "traits?limit=200", &list)
	return list.Traits
}

// occurrence is an event of a profile.
type occurrence struct {
	MessageID string `json:"message_id"`
	Type      string
	Event     string
	Timestamp string
}

// events gives all events of a profile, newest first, page by page.
func (p *server) events(t testing.TB, space, user string) (out []occurrence) {
	t.Helper()
	resource := "events?limit=100"
	for pages := 0; ; pages++ {
		var list struct {
			Data   []occurrence
			Cursor struct {
				HasMore bool `json:"has_more"`
				Next    string
			}
		}
		p.read(t, space, user, resource, &list)
		out = append(out, list.Data...)
		if !list.Cursor.HasMore || pages > 1000 {
			return out
		}
		resource = "events?limit=100&next=" + url.QueryEscape(list.Cursor.Next)
	}
}

// profileID gives the ID of a profile itself.
func (p *server) profileID(t testing.TB, space, user string) string {
	t.Helper()
	var m struct {
		Metadata struct {
			SegmentID string `json:"segment_id"`
		}
	}
	p.read(t, space, user, "metadata?verbose=true", &m)
	return m.Metadata.SegmentID
}

// eventually waits until something is so.
func eventually(t testing.TB, limit time.Duration, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !so(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after %v still not: %s", limit, what)
		}
	}
}

// equal compares two lists of words and shows the difference.
func equal(t testing.TB, what string, got, want []string) {
	t.Helper()
	if slices.Equal(got, want) {
		return
	}
	var b strings.Builder
	for _, g := range got {
		if !slices.Contains(want, g) {
			fmt.Fprintf(&b, "\n  too much: %s", g)
		}
	}
	for _, w := range want {
		if !slices.Contains(got, w) {
			fmt.Fprintf(&b, "\n  missing:  %s", w)
		}
	}
	t.Errorf("%s: got %d, want %d:%s", what, len(got), len(want), b.String())
}
