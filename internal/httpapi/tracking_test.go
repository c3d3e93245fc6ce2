package httpapi

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/httpapi/tracking"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space"
)

const (
	good = `{"type":"track","event":"A","userId":"u1","messageId":"m1"}`
	bad  = `{"type":"track","userId":"u1","messageId":"m2"}`
)

func TestTrackingEndpoints(t *testing.T) {
	bodies := map[event.Type]string{
		event.Identify: `{"userId":"u1","traits":{}}`,
		event.Track:    `{"userId":"u1","event":"A"}`,
		event.Page:     `{"anonymousId":"a1","name":"Home"}`,
		event.Screen:   `{"anonymousId":"a1","name":"Home"}`,
		event.Group:    `{"userId":"u1","groupId":"g1"}`,
		event.Alias:    `{"userId":"u1","previousId":"a1"}`,
	}
	for typ, body := range bodies {
		for _, path := range []string{typ.String(), typ.String()[:1]} {
			for _, slash := range []string{"", "/"} {
				s := newServer(t, Settings{})
				w := s.post("/v1/"+path+slash, writeKey, body)
				if w.Code != 200 || w.Body.String() != `{"success":true}` {
					t.Errorf("%s: %d %s", path+slash, w.Code, w.Body)
				}
				if d := s.dev.deliveries; len(d) != 1 || d[0].Source != "web" || len(d[0].Messages) != 1 || d[0].Messages[0].Type != typ {
					t.Errorf("%s: delivered %+v", path+slash, d)
				}
			}
		}
	}
	for _, path := range []string{"batch", "b", "import"} {
		for _, slash := range []string{"", "/"} {
			s := newServer(t, Settings{})
			w := s.post("/v1/"+path+slash, writeKey, `{"batch":[`+good+`]}`)
			if w.Code != 200 || w.Body.String() != `{"success":true}` || len(s.dev.all()) != 1 {
				t.Errorf("%s: %d %s", path+slash, w.Code, w.Body)
			}
		}
	}
}

