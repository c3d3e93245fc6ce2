package httpapi

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/query"
	"github.com/selfsame-id/selfsame/internal/space/rejects"
)

// admin sends a request with the admin token and reads the answer into into.
func (s *server) admin(t *testing.T, method, path, body string, status int, into any, header ...string) {
	t.Helper()
	w := s.do(method, path, "", body, append(header, "Authorization", "Bearer "+adminToken)...)
	if w.Code != status {
		t.Fatalf("%s %s: %d, want %d: %s", method, path, w.Code, status, w.Body)
	}
	if into != nil {
		if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
			t.Fatalf("%s %s: %v: %s", method, path, err, w.Body)
		}
	}
}

type failed struct {
	Error struct {
		Code, Message string
		Details       []string
	}
}

func TestManageNeedsTheAdminToken(t *testing.T) {
	s := newServer(t, Settings{})
	for _, path := range []string{"/api/spaces", "/api/spaces/dev/rules", "/api/spaces/x", "/api/nothing"} {
		for _, secret := range []string{"", "adm_wrong", readToken, writeKey} {
			if w := s.get(path, secret); w.Code != 401 {
				t.Errorf("%s with %q: %d", path, secret, w.Code)
			}
		}
	}
	if w := s.get("/api/spaces", adminToken); w.Code != 200 {
		t.Errorf("as the user name of Basic: %d", w.Code)
	}
	shut := New(Deps{Spaces: s, Catalog: s.catalog}, Settings{})
	s.API = shut
	if w := s.get("/api/spaces", ""); w.Code != 403 || !strings.Contains(w.Body.String(), "SELFSAME_ADMIN_TOKEN") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := s.get("/v1/spaces/x/collections/users/profiles/use_1/traits", ""); w.Code != 401 {
		t.Errorf("no admin token opens everything: %d", w.Code)
	}
}

