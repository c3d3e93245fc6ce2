package httpapi

import (
	"github.com/selfsame-id/selfsame/internal/space/rules"
	"github.com/selfsame-id/selfsame/internal/space/watch"

	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/selfsame-id/selfsame/internal/catalog"
	"github.com/selfsame-id/selfsame/internal/deliver"
	"github.com/selfsame-id/selfsame/internal/deliver/email"
	"github.com/selfsame-id/selfsame/internal/deliver/outgoing"
	"github.com/selfsame-id/selfsame/internal/deliver/truth"
	"github.com/selfsame-id/selfsame/internal/deliver/webhook"
	"github.com/selfsame-id/selfsame/internal/httpapi/openapi"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/kv/pebblekv"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/computed"
	"github.com/selfsame-id/selfsame/internal/space/duplicates"
	"github.com/selfsame-id/selfsame/internal/space/export"
	"github.com/selfsame-id/selfsame/internal/space/overrides"
	"github.com/selfsame-id/selfsame/internal/space/query"
	"github.com/selfsame-id/selfsame/internal/space/search"
)

func document(t testing.TB) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(openapi.Document)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return doc
}

// Every route is in the document, and nothing else.
func TestDocumentHasEveryRoute(t *testing.T) {
	documented := map[string]bool{}
	for path, item := range document(t).Paths.Map() {
		for method := range item.Operations() {
			documented[method+" "+path] = true
		}
	}
	api := newServer(t, Settings{}).API
	if len(api.routes) < 40 {
		t.Fatalf("%d routes", len(api.routes))
	}
	for _, route := range api.routes {
		if !documented[route] {
			t.Errorf("%s is not in internal/httpapi/openapi/openapi.yaml", route)
		}
		delete(documented, route)
	}
	for route := range documented {
		t.Errorf("internal/httpapi/openapi/openapi.yaml has %s, which no handler serves", route)
	}
}

// house has many spaces, real ones, on a store in memory.
type house struct {
	store   kv.Store
	catalog *catalog.Catalog
	mu      sync.Mutex
	spaces  map[string]*served
	// declared is a space whose definitions stand in the configuration.
	declared string
}

// served is a space with the rooms above it.
type served struct {
	*space.Space
	*query.Reader
	*overrides.Editor
	*rules.Resolver
	*watch.Watcher
	*search.Index
	*export.Exporter
	caughtUp
	*computed.Computed
	*deliver.Dispatcher
}

func serve(ctx context.Context, store kv.Store, s *space.Space, cfg computed.Config) (*served, error) {
	c := computed.New(s, cfg)
	d, err := deliver.Open(ctx, deliver.Config{
		Space: s.ID(), Store: store, Keys: s.Keys(), Source: truth.New(s, c), Kinds: map[string]deliver.Kind{"webhook": webhook.Kind{}, "email": email.Kind{}},
		Log: slog.New(slog.DiscardHandler), PublicURL: func() string { return "https://profiles.example.com" },
		Guard: &outgoing.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
	})
	return &served{s, query.New(s), overrides.New(s), rules.New(s), watch.New(s), search.New(s, slog.New(slog.DiscardHandler), search.Told{}), export.New(s, ""), caughtUp{duplicates.New(s, duplicates.Config{})}, c, d}, err
}

func (s *served) Close(ctx context.Context) error {
	return errors.Join(s.Dispatcher.Close(ctx), s.Space.Close(ctx))
}

// caughtUp has read all of the feed whenever it is asked for duplicates.
type caughtUp struct{ *duplicates.Finder }

func (c caughtUp) Duplicates(ctx context.Context, q duplicates.Query) (duplicates.Page, error) {
	if _, err := c.Pass(ctx, time.Now().Add(time.Minute)); err != nil {
		return duplicates.Page{}, err
	}
	return c.Finder.Duplicates(ctx, q)
}

func (h *house) Space(ctx context.Context, id string) (Space, error) {
	if _, err := h.catalog.Space(ctx, id); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if s := h.spaces[id]; s != nil {
		return s, nil
	}
	quiet := slog.New(slog.DiscardHandler)
	s, err := space.Open(ctx, h.store, space.Config{ID: id, Log: quiet, Compile: computed.Compile, ApplyRules: rules.Apply})
	if err != nil {
		return nil, err
	}
	h.spaces[id], err = serve(ctx, h.store, s, computed.Config{Declared: id == h.declared})
	return h.spaces[id], err
}