// TestTrackingAnswers is the table of SEGMENT.md §2: what a client is told, and
// what is kept.
func TestTrackingAnswers(t *testing.T) {
	large := `{"type":"track","event":"A","userId":"u1","properties":{"x":"` + strings.Repeat("x", 33<<10) + `"}}`
	many := strings.TrimSuffix(strings.Repeat(good+",", 2501), ",")
	for _, test := range []struct {
		name, path, key, body string
		status                int
		messages              int
		codes                 string // of the kept rejects
	}{
		{"good", "/v1/track", writeKey, good, 200, 1, ""},
		{"good batch", "/v1/batch", writeKey, `{"batch":[` + good + `,` + good + `]}`, 200, 2, ""},
		{"empty batch", "/v1/batch", writeKey, `{"batch":[]}`, 200, 0, ""},
		{"one bad of two", "/v1/batch", writeKey, `{"batch":[` + bad + `,` + good + `]}`, 200, 1, "missing_event"},
		{"one of a wrong kind", "/v1/batch", writeKey, `{"batch":[3,` + good + `,null]}`, 200, 1, "not_object not_object"},
		{"one too large", "/v1/batch", writeKey, `{"batch":[` + large + `,` + good + `]}`, 200, 1, "too_large"},
		{"all bad", "/v1/batch", writeKey, `{"batch":[` + bad + `,{}]}`, 400, 0, "missing_event missing_type"},
		{"bad call", "/v1/track", writeKey, `{"userId":"u1"}`, 400, 0, "missing_event"},
		{"call too large", "/v1/track", writeKey, large, 400, 0, "too_large"},
		{"no JSON", "/v1/track", writeKey, `{"userId":`, 400, 0, "bad_json"},
		{"no JSON batch", "/v1/batch", writeKey, `{"batch":[` + good + `],"context":{"a":NaN}}`, 400, 0, "bad_json"},
		{"a comma too many", "/v1/batch", writeKey, `{"batch":[` + good + `,]}`, 200, 1, ""},
		{"NaN in one message", "/v1/batch", writeKey, `{"batch":[` + good + `,{"type":"track","event":"A","userId":"u","properties":{"price":NaN}},` + good + `],"sentAt":"2020-01-02T03:04:05Z"}`, 200, 2, "bad_json"},
		{"a quote in one message", "/v1/batch", writeKey, `{"batch":[` + good + `,{"type":"track","event":"5" screen","userId":"u"},` + good + `]}`, 200, 2, "bad_json"},
		{"the text ends in a message", "/v1/batch", writeKey, `{"batch":[` + good + `,` + good[:20], 200, 1, "bad_json"},
		{"only broken messages", "/v1/batch", writeKey, `{"batch":[{"a":NaN},{"b":Infinity}]}`, 400, 0, "bad_json bad_json"},
		{"no batch", "/v1/batch", writeKey, good, 400, 0, "bad_batch"},
		{"array", "/v1/batch", writeKey, `[` + good + `]`, 400, 0, "not_object"},
		{"nothing", "/v1/batch", writeKey, ``, 400, 0, "bad_json"},
		{"bad UTF-8", "/v1/batch", writeKey, `{"batch":[{"type":"track","event":"` + "\xff" + `","userId":"u"},` + good + `]}`, 200, 1, "bad_utf8"},
		{"byte order mark", "/v1/track", writeKey, "\xef\xbb\xbf" + good, 200, 1, ""},
		{"over 500 KB", "/v1/batch", writeKey, `{"batch":[` + good + `],"x":"` + strings.Repeat("x", 600<<10) + `"}`, 200, 1, ""},
		{"over 2,500 messages", "/v1/batch", writeKey, `{"batch":[` + many + `]}`, 200, 2501, ""},
		{"far too many messages", "/v1/batch", writeKey, `{"batch":[` + strings.Repeat("1,", 20_000) + good + `]}`, 400, 0, "too_many"},
		{"far too large", "/v1/batch", writeKey, `{"batch":[` + good + `],"x":"` + strings.Repeat("x", 5<<20) + `"}`, 413, 0, "too_large"},
		{"key in the batch", "/v1/batch", "", `{"writeKey":"` + writeKey + `","batch":[` + good + `]}`, 200, 1, ""},
		{"key in the message", "/v1/track", "", `{"writeKey":"` + writeKey + `","event":"A","userId":"u"}`, 200, 1, ""},
		{"key in the batch's message", "/v1/batch", "", `{"batch":[{"type":"track","writeKey":"` + writeKey + `","event":"A","userId":"u"}]}`, 200, 1, ""},
		{"wrong key in the header", "/v1/track", "wk_wrong", `{"writeKey":"` + writeKey + `","event":"A","userId":"u"}`, 200, 1, ""},
		{"key in a bad message", "/v1/track", "", `{"writeKey":"` + writeKey + `","event":"A"}`, 400, 0, "missing_id"},
		{"key in a bad batch", "/v1/batch", "", `{"writeKey":"` + writeKey + `","batch":7}`, 400, 0, "bad_batch"},
		{"no key", "/v1/track", "", good, 401, 0, ""},
		{"wrong key", "/v1/batch", "wk_wrong", `{"batch":[` + good + `]}`, 401, 0, ""},
		{"key in what is no JSON", "/v1/batch", "", `{"writeKey":"` + writeKey + `"`, 400, 0, "bad_json"},
		{"key behind what is large", "/v1/batch", "", `{"batch":[` + good + `],"x":{"writeKey":"no","y":"` + strings.Repeat("\\\"x", 60<<10) + `"},"writeKey":"` + writeKey + `"}`, 200, 1, ""},
		{"key with escapes", "/v1/track", "", `{"\u0077riteKey":"wk\u005fdev_1","event":"A","userId":"u"}`, 200, 1, ""},
		{"key in the wrong place", "/v1/track", "", `{"properties":{"writeKey":"` + writeKey + `"},"event":"A","userId":"u"}`, 401, 0, ""},
		{"key in the wrong array", "/v1/batch", "", `{"other":[{"writeKey":"` + writeKey + `"}],"batch":[` + good + `]}`, 401, 0, ""},
		{"key as the value of another", "/v1/track", "", `{"event":"writeKey","userId":"` + writeKey + `"}`, 401, 0, ""},
		{"key in the address", "/v1/batch?writeKey=" + writeKey, "", `{"batch":[` + good + `]}`, 200, 1, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t, Settings{})
			w := s.post(test.path, test.key, test.body)
			if w.Code != test.status {
				t.Fatalf("status %d, want %d: %s", w.Code, test.status, w.Body)
			}
			if n := len(s.dev.all()); n != test.messages {
				t.Errorf("%d messages delivered, want %d", n, test.messages)
			}
			var codes []string
			for _, r := range s.dev.rejects {
				codes = append(codes, r.Code)
				if r.Source != "web" || r.ReceivedAt != now.UnixNano() || r.Message == "" {
					t.Errorf("kept %s: %s, of %q at %d", r.Code, r.Message, r.Source, r.ReceivedAt)
				}
			}
			if got := strings.Join(codes, " "); got != test.codes {
				t.Errorf("kept %q, want %q", got, test.codes)
			}
			var got struct {
				Success bool
				Error   struct{ Code, Message string }
			}
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatalf("%v: %s", err, w.Body)
			}
			if got.Success != (test.status == 200) || (got.Error.Code != "") != (test.status != 200) {
				t.Errorf("answer %s", w.Body)
			}
			if h := w.Header(); h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Request-Id") == "" {
				t.Errorf("headers %v", h)
			}
		})
	}
}