func TestManageCatalog(t *testing.T) {
	s := newOwnServer(t, Settings{})
	var list struct {
		Data   []map[string]any
		Cursor struct {
			HasMore bool `json:"has_more"`
			Next    string
			Limit   int
		}
	}
	s.admin(t, "GET", "/api/spaces?limit=1", "", 200, &list)
	if len(list.Data) != 1 || list.Data[0]["id"] != "dev" || !list.Cursor.HasMore || list.Cursor.Next != "dev" {
		t.Errorf("%+v", list)
	}
	s.admin(t, "GET", "/api/spaces?limit=1&next=dev", "", 200, &list)
	if len(list.Data) != 1 || list.Data[0]["id"] != "prod" || list.Cursor.HasMore {
		t.Errorf("%+v", list)
	}
	var f failed
	s.admin(t, "POST", "/api/spaces", `{"id":"dev"}`, 409, &f)
	s.admin(t, "POST", "/api/spaces", `{"id":"a b"}`, 400, &f)
	s.admin(t, "POST", "/api/spaces", `{"id":"x","colour":"red"}`, 400, &f)
	if !strings.Contains(f.Error.Message, "colour") {
		t.Error(f.Error.Message)
	}
	s.admin(t, "POST", "/api/spaces", ``, 400, &f)
	s.admin(t, "POST", "/api/spaces", `{} {}`, 400, &f)
	s.admin(t, "PATCH", "/api/spaces/dev", `{"name":"x"}`, 409, &f)
	if f.Error.Code != "declared" || !strings.Contains(f.Error.Message, "configuration file") {
		t.Errorf("%+v", f)
	}
	s.admin(t, "GET", "/api/spaces/nothing", "", 404, &f)

	var made struct {
		ID       string
		Spaces   []string
		WriteKey string `json:"write_key"`
		Prefix   string `json:"write_key_prefix"`
		Name     string
	}
	s.admin(t, "POST", "/api/spaces/dev/sources", `{"id":"shop","name":"Shop","spaces":["prod"]}`, 201, &made)
	if fmt.Sprint(made.Spaces) != "[dev prod]" || !strings.HasPrefix(made.WriteKey, "wk_") || made.Prefix != made.WriteKey[:6] {
		t.Errorf("%+v", made)
	}
	if w := s.post("/v1/track", made.WriteKey, good); w.Code != 200 || len(s.prod.all()) != 1 {
		t.Errorf("the new key: %d", w.Code)
	}
	old := made.WriteKey
	s.admin(t, "POST", "/api/spaces/prod/sources/shop/rotate", "", 200, &made)
	if w := s.post("/v1/track", old, good); w.Code != 401 || made.WriteKey == old {
		t.Errorf("the old key: %d", w.Code)
	}
	s.admin(t, "PATCH", "/api/spaces/dev/sources/shop", `{"name":"Store"}`, 200, &made)
	if made.Name != "Store" || len(made.Spaces) != 2 {
		t.Errorf("%+v", made)
	}
	w := s.get("/api/spaces/dev/sources", adminToken)
	if strings.Contains(w.Body.String(), made.WriteKey) || !strings.Contains(w.Body.String(), `"shop"`) {
		t.Errorf("list: %s", w.Body)
	}
	s.admin(t, "DELETE", "/api/spaces/dev/sources/web", "", 409, &f)
	s.admin(t, "DELETE", "/api/spaces/dev/sources/shop", "", 204, nil)
	s.admin(t, "GET", "/api/spaces/dev/sources/shop", "", 404, &f)

	var token struct{ Token, Name string }
	s.admin(t, "POST", "/api/spaces/dev/tokens", `{"name":"crm"}`, 201, &token)
	s.dev.view = query.Profile{ID: "use_1", Collection: 1}
	if w := s.get(profilePath+"use_1/traits", token.Token); w.Code != 200 {
		t.Errorf("the new token: %d", w.Code)
	}
	s.admin(t, "GET", "/api/spaces/dev/tokens", "", 200, &list)
	if len(list.Data) != 2 {
		t.Errorf("%+v", list)
	}
	s.admin(t, "DELETE", "/api/spaces/dev/tokens/crm", "", 204, nil)
	s.admin(t, "DELETE", "/api/spaces/dev/tokens/backend", "", 409, &f)
	s.admin(t, "GET", "/api/nothing", "", 404, &f)
	s.admin(t, "PUT", "/api/spaces", "", 404, &f)
}

func TestManageRules(t *testing.T) {
	s := newServer(t, Settings{})
	var got struct {
		Version  int
		Declared bool
		NewTypes []string `json:"new_types"`
		Rules    map[string]any
	}
	s.admin(t, "GET", "/api/spaces/dev/rules", "", 200, &got)
	if got.Version != 7 || !got.Declared || len(got.NewTypes) != 1 {
		t.Errorf("%+v", got)
	}
	var f failed
	s.admin(t, "PUT", "/api/spaces/dev/rules", `{}`, 409, &f)
	s.admin(t, "PUT", "/api/spaces/prod/rules", `{"order":"backwards","identifiers":[{"type":"email","limit":-1}]}`, 400, &f)
	if len(f.Error.Details) < 2 {
		t.Errorf("not all mistakes are listed: %+v", f)
	}
	s.admin(t, "PUT", "/api/spaces/prod/rules", `{"order":"arrival"}`, 200, &got)
	if got.Rules["order"] != "arrival" || s.prod.rules.Order != "arrival" {
		t.Errorf("%+v", got)
	}
}