func (h *house) Opened() []Space { return nil }

// auditor makes requests and holds each with its answer against the document.
type auditor struct {
	*testing.T
	api   *API
	house *house
	doc   *openapi3.T
	head  http.Header     // of the last answer
	seen  map[string]bool // operations that were answered well
}

func newAuditor(t *testing.T) *auditor {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	store, err := pebblekv.Open("store", pebblekv.Options{FS: vfs.NewMem(), CacheBytes: 1 << 20, MemtableBytes: 1 << 20, ReserveBytes: -1, MinFree: -1, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalog.Open(t.Context(), store, catalog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{store: store, catalog: c, spaces: map[string]*served{}}
	t.Cleanup(func() {
		for _, s := range h.spaces {
			s.Close(context.Background())
		}
		store.Close()
	})
	lines := func(body io.Reader, h http.Header, s *openapi3.SchemaRef, fn openapi3filter.EncodingFn) (any, error) {
		return openapi3filter.JSONBodyDecoder(body, h, s, fn)
	}
	openapi3filter.RegisterBodyDecoder("application/x-ndjson", lines)
	return &auditor{T: t, house: h, api: New(Deps{Spaces: h, Catalog: c, Log: quiet}, Settings{AdminToken: adminToken}), doc: document(t), seen: map[string]bool{}}
}

// call makes a request, checks both ways, and decodes a JSON answer.
func (a *auditor) call(want int, method, path, body string, header ...string) map[string]any {
	a.Helper()
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	req.Header.Set("Authorization", "Bearer "+adminToken)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	a.api.ServeHTTP(w, req)
	answer := w.Body.Bytes()
	a.head = w.Header()
	if w.Code != want {
		a.Fatalf("%s %s: %d, want %d: %s", method, path, w.Code, want, answer)
	}
	_, template, found := strings.Cut(req.Pattern, " ")
	if !found {
		template = req.Pattern
	}
	item := a.doc.Paths.Value(template)
	if item == nil || item.GetOperation(method) == nil {
		a.Fatalf("%s %s: the document has no %s", method, path, template)
	}
	op := item.GetOperation(method)
	if want < 300 {
		a.seen[op.OperationID] = true
	}
	a.declared(op, item, req)

	params := map[string]string{}
	for _, part := range strings.Split(template, "/") {
		if name := strings.Trim(part, "{}"); name != part {
			params[name] = req.PathValue(name)
		}
	}
	req.Body = io.NopCloser(strings.NewReader(body))
	options := &openapi3filter.Options{IncludeResponseStatus: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, MultiError: true}
	in := &openapi3filter.RequestValidationInput{
		Request: req, PathParams: params, QueryParams: req.URL.Query(), Options: options,
		Route: &routers.Route{Spec: a.doc, Path: template, PathItem: item, Method: method, Operation: op},
	}
	if want < 300 && !strings.HasSuffix(template, "/import") {
		if err := openapi3filter.ValidateRequest(a.Context(), in); err != nil {
			a.Errorf("%s %s: what is sent is not what the document says: %s\n%s", method, path, shortly(err), body)
		}
	}
	bodies := [][]byte{answer}
	if w.Header().Get("Content-Type") == "application/x-ndjson" {
		bodies = bytes.Split(bytes.TrimSpace(answer), []byte("\n"))
	}
	for _, b := range bodies {
		out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: w.Code, Header: w.Header(), Options: options}
		out.SetBodyBytes(b)
		if err := openapi3filter.ValidateResponse(a.Context(), out); err != nil {
			a.Errorf("%s %s: the answer is not what the document says: %s\n%.1000s", method, path, shortly(err), b)
		}
	}
	var v map[string]any
	if w.Header().Get("Content-Type") == "application/json" && len(answer) > 0 {
		if err := json.Unmarshal(answer, &v); err != nil {
			a.Fatal(err)
		}
	}
	return v
}

// shortly is an error without the schema that it repeats.
func shortly(err error) string {
	text, _, _ := strings.Cut(err.Error(), "Schema:")
	return text
}

// declared complains about parameters that the document does not have.
func (a *auditor) declared(op *openapi3.Operation, item *openapi3.PathItem, req *http.Request) {
	a.Helper()
	for name := range req.URL.Query() {
		if op.Parameters.GetByInAndName("query", name) == nil {
			a.Errorf("%s has no parameter %s", op.OperationID, name)
		}
	}
	for _, name := range []string{"If-Match", "Selfsame-User", "Selfsame-Mark", "Selfsame-Mark-Expect"} {
		if req.Header.Get(name) != "" && op.Parameters.GetByInAndName("header", name) == nil {
			a.Errorf("%s has no header %s", op.OperationID, name)
		}
	}
}

// first is a member of the first entry of a list.
func first(v map[string]any, name string) string {
	list, _ := v["data"].([]any)
	if len(list) == 0 {
		return "none"
	}
	text, _ := list[0].(map[string]any)[name].(string)
	return text
}

// What the handlers take and answer is what the document says, for every
// operation.
func TestAnswersAreWhatTheDocumentSays(t *testing.T) {
	a := newAuditor(t)
	const shop = "/api/spaces/shop"
	const user = "/v1/spaces/shop/collections/users/profiles/"

	a.call(201, "POST", "/api/spaces", `{"id":"shop","name":"Shop"}`, "Selfsame-User", "ann")
	a.call(201, "POST", "/api/spaces", `{"id":"other"}`)
	a.call(409, "POST", "/api/spaces", `{"id":"shop"}`)
	a.call(400, "POST", "/api/spaces", `{"id":"no good","what":1}`)
	a.call(200, "GET", "/api/spaces?limit=1", "")
	a.call(200, "GET", shop, "")
	a.call(404, "GET", "/api/spaces/nowhere", "")
	a.call(401, "GET", shop, "", "Authorization", "Bearer wrong")
	a.call(200, "PATCH", shop, `{"name":"The shop"}`)

	a.call(201, "POST", shop+"/sources", `{"id":"web","name":"Web","spaces":["other"]}`)
	a.call(201, "POST", shop+"/sources", `{"id":"old"}`)
	a.call(200, "GET", shop+"/sources", "")
	a.call(200, "GET", shop+"/sources/web", "")
	a.call(200, "PATCH", shop+"/sources/web", `{"name":"Website"}`)
	a.call(200, "POST", shop+"/sources/web/rotate?why=leaked&grace=30d", "")
	a.call(200, "POST", shop+"/sources/web/retire", "")
	a.api.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/v1/track", strings.NewReader(`{"event":"Opened","anonymousId":"a1","writeKey":"wk_nobodys"}`)))
	a.call(200, "GET", "/api/unknown-keys", "")
	a.call(200, "GET", shop+"/warnings", "")
	a.call(200, "POST", shop+"/warnings/unknown_write_keys/dismiss?why=tests", "")
	a.call(204, "DELETE", "/api/unknown-keys", "")
	a.call(204, "DELETE", shop+"/sources/old", "")
	a.call(201, "POST", shop+"/tokens", `{"name":"backend"}`)
	a.call(200, "GET", shop+"/tokens", "")
	a.call(204, "DELETE", shop+"/tokens/backend", "")

	var lines strings.Builder
	for i := range 12 {
		fmt.Fprintf(&lines, `{"type":"track","event":"Looked","messageId":"k%d","userId":"person-%d","anonymousId":"kiosk","timestamp":"2026-03-01T10:00:%02dZ","context":{"app":{"name":"Shop"}}}`+"\n", i, i, i)
	}
	lines.WriteString(`{"type":"identify","messageId":"i1","userId":"jane","anonymousId":"a1","traits":{"email":"jane@shop.de","plan":"pro"},"context":{"groupId":"acme"}}` + "\n")
	lines.WriteString(`{"type":"track","event":"Looked","messageId":"i2","anonymousId":"a2"}` + "\n")
	lines.WriteString(`{"type":"identify","messageId":"i3","userId":"jane","anonymousId":"a2","traits":{"plan":"max"}}` + "\n")
	lines.WriteString(`{"type":"group","messageId":"g1","userId":"jane","groupId":"acme","traits":{"size":7}}` + "\n")
	lines.WriteString(`{"type":"track","event":"x","messageId":"n1","userId":"null","anonymousId":"0"}` + "\n")
	lines.WriteString(`{"type":"track","event":"x","messageId":"n2","userId":"dummy","context":{"externalIds":[{"type":"card","id":"L-7","collection":"users","encoding":"none"}]}}` + "\n")
	lines.WriteString(`{"type":"track","userId":"jane"}` + "\n" + `{"type":"track","userId":"jane","messageId":"later"}` + "\n")
	a.call(200, "POST", shop+"/import?source=web&mark=file", lines.String(), "Selfsame-Mark", "MQ==", "Content-Type", "application/x-ndjson")
	a.call(200, "GET", shop+"/marks/file", "")
	a.call(404, "GET", shop+"/marks/none", "")
	a.call(409, "POST", shop+"/import?source=web&mark=file", lines.String(), "Selfsame-Mark", "MQ==", "Selfsame-Mark-Expect", "Mg==")

	a.call(200, "GET", shop+"/feed?limit=5", "")
	a.call(200, "GET", shop+"/stats", "")
	a.call(200, "POST", shop+"/verify", "")
	a.call(200, "GET", shop+"/profiles/users/user_id:jane", "")
	a.call(200, "GET", shop+"/profiles/accounts/group_id:acme?as_of=2030-01-01", "")
	a.call(404, "GET", shop+"/profiles/users/user_id:nobody", "")
	a.call(200, "GET", shop+"/profiles/users/user_id:jane/story?limit=2", "")
	a.call(200, "GET", shop+"/profiles/users/user_id:jane/story?format=dot", "")
	if j := a.call(200, "GET", shop+"/profiles/users/user_id:jane/journey?items=10&start=2000-01-01", ""); len(j["items"].([]any)) == 0 || len(j["lanes"].([]any)) == 0 {
		t.Errorf("the journey: %v", j)
	}
	a.call(400, "GET", shop+"/profiles/users/user_id:jane/journey?items=3", "")
	a.call(200, "GET", shop+"/profiles/users/user_id:jane/graph?strands=2", "")
	a.call(400, "GET", shop+"/profiles/users/user_id:jane/graph?strands=0", "")
	if list := a.call(200, "GET", shop+"/events/recent?limit=3&since=2020-01-01", ""); len(list["data"].([]any)) != 3 {
		t.Errorf("recent events: %v", list)
	}
	a.call(200, "GET", shop+"/explain?a=email:jane@shop.de&b=anonymous_id:a2", "")
	a.call(200, "GET", shop+"/explain?a=user_id:person-1&b=user_id:person-2&collection=users", "")
	a.call(200, "GET", shop+"/explain?a=user_id:jane&b=user_id:person-2&format=dot", "")
	a.call(400, "GET", shop+"/explain?a=user_id:jane", "")

	a.call(200, "GET", shop+"/find?q=user_id:jane&limit=1", "")
	a.call(200, "GET", shop+"/find?q=acme&collection=accounts", "")
	a.call(400, "GET", shop+"/find", "")
	a.call(200, "GET", shop+"/export/profiles?id=mine&columns=id,plan", "")
	a.call(200, "GET", shop+"/export/events", "")
	a.call(400, "GET", shop+"/export/profiles?format=xlsx", "")
	a.call(409, "GET", shop+"/export/profiles?id=mine", "")
	a.call(200, "GET", shop+"/exports", "")
	a.call(200, "GET", shop+"/exports/mine", "")
	if trail := a.call(200, "GET", shop+"/audit?limit=2", ""); first(trail, "action") != "export.events" || fmt.Sprint(trail["data"].([]any)[1].(map[string]any)["detail"]) != "map[columns:[id plan] format:ndjson kind:profiles rows:14]" {
		t.Errorf("the audit trail: %v", trail)
	}
	a.call(404, "GET", shop+"/exports/other", "")
	a.call(400, "GET", shop+"/find?q=jane&next=x", "")

	a.call(200, "GET", shop+"/insights?kind=demoted,unresolved&source=web&limit=3", "")
	a.call(200, "GET", shop+"/insights?profile=user_id:jane&since=2020-01-01", "")
	a.call(200, "GET", shop+"/insights?limit=1000", "")
	a.call(400, "GET", shop+"/insights?kind=born", "")
	a.call(200, "GET", shop+"/insights/counts?every=day", "")
	a.call(400, "GET", shop+"/insights/counts?every=year", "")
	// The watcher needs a moment.
	var warnings map[string]any
	for deadline := time.Now().Add(2 * time.Minute); first(warnings, "id") == "none"; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no warnings")
		}
		warnings = a.call(200, "GET", shop+"/warnings", "")
	}
	a.call(200, "POST", shop+"/warnings/"+first(warnings, "id")+"/dismiss?why=ours", "", "Selfsame-User", "ann")
	a.call(200, "GET", shop+"/warnings?state=all", "")
	a.call(404, "POST", shop+"/warnings/x/dismiss", "")

	rejects := a.call(200, "GET", shop+"/rejects?code=missing_event", "")
	id := first(rejects, "id")
	a.call(200, "GET", shop+"/rejects/counts", "")
	a.call(200, "GET", shop+"/rejects/"+id, "")
	a.call(400, "POST", shop+"/rejects/"+id+"/resend", "")
	a.call(200, "POST", shop+"/rejects/"+id+"/resend?why=mended", `{"type":"track","event":"y","userId":"jane"}`)
	a.call(200, "POST", shop+"/rejects/resend?source=web", "")

	a.call(200, "GET", shop+"/definitions", "")
	a.call(200, "GET", shop+"/profiles/users/user_id:jane/computed", "")
	const definitions = `{"traits":{"looks":{"event":"Looked","kind":"count"}},"audiences":{"lookers":{"when":"traits.looks > 0"}}}`
	a.call(200, "POST", shop+"/definitions/check", definitions)
	a.call(400, "POST", shop+"/definitions/check", `{"traits":{"looks":{"kind":"much"}}}`)
	a.call(200, "PUT", shop+"/definitions?why=tests", definitions, "Selfsame-User", "ann", "If-Match", `"0"`)
	a.call(412, "PUT", shop+"/definitions", definitions, "If-Match", `"0"`)
	// They are computed over history in a moment.
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the audience stays empty")
		}
		members := a.call(200, "GET", shop+"/audiences/lookers/members?limit=2", "")
		if first(members, "id") != "none" && members["audience"].(map[string]any)["complete"] == true {
			break
		}
	}
	a.call(404, "GET", shop+"/audiences/none/members", "")
	a.call(200, "POST", shop+"/audiences/lookers/preview", definitions)
	a.call(404, "POST", shop+"/audiences/none/preview", definitions)
	destinations(a, shop, definitions)
	a.call(200, "GET", shop+"/definitions", "")
	a.call(200, "GET", shop+"/definitions/versions", "")
	a.call(200, "GET", shop+"/definitions/versions/1", "")
	a.call(404, "GET", shop+"/definitions/versions/7", "")
	a.call(200, "GET", shop+"/profiles/users/user_id:person-1/computed", "")
	a.call(404, "GET", shop+"/profiles/users/user_id:nobody/computed", "")
	if h := a.call(200, "GET", shop+"/profiles/users/user_id:person-1/computed/history?keys=looks,lookers&start=2020-01-01", ""); len(h["series"].([]any)) != 2 {
		t.Errorf("the history of what is computed: %v", h)
	}
	a.call(404, "GET", shop+"/profiles/users/user_id:nobody/computed/history", "")
	a.call(400, "GET", shop+"/profiles/users/user_id:jane/computed/history?start=soon", "")
	a.call(200, "GET", shop+"/profiles/users/user_id:jane/deliveries", "")
	a.call(404, "GET", shop+"/profiles/users/user_id:nobody/deliveries", "")
	if h := a.call(200, "GET", shop+"/profiles/users/user_id:jane/traits/history?name=plan&limit=1", ""); first(h, "message_id") != "i3" {
		t.Errorf("the history of a trait: %v", h)
	}
	a.call(400, "GET", shop+"/profiles/users/user_id:jane/traits/history?next=x", "")
	a.call(200, "GET", user+"user_id:person-1/traits?class=computed_trait&verbose=true", "")
	a.call(200, "GET", user+"user_id:person-1/traits?class=audience", "")

	a.call(200, "GET", shop+"/rules", "")
	rules := `{"order":"person_first","defaults":{"blocked":["null","0"]},"exclude":[{"type":"email","event":"Invited"}],"identifiers":[{"type":"user_id","limit":1},{"type":"email","limit":5,"window":"annually","blocked_patterns":["^x"]}]}`
	a.call(200, "POST", shop+"/rules/check", rules)
	a.call(400, "POST", shop+"/rules/check", `{"order":"sideways"}`)
	draft := `{"identifiers":[{"type":"user_id","limit":1},{"type":"anonymous_id","blocked":["kiosk"]}]}`
	sim := a.call(202, "POST", shop+"/simulations", draft)
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
		got := a.call(200, "GET", shop+"/simulations/"+sim["id"].(string), "")
		if got["state"] == "done" {
			if got["report"] == nil {
				t.Error("a simulation without a report")
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v", got)
		}
	}
	a.call(200, "GET", shop+"/simulations", "")
	a.call(204, "DELETE", shop+"/simulations/"+sim["id"].(string), "")
	a.call(404, "GET", shop+"/simulations/sim_x", "")
	a.call(200, "PUT", shop+"/rules?why=kiosk", draft, "If-Match", `"0"`)
	a.call(412, "PUT", shop+"/rules", draft, "If-Match", `"0"`)
	a.settled(shop)
	a.call(200, "GET", shop+"/rules/versions", "")
	a.call(200, "GET", shop+"/rules/versions/1", "")
	a.call(404, "GET", shop+"/rules/versions/77", "")
	a.call(200, "POST", shop+"/rules/copy", `{"from":"other","why":"same shop"}`)
	a.settled(shop)
	a.call(200, "POST", shop+"/rules/versions/1/restore?why=back", "")
	a.settled(shop)

	cut := `{"kind":"cannot_link","ids":["user_id:jane","anonymous_id:a2"],"why":"not hers"}`
	a.call(200, "POST", shop+"/overrides?preview=true", cut)
	made := a.call(201, "POST", shop+"/overrides", cut, "Selfsame-User", "ann")
	a.call(409, "POST", shop+"/overrides", cut)
	a.call(400, "POST", shop+"/overrides", `{"kind":"cut"}`)
	a.call(200, "GET", shop+"/overrides", "")
	override := made["override"].(map[string]any)["id"].(string)
	a.call(200, "GET", shop+"/overrides/"+override, "")
	a.call(200, "GET", shop+"/explain?a=user_id:jane&b=anonymous_id:a2", "")
	a.call(200, "GET", shop+"/profiles/users/user_id:jane/story", "")
	a.call(200, "DELETE", shop+"/overrides/"+override+"?preview=true", "")
	a.call(200, "DELETE", shop+"/overrides/"+override, "")
	a.call(404, "GET", shop+"/overrides/"+override, "")
	same := `{"kind":"same","ids":["user_id:jane","anonymous_id:a2"],"why":"two accounts"}`
	a.call(200, "POST", shop+"/overrides?preview=true", same)
	joined := a.call(201, "POST", shop+"/overrides", same)["override"].(map[string]any)["id"].(string)
	a.call(409, "POST", shop+"/overrides", `{"kind":"cannot_link","ids":["anonymous_id:a2","user_id:jane"]}`)
	a.call(200, "GET", shop+"/overrides/"+joined, "")
	a.call(200, "GET", shop+"/profiles/users/user_id:jane/story", "")
	a.call(200, "DELETE", shop+"/overrides/"+joined, "")
	people := `{"type":"identify","messageId":"p1","userId":"jd","traits":{"phone":"+41 79 123 45 67"}}` + "\n" +
		`{"type":"identify","messageId":"p2","userId":"jd2","traits":{"phone":"0041791234567","country":"CH"}}` + "\n"
	a.call(200, "POST", shop+"/import?source=web", people, "Content-Type", "application/x-ndjson")
	alike := a.call(200, "GET", shop+"/duplicates?kind=phone", "")["data"].([]any)
	if len(alike) != 1 {
		t.Fatalf("%d possible duplicates", len(alike))
	}
	duplicate := alike[0].(map[string]any)["id"].(string)
	a.call(400, "GET", shop+"/duplicates?kind=shoe", "")
	a.call(400, "GET", shop+"/duplicates?next=x", "")
	a.call(200, "GET", shop+"/duplicates/"+duplicate, "")
	a.call(404, "GET", shop+"/duplicates/dup_x", "")
	a.call(200, "POST", shop+"/duplicates/"+duplicate+"/dismiss?why=twins", "")
	a.call(200, "GET", shop+"/duplicates?state=dismissed", "")
	a.call(200, "POST", shop+"/duplicates/"+duplicate+"/restore?why=one%20after%20all", "")
	a.call(404, "POST", shop+"/duplicates/dup_x/restore", "")
	a.call(200, "GET", shop+"/audit?limit=1000", "")

	for _, resource := range []string{"traits", "traits?verbose=true&limit=1", "external_ids?include=email", "events?limit=2&sort=asc", "metadata", "metadata?verbose=true", "links", "traits?as_of=2030-01-01"} {
		a.call(200, "GET", user+"user_id:jane/"+resource, "")
	}
	a.call(200, "GET", "/v1/spaces/shop/collections/accounts/profiles/group_id:acme/links", "")
	a.call(404, "GET", user+"user_id:nobody/traits", "")
	a.call(400, "GET", user+"jane/traits", "")
	a.call(200, "POST", user+"user_id:jane/external_ids/delete?preview=true", `{"delete_external_ids":[{"id":"a1","type":"anonymous_id"}]}`)
	a.call(200, "POST", user+"user_id:jane/external_ids/delete", `{"delete_external_ids":[{"id":"a1","type":"anonymous_id"}]}`)
	a.call(200, "GET", "/api/openapi.yaml", "", "Authorization", "")

	a.call(401, "POST", "/api/session", `{"token":"guess"}`, "Authorization", "")
	a.call(200, "POST", "/api/session", `{"token":"`+adminToken+`"}`, "Authorization", "")
	cookie, _, _ := strings.Cut(a.head.Get("Set-Cookie"), ";")
	if s := a.call(200, "GET", "/api/session", "", "Authorization", "", "Cookie", cookie); s["signed_in"] != true {
		t.Errorf("the session: %v", s)
	}
	a.call(200, "GET", "/api/spaces", "", "Authorization", "", "Cookie", cookie)
	a.call(204, "DELETE", "/api/session", "", "Authorization", "", "Cookie", cookie)
	a.call(401, "GET", "/api/spaces", "", "Authorization", "", "Cookie", cookie)

	a.call(400, "DELETE", shop, "")
	a.call(400, "DELETE", shop+"?confirm=other", "")
	if lost := a.call(200, "DELETE", shop+"?preview=true", ""); lost["events"].(float64) < 15 || lost["profiles"].(float64) == 0 || lost["preview"] != true {
		t.Errorf("the preview: %v", lost)
	}
	if lost := a.call(202, "DELETE", shop+"?confirm=shop&why=closed", "", "Selfsame-User", "ann"); fmt.Sprint(lost["kept_sources"]) != "[web]" {
		t.Errorf("the deletion: %v", lost)
	}
	a.call(404, "DELETE", shop+"?confirm=shop", "")
	a.call(404, "GET", shop, "")
	a.call(404, "GET", shop+"/sources", "")
	a.call(409, "POST", "/api/spaces", `{"id":"shop"}`)
	if list := a.call(200, "GET", "/api/spaces", ""); list["data"].([]any)[1].(map[string]any)["deleted_at"] == nil {
		t.Errorf("the list: %v", list)
	}
	if trail := a.call(200, "GET", shop+"/audit?limit=3", ""); !strings.Contains(fmt.Sprint(trail), "action:space.delete") || first(trail, "for") != "ann" {
		t.Errorf("the trail: %v", trail)
	}
	a.call(404, "GET", "/api/spaces/nowhere/audit", "")

	var missing []string
	for _, item := range a.doc.Paths.Map() {
		for _, op := range item.Operations() {
			if !a.seen[op.OperationID] {
				missing = append(missing, op.OperationID)
			}
		}
	}
	slices.Sort(missing)
	if len(missing) > 0 {
		t.Errorf("no good answer was held against the document of %s", strings.Join(missing, ", "))
	}
}

// settled waits until new rules are applied.
func (a *auditor) settled(path string) {
	a.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if a.call(200, "GET", path+"/rules", "")["applying"] == false {
			return
		}
		if time.Now().After(deadline) {
			a.Fatal("not settled")
		}
	}
}