// A live event whose timestamp cannot be read is taken, and a note of it is kept.
func TestTrackingTakesUnreadTimestamps(t *testing.T) {
	s := newServer(t, Settings{})
	body := `{"batch":[{"type":"page","userId":"u","messageId":"m","timestamp":"yesterday"},` + good + `,` + bad + `]}`
	w := s.post("/v1/batch", writeKey, body)
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"accepted":2,"refused":1,`) {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	if got := s.dev.all(); len(got) != 2 || s.dev.deliveries[0].Messages[0].Time != now.UnixNano() {
		t.Errorf("%+v", got)
	}
	if n := len(s.dev.rejects); n != 2 {
		t.Fatalf("%d are kept", n)
	}
	note := s.dev.rejects[1]
	if note.Code != "timestamp_unread" || note.MessageID != "m" || note.Type != "page" || len(note.Body) != 0 || !strings.Contains(note.Message, `"yesterday"`) {
		t.Errorf("%+v", note)
	}
	// In a file it is refused: history must not become today.
	s.admin(t, "POST", "/api/spaces/dev/import?source=web", `{"type":"page","userId":"u","timestamp":"yesterday"}`, 200, nil)
	if n := len(s.dev.all()); n != 2 {
		t.Errorf("%d messages are taken", n)
	}
	// The note is no message that could be sent again.
	var f failed
	s.dev.rejects[1].ID = "rej_9"
	s.admin(t, "POST", "/api/spaces/dev/rejects/rej_9/resend", "", 400, &f)
	if f.Error.Code != "timestamp_unread" {
		t.Errorf("%+v", f)
	}
	var out struct{ Resolved, Stored, Refused int }
	s.admin(t, "POST", "/api/spaces/dev/rejects/resend?code=timestamp_unread", "", 200, &out)
	if out.Resolved+out.Stored+out.Refused != 0 {
		t.Errorf("%+v", out)
	}
}

// What is refused whole is kept whole, and taken whole once it is mended.
func TestTrackingKeepsWholeRequests(t *testing.T) {
	s := newServer(t, Settings{})
	body := `{"batch":[` + strings.TrimSuffix(strings.Repeat(good+",", 5000), ",") + `],"context":{"ratio":NaN}}`
	if w := s.post("/v1/batch", writeKey, body); w.Code != 400 {
		t.Fatalf("%d: %.200s", w.Code, w.Body)
	}
	if len(s.dev.rejects) != 1 || string(s.dev.rejects[0].Body) != body {
		t.Fatalf("%d are kept, the first has %d bytes of %d", len(s.dev.rejects), len(s.dev.rejects[0].Body), len(body))
	}
	s.dev.rejects[0].ID = "rej_1"
	var out struct{ Resolved int }
	s.admin(t, "POST", "/api/spaces/dev/rejects/rej_1/resend", strings.Replace(body, "NaN", "null", 1), 200, &out)
	if n := len(s.dev.all()); out.Resolved != 1 || n != 5000 {
		t.Errorf("%+v, %d messages", out, n)
	}
}

func TestTrackingSaysWhichMessagesAreBad(t *testing.T) {
	s := newServer(t, Settings{})
	w := s.post("/v1/batch", writeKey, `{"batch":[`+good+`,`+bad+`]}`)
	want := `{"success":true,"accepted":1,"refused":1,"reasons":[{"index":1,"code":"missing_event","message":"` + s.dev.rejects[0].Message + `"}]}`
	if got := strings.TrimSpace(w.Body.String()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if r := s.dev.rejects[0]; r.MessageID != "m2" || r.Type != "track" || string(r.Body) != bad || r.Endpoint != "" {
		t.Errorf("kept %+v", r)
	}
}

func TestTrackingWhenTheSpaceFails(t *testing.T) {
	for _, test := range []struct {
		fail   error
		status int
		wait   string
	}{
		{space.ErrOverloaded, 503, "1"},
		{space.ErrClosed, 503, "2"},
		{fmt.Errorf("commit: %w", kv.ErrNoSpace), 503, "30"},
		{fmt.Errorf("commit: %w", kv.ErrUnavailable), 503, "2"},
		{fmt.Errorf("commit: %w", kv.ErrCorrupt), 500, ""},
		{errors.New("secret detail"), 500, ""},
	} {
		// Also for a request with nothing good in it: its refused messages are
		// not kept yet, so it must come again.
		for _, body := range []string{good, bad, "{"} {
			s := newServer(t, Settings{})
			s.dev.fail = test.fail
			w := s.post("/v1/track", writeKey, body)
			if w.Code != test.status || w.Header().Get("Retry-After") != test.wait {
				t.Errorf("%v: %d, Retry-After %q: %s", test.fail, w.Code, w.Header().Get("Retry-After"), w.Body)
			}
			if strings.Contains(w.Body.String(), "secret") || strings.Contains(w.Body.String(), "kv:") {
				t.Errorf("the answer shows internals: %s", w.Body)
			}
			if id := w.Header().Get("Request-Id"); test.status == 500 && !strings.Contains(s.log.String(), id) {
				t.Errorf("the log does not name the request: %s", s.log.String())
			}
		}
	}
}

func TestTrackingFeedsSeveralSpaces(t *testing.T) {
	s := newServer(t, Settings{})
	if w := s.post("/v1/track", bothKey, good); w.Code != 200 {
		t.Fatal(w.Body)
	}
	if len(s.dev.all()) != 1 || len(s.prod.all()) != 1 {
		t.Errorf("dev %v, prod %v", s.dev.all(), s.prod.all())
	}
	// Half of it is not enough: the client has to come again.
	s.prod.fail = space.ErrOverloaded
	if w := s.post("/v1/track", bothKey, good); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestTrackingPreflight(t *testing.T) {
	s := newServer(t, Settings{})
	w := s.do(http.MethodOptions, "/v1/b", "", "", "Origin", "https://shop.example",
		"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type,x-retry-count,x-own")
	h := w.Header()
	if w.Code != 204 || h.Get("Access-Control-Allow-Origin") != "https://shop.example" || h.Get("Access-Control-Allow-Credentials") != "true" || !strings.Contains(h.Get("Access-Control-Allow-Methods"), "POST") ||
		!strings.Contains(h.Get("Access-Control-Allow-Headers"), "x-own") {
		t.Errorf("%d %v", w.Code, h)
	}
	if vary := strings.Join(h.Values("Vary"), ", "); !strings.Contains(vary, "Origin") || !strings.Contains(vary, "Access-Control-Request-Headers") {
		t.Errorf("Vary: %s", vary)
	}
	// The answer to a beacon has to allow the same, or the browser complains; so
	// has one that refuses.
	for _, origin := range []string{"https://shop.example", "null"} {
		for _, body := range []string{good, bad} {
			h := s.post("/v1/t", writeKey, body, "Origin", origin, "Cookie", "session=1", "Sec-Fetch-Site", "cross-site").Header()
			if h.Get("Access-Control-Allow-Origin") != origin || h.Get("Access-Control-Allow-Credentials") != "true" {
				t.Errorf("%s: %v", origin, h)
			}
		}
	}
	// Not where people's data is.
	for _, path := range []string{"/api/spaces", "/v1/spaces/dev/collections/users/profiles/user_id:u1/traits", "/metrics", "/healthz"} {
		for _, method := range []string{http.MethodOptions, http.MethodGet} {
			if h := s.do(method, path, readToken, "", "Origin", "https://shop.example").Header(); h.Get("Access-Control-Allow-Origin") != "" || h.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s %s: %v", method, path, h)
			}
		}
	}
	h = s.do(http.MethodOptions, "/v1/t/", "", "").Header()
	for _, name := range []string{"Authorization", "Content-Type", "X-Retry-Count"} {
		if !strings.Contains(h.Get("Access-Control-Allow-Headers"), name) {
			t.Errorf("%s is not allowed: %v", name, h)
		}
	}
	if w := s.get("/v1/batch", writeKey); w.Code != 405 || w.Header().Get("Allow") == "" {
		t.Errorf("GET: %d %v", w.Code, w.Header())
	}
}

func TestTrackingContextBesideTheBatch(t *testing.T) {
	s := newServer(t, Settings{})
	w := s.post("/v1/batch", writeKey, `{"batch":[`+good+`],"context":{"app":"Shop"},"sentAt":"2020-01-02T03:04:05Z"}`)
	if w.Code != 200 || len(s.dev.deliveries) != 1 {
		t.Fatal(w.Body)
	}
	if m := s.dev.deliveries[0].Messages[0]; m.App != "Shop" || m.ReceivedAt != now.UnixNano() {
		t.Errorf("%+v", m)
	}
	// What is inherited does not make a message too large.
	nearly := `{"type":"track","event":"A","userId":"u1","properties":{"x":"` + strings.Repeat("x", 32<<10-70) + `"}}`
	w = s.post("/v1/batch", writeKey, `{"batch":[`+nearly+`],"context":{"app":"`+strings.Repeat("y", 2000)+`"}}`)
	if w.Code != 200 {
		t.Error(w.Body)
	}
}

func TestPixel(t *testing.T) {
	message := `{"userId":"u1","event":"Email Opened","writeKey":"` + writeKey + `"}`
	for _, test := range []struct {
		name, target string
		fail         error
		status       int
		messages     int
		rejects      int
	}{
		{"base64url", "/v1/pixel/track?data=" + base64.RawURLEncoding.EncodeToString([]byte(message)), nil, 200, 1, 0},
		{"padded", "/v1/pixel/t/?data=" + base64.URLEncoding.EncodeToString([]byte(message)), nil, 200, 1, 0},
		{"base64, not escaped", "/v1/pixel/track?data=" + base64.StdEncoding.EncodeToString([]byte(message+" ")), nil, 200, 1, 0},
		{"query", "/v1/pixel/track?userId=u1&event=Email+Opened&properties.subject=Hi&writeKey=" + writeKey, nil, 200, 1, 0},
		{"page", "/v1/pixel/page?anonymousId=a1&name=Home&writeKey=" + writeKey, nil, 200, 1, 0},
		{"missing field", "/v1/pixel/track?userId=u1&writeKey=" + writeKey, nil, 200, 0, 1},
		{"no base64", "/v1/pixel/track?data=%21%21%21&writeKey=" + writeKey, nil, 200, 0, 1},
		{"no JSON", "/v1/pixel/track?data=YWJj&writeKey=" + writeKey, nil, 200, 0, 1},
		{"bad query", "/v1/pixel/track?writeKey=" + writeKey + "&a..b=1", nil, 200, 0, 1},
		{"no key", "/v1/pixel/track?userId=u1&event=A", nil, 200, 0, 0},
		{"nothing", "/v1/pixel/track", nil, 200, 0, 0},
		{"overloaded", "/v1/pixel/track?userId=u1&event=A&writeKey=" + writeKey, space.ErrOverloaded, 503, 0, 0},
	} {
		s := newServer(t, Settings{})
		s.dev.fail = test.fail
		w := s.get(test.target, "")
		if w.Code != test.status || w.Header().Get("Content-Type") != "image/gif" || !strings.HasPrefix(w.Body.String(), "GIF89a") {
			t.Errorf("%s: %d %v", test.name, w.Code, w.Header())
		}
		if len(s.dev.all()) != test.messages || len(s.dev.rejects) != test.rejects {
			t.Errorf("%s: %d messages, %d rejects", test.name, len(s.dev.all()), len(s.dev.rejects))
		}
	}
}

func TestSettingsOfSDKs(t *testing.T) {
	for _, test := range []struct {
		name     string
		set      Settings
		header   []string
		host     string
		protocol string
	}{
		{"as asked", Settings{}, nil, "127.0.0.1:8080/v1", "http"},
		{"a stranger's word", Settings{}, []string{"X-Forwarded-Proto", "https", "X-Forwarded-Host", "evil.example"}, "127.0.0.1:8080/v1", "http"},
		{"behind a proxy", Settings{Proxies: testProxies}, []string{"X-Forwarded-Proto", "https"}, "127.0.0.1:8080/v1", "https"},
		{"behind a proxy that rewrites Host", Settings{Proxies: testProxies}, []string{"X-Forwarded-Proto", "https", "X-Forwarded-Host", "e.example"}, "e.example/v1", "https"},
		{"behind a proxy of RFC 7239", Settings{Proxies: testProxies}, []string{"Forwarded", "for=198.51.100.7;host=e.example:444;proto=https"}, "e.example:444/v1", "https"},
		{"as configured", Settings{PublicURL: "https://e.example/in/"}, nil, "e.example/in/v1", "https"},
	} {
		s := newServer(t, test.set)
		w := s.do("GET", "http://127.0.0.1:8080/v1/projects/"+writeKey+"/settings", "", "", test.header...)
		var got struct {
			Integrations map[string]struct {
				APIKey, APIHost, Protocol string
				DeliveryStrategy          any
			}
			Plan map[string]any
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err, w.Body)
		}
		in := got.Integrations["Segment.io"]
		if in.APIKey != writeKey || in.APIHost != test.host || in.Protocol != test.protocol || in.DeliveryStrategy != nil || len(got.Integrations) != 1 {
			t.Errorf("%s: %s", test.name, w.Body)
		}
		if w.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %v", test.name, w.Header())
		}
	}
	s := newServer(t, Settings{Batching: &tracking.Batching{Size: 20, Timeout: 3 * time.Second}})
	if w := s.get("/v1/projects/"+writeKey+"/settings/", ""); !strings.Contains(w.Body.String(), `"deliveryStrategy":{"config":{"size":20,"timeout":3000},"strategy":"batching"}`) {
		t.Error(w.Body)
	}
	if w := s.get("/v1/projects/wk_wrong/settings", ""); w.Code != 404 {
		t.Error(w.Code)
	}
	if w := s.post("/v1/m", "", `{"series":[]}`); w.Code != 200 {
		t.Error(w.Code)
	}
}

func TestBodiesAreBoundedTogether(t *testing.T) {
	s := newServer(t, Settings{BodyBudget: 8 << 10})
	w := s.post("/v1/batch", writeKey, `{"batch":[`+good+`],"x":"`+strings.Repeat("x", 20<<10)+`"}`)
	if w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	// What was taken is given back, whatever came of it.
	for range 10 {
		for _, body := range []string{good, bad, "{", packed(good), "\x1f\x8b"} {
			s.post("/v1/track", writeKey, body)
		}
	}
	if w := s.get("/metrics", adminToken); !strings.Contains(w.Body.String(), "selfsame_http_body_bytes 0\n") {
		t.Error("bytes are held when nobody is served")
	}
}

func TestSlowBodies(t *testing.T) {
	s := newServer(t, Settings{BodyPause: 50 * time.Millisecond})
	web := httptest.NewServer(s)
	defer web.Close()
	r, w := io.Pipe()
	defer w.Close()
	req, _ := http.NewRequest("POST", web.URL+"/v1/track?"+url.Values{}.Encode(), r)
	req.SetBasicAuth(writeKey, "")
	go func() { _, _ = w.Write([]byte("{")) }()
	resp, err := web.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestTimeout {
		t.Errorf("status %d, want 408", resp.StatusCode)
	}
}

// TestConcurrentRequests would see a body that is used again too early.
func TestConcurrentRequests(t *testing.T) {
	s := newServer(t, Settings{})
	web := httptest.NewServer(s)
	defer web.Close()
	const clients, requests, size = 8, 25, 10
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for r := range requests {
				var list []string
				for i := range size {
					list = append(list, fmt.Sprintf(`{"type":"track","userId":"u","event":"%d-%d-%d","properties":{"x":"%s"}}`, c, r, i, strings.Repeat("x", 100*(c+r))))
				}
				body := `{"batch":[` + strings.Join(list, ",") + `]}`
				if r%2 == 0 {
					body = packed(body)
				}
				req, err := http.NewRequest("POST", web.URL+"/v1/batch", strings.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				req.SetBasicAuth(writeKey, "")
				resp, err := web.Client().Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != 200 {
					t.Error(resp.StatusCode, err)
				}
				_ = resp.Body.Close()
			}
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	for _, name := range s.dev.all() {
		seen[name] = true
	}
	if len(seen) != clients*requests*size {
		t.Errorf("%d different events, want %d", len(seen), clients*requests*size)
	}
}

func FuzzTracking(f *testing.F) {
	for _, seed := range []string{good, bad, `{"batch":[` + good + `,3]}`, "{", `{"batch":[{"context":{}}],"context":{"a":1},"writeKey":"` + writeKey + `"}`,
		packed(good), "\x1f\x8b\x08", `{"batch":{}}`, "\xef\xbb\xbf{}"} {
		for i := range uint8(8) {
			f.Add(i, seed)
		}
	}
	f.Fuzz(func(t *testing.T, where uint8, body string) {
		s := newServer(t, Settings{})
		targets := []string{"/v1/batch", "/v1/track", "/v1/i/", "/v1/group", "/v1/alias", "/v1/p"}
		for _, key := range []string{writeKey, ""} {
			w := s.post(targets[int(where)%len(targets)], key, body)
			if w.Code >= 500 || w.Code == 200 && !strings.HasPrefix(w.Body.String(), `{"success":true`) {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			if w.Code == 400 && key != "" && len(s.dev.rejects) == 0 {
				t.Fatalf("refused and not kept: %s", w.Body)
			}
		}
		for _, query := range []string{"data=" + url.QueryEscape(body), url.Values{"userId": {body}, body: {"x"}}.Encode()} {
			if w := s.get("/v1/pixel/track?writeKey="+writeKey+"&"+query, ""); w.Code != 200 {
				t.Fatalf("pixel: %d", w.Code)
			}
		}
	})
}