func TestManageRejects(t *testing.T) {
	s := newServer(t, Settings{})
	for _, body := range []string{`{"userId":"u"}`, `{"event":"A"}`, `{`} {
		s.post("/v1/track", writeKey, body)
	}
	var list struct {
		Data []struct {
			ID, Code, Message, Source, Endpoint, Body string
			ReceivedAt                                string `json:"received_at"`
		}
		Cursor struct{ Next string }
	}
	s.admin(t, "GET", "/api/spaces/dev/rejects?limit=2", "", 200, &list)
	if len(list.Data) != 2 || list.Cursor.Next == "" || list.Data[0].Code != "missing_event" || list.Data[0].ReceivedAt != "2020-01-02T03:04:05Z" {
		t.Errorf("%+v", list)
	}
	s.admin(t, "GET", "/api/spaces/dev/rejects?code=missing_id", "", 200, &list)
	if len(list.Data) != 1 || list.Data[0].Endpoint != "track" || list.Data[0].Body != "" {
		t.Errorf("%+v", list)
	}
	var one struct{ Body, Code string }
	s.admin(t, "GET", "/api/spaces/dev/rejects/rej_1", "", 200, &one)
	if one.Body != `{"userId":"u"}` {
		t.Errorf("%+v", one)
	}
	var f failed
	s.admin(t, "GET", "/api/spaces/dev/rejects/x", "", 404, &f)
	s.admin(t, "GET", "/api/spaces/dev/rejects/counts", "", 200, nil)

	// Sent again as it was, it is still bad, and stays.
	s.admin(t, "POST", "/api/spaces/dev/rejects/rej_1/resend", "", 400, &f)
	if f.Error.Code != "missing_event" || len(s.dev.rejects) != 3 {
		t.Errorf("%+v", f)
	}
	// Mended, it is taken, as of when it came.
	var out struct{ Resolved, Stored, Refused int }
	s.admin(t, "POST", "/api/spaces/dev/rejects/rej_1/resend", `{"userId":"u","event":"A"}`, 200, &out)
	if out.Resolved != 1 || out.Stored != 1 || len(s.dev.rejects) != 2 {
		t.Errorf("%+v", out)
	}
	if m := s.dev.deliveries[len(s.dev.deliveries)-1].Messages[0]; m.ReceivedAt != now.UnixNano() || m.Name != "A" {
		t.Errorf("%+v", m)
	}
	// Whatever has become acceptable goes with one call; the rest stays.
	s.dev.rejects[0].Body = []byte(`{"userId":"u","event":"B"}`)
	s.dev.rejects = append(s.dev.rejects,
		rejects.Reject{ID: "rej_8", Source: "both", Body: []byte(`{"batch":[` + good + `,` + good + `]}`)},
		rejects.Reject{ID: "rej_9", Source: "both", Body: []byte(`{"batch":[` + good + `,` + bad + `]}`)})
	s.admin(t, "POST", "/api/spaces/dev/rejects/resend", "", 200, &out)
	if out.Resolved != 2 || out.Stored != 3 || out.Refused != 2 || len(s.dev.rejects) != 2 {
		t.Errorf("%+v, %d left", out, len(s.dev.rejects))
	}
}

func TestManageFeed(t *testing.T) {
	s := newServer(t, Settings{})
	for i := range 3 {
		s.dev.feed = append(s.dev.feed, feed.Record{Lane: 1<<64 - 1, Seq: uint64(i), Time: now.UnixNano(), Blocks: []event.Block{event.NewBlock(event.MaxClock, 7)},
			Changes: []feed.Change{{Kind: feed.Merged, MessageID: "m", Time: 0}, {Kind: feed.Unmerged}}})
	}
	var got struct {
		Data []struct {
			Lane    string
			Seq     int
			Time    string
			Blocks  []string
			Changes []struct{ Time *string }
		}
		Cursor struct {
			HasMore bool `json:"has_more"`
			Next    string
		}
	}
	s.admin(t, "GET", "/api/spaces/dev/feed?limit=2", "", 200, &got)
	if len(got.Data) != 2 || !got.Cursor.HasMore {
		t.Errorf("%+v", got)
	}
	// What JSON numbers cannot hold is text, and 1970 is a time.
	if r := got.Data[0]; r.Lane != "18446744073709551615" || r.Blocks[0] != "ffffffffffff00000007" || r.Time != "2020-01-02T03:04:05Z" ||
		r.Changes[0].Time == nil || *r.Changes[0].Time != "1970-01-01T00:00:00Z" || r.Changes[1].Time != nil {
		t.Errorf("%+v", r)
	}
	s.admin(t, "GET", "/api/spaces/dev/feed?limit=2&cursor="+got.Cursor.Next, "", 200, &got)
	if len(got.Data) != 1 || got.Data[0].Seq != 2 || got.Cursor.HasMore || got.Cursor.Next != "3" {
		t.Errorf("%+v", got)
	}
	s.admin(t, "GET", "/api/spaces/dev/feed?cursor=x", "", 400, nil)
}

func TestManageVerify(t *testing.T) {
	s := newServer(t, Settings{})
	s.dev.report = query.VerifyReport{Events: 26, Differences: []query.Difference{{Kind: "trait", Subject: "use_1"}}}
	w := s.post("/api/spaces/dev/verify", adminToken, "")
	lines := strings.Split(strings.TrimSpace(w.Body.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], `{"progress":{"stage":"events","done":1,"total":2}}`) ||
		!strings.Contains(lines[1], `"differences":[{"kind":"trait"`) {
		t.Errorf("%s", w.Body)
	}
	s.dev.fail = fmt.Errorf("it broke")
	w = s.post("/api/spaces/dev/verify", adminToken, "")
	if !strings.Contains(w.Body.String(), `{"error":{"code":"internal_error"`) || strings.Contains(w.Body.String(), "broke") {
		t.Errorf("%s", w.Body)
	}
}

func TestManageProfileAndStats(t *testing.T) {
	s := jane(t, Settings{})
	var got struct {
		ID          string
		Merged      []string `json:"merged_ids"`
		Events      int
		Identifiers []struct{ Type, Value string }
		Traits      []struct {
			Name  string
			Value any
		}
	}
	s.admin(t, "GET", "/api/spaces/dev/profiles/users/user_id:a%2Fb:c", "", 200, &got)
	if got.ID != "use_2Zx" || got.Events != 4 || len(got.Identifiers) != 4 || len(got.Traits) != 4 || len(got.Merged) != 1 {
		t.Errorf("%+v", got)
	}
	var stats struct{ Events, Profiles int }
	s.admin(t, "GET", "/api/spaces/dev/stats", "", 200, &stats)
	if stats.Events != 26 || stats.Profiles != 1 {
		t.Errorf("%+v", stats)
	}
}

func TestManageImport(t *testing.T) {
	s := newServer(t, Settings{ImportBytes: 64 << 10})
	at := "/api/spaces/dev/import?source=web&mark=file"
	mark := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	lines := good + "\n\n" + bad + "\r\n{\n" + `{"type":"page","anonymousId":"a","receivedAt":"2019-01-01T00:00:00Z","name":"Old"}`
	var got struct {
		Stored, Refused int
		ByCode          map[string]int `json:"refused_by_code"`
		Reasons         []struct {
			Line int
			Code string
		}
	}
	s.admin(t, "POST", at, lines, 200, &got, "Selfsame-Mark", mark("1"), "Selfsame-Mark-Expect", "")
	if got.Stored != 2 || got.Refused != 2 || got.ByCode["missing_event"] != 1 || got.Reasons[0].Line != 3 || got.Reasons[1].Line != 4 {
		t.Errorf("%+v", got)
	}
	if m := s.dev.deliveries[0].Messages[1]; m.ReceivedAt >= now.UnixNano() {
		t.Errorf("an archive's receivedAt does not count: %+v", m)
	}
	var stored struct {
		Name  string
		Value []byte
	}
	s.admin(t, "GET", "/api/spaces/dev/marks/file", "", 200, &stored)
	if string(stored.Value) != "1" {
		t.Errorf("%+v", stored)
	}
	// The same request once more, because its answer was lost, counts once.
	s.admin(t, "POST", at, lines, 409, nil, "Selfsame-Mark", mark("1"), "Selfsame-Mark-Expect", "")
	if len(s.dev.deliveries) != 1 {
		t.Error("taken twice")
	}
	enc, _ := zstd.NewWriter(nil)
	s.admin(t, "POST", at, string(enc.EncodeAll([]byte(good), nil)), 200, &got,
		"Selfsame-Mark", mark("2"), "Selfsame-Mark-Expect", mark("1"), "Content-Encoding", "zstd")
	s.admin(t, "POST", at, packed(good), 200, &got, "Selfsame-Mark", mark("3"), "Content-Encoding", "gzip")
	if len(s.dev.all()) != 4 {
		t.Error(s.dev.all())
	}
	s.admin(t, "POST", at, strings.Repeat(" ", 65<<10), 413, nil, "Selfsame-Mark", mark("4"))
	s.admin(t, "POST", at, packed(strings.Repeat(" ", 1<<20)), 413, nil, "Selfsame-Mark", mark("4"))
	s.admin(t, "POST", at, good, 400, nil)
	s.admin(t, "POST", at, good, 400, nil, "Selfsame-Mark", "?")
	s.admin(t, "POST", "/api/spaces/dev/import?source=x", good, 404, nil)
	s.admin(t, "POST", "/api/spaces/dev/import", good, 400, nil)
	s.admin(t, "GET", "/api/spaces/dev/marks/none", "", 404, nil)
	s.dev.fail = space.ErrOverloaded
	s.admin(t, "POST", at, good, 503, nil, "Selfsame-Mark", mark("4"))
}

func TestHealthAndMetrics(t *testing.T) {
	s := newServer(t, Settings{})
	s.post("/v1/track", writeKey, good)
	s.post("/v1/track", writeKey, bad)
	s.get(profilePath+"email:jane@example.com/traits", readToken)
	for _, path := range []string{"/healthz", "/readyz"} {
		if w := s.get(path, ""); w.Code != 200 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	text := s.get("/metrics", adminToken).Body.String()
	for _, want := range []string{
		`selfsame_http_requests_total{route="/v1/track",status="200"} 1`,
		`selfsame_http_requests_total{route="/v1/track",status="400"} 1`,
		`selfsame_messages_accepted_total{source="web"} 1`,
		`selfsame_messages_refused_total{code="missing_event",source="web"} 1`,
		`selfsame_space_events_total{space="dev"} 26`,
		`selfsame_destination_backlog{destination="shop",space="dev",type="webhook"} 3`,
		`selfsame_destination_oldest_seconds{destination="shop",space="dev",type="webhook"} 3600.`,
		`selfsame_destination_stopped{destination="shop",space="dev",type="webhook"} 1`,
		`selfsame_destination_failures_total{destination="shop",space="dev",type="webhook"} 4`,
		`selfsame_destination_messages_total{destination="shop",outcome="delivered",space="dev",type="webhook"} 7`,
		`selfsame_destination_messages_total{destination="shop",outcome="unknown",space="dev",type="webhook"} 2`,
		`selfsame_http_request_seconds_bucket{route="/v1/track",le="0.0005"}`,
		`selfsame_space_definitions_behind_commits{space="dev"} 3`, `selfsame_space_definitions_behind_seconds{space="dev"} 1.5`,
		`go_goroutines`, `process_start_time_seconds`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not shown", want)
		}
	}
	if strings.Contains(text, "jane") {
		t.Error("the metrics name a person")
	}
}

func TestPanicsAreAnswered(t *testing.T) {
	s := newServer(t, Settings{})
	s.mux.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic("secret") })
	w := s.get("/panic", "")
	if w.Code != 500 || strings.Contains(w.Body.String(), "secret") || !strings.Contains(s.log.String(), w.Header().Get("Request-Id")) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := s.get("/nothing", ""); w.Code != 404 || !strings.Contains(w.Body.String(), "not_found") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
