package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/getkin/kin-openapi/openapi3"

	"github.com/selfsame-id/selfsame/internal/catalog"
	"github.com/selfsame-id/selfsame/internal/kv/pebblekv"
)

// question is an operation that reads, with everything that one can say to it.
type question struct {
	template string
	path     string   // with the values of a space that has something
	params   []string // in the query
	places   []string // in the path
}

// examples are values that are found, for the places of a path.
var examples = map[string]string{
	"space": "shop", "source": "web", "token": "backend", "version": "1", "simulation": "sim_1", "override": "ovr_1", "reject": "00",
	"collection": "users", "profile": "user_id:jane", "audience": "buyers", "warning": "00", "duplicate": "dup_00", "mark": "file", "resource": "traits",
	"destination": "crm", "address": "jane@example.com",
	"what": "profiles", "export": "exp_1",
}

// questions are all operations of the document that read.
func questions(t testing.TB, doc *openapi3.T) []question {
	t.Helper()
	var out []question
	for template, item := range doc.Paths.Map() {
		if item.Get == nil {
			continue
		}
		q := question{template: template, path: template}
		for _, part := range strings.Split(template, "/") {
			if name := strings.Trim(part, "{}"); name != part {
				if examples[name] == "" {
					t.Fatalf("%s: no example of %s", template, name)
				}
				q.path = strings.ReplaceAll(q.path, part, url.PathEscape(examples[name]))
				q.places = append(q.places, name)
			}
		}
		for _, p := range append(slices.Clone(item.Parameters), item.Get.Parameters...) {
			if p.Value.In == "query" {
				q.params = append(q.params, p.Value.Name)
			}
		}
		out = append(out, q)
	}
	slices.SortFunc(out, func(a, b question) int { return strings.Compare(a.template, b.template) })
	if len(out) < 30 {
		t.Fatalf("%d operations read", len(out))
	}
	return out
}

// at is the question's path with another value in one place.
func (q *question) at(place, value string) string {
	path := q.template
	for _, name := range q.places {
		v := examples[name]
		if name == place {
			v = value
		}
		path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(v))
	}
	return path
}

// newShop is the API over a space in which something happened.
func newShop(t testing.TB) *API {
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
			_ = s.Close(context.Background())
		}
		_ = store.Close()
	})
	api := New(Deps{Spaces: h, Catalog: c, Log: quiet}, Settings{AdminToken: adminToken})
	for _, one := range [][3]string{
		{"POST", "/api/spaces", `{"id":"shop"}`},
		{"POST", "/api/spaces", `{"id":"empty"}`},
		{"POST", "/api/spaces/shop/sources", `{"id":"web"}`},
		{"POST", "/api/spaces/shop/import?source=web", `{"type":"identify","messageId":"1","userId":"jane","anonymousId":"a","timestamp":"1970-01-01T00:00:00Z","traits":{"plan":"pro","size, shoes":42}}
{"type":"track","event":"A","messageId":"2","anonymousId":"a","timestamp":"1970-01-01T00:00:00Z"}
{"type":"track","event":"A, B","messageId":"3","anonymousId":"b","timestamp":"2020-01-01T00:00:00Z"}
{"type":"group","messageId":"4","userId":"jane","groupId":"acme","anonymousId":"b"}
{"type":"track","event":"x","messageId":"5","userId":"null"}
{"type":"track","event":"y","messageId":"6","anonymousId":"c"}
{"type":"track"}
`},
		{"POST", "/api/spaces/shop/overrides", `{"kind":"isolate","ids":["anonymous_id:c"]}`},
		{"PUT", "/api/spaces/shop/rules", `{"identifiers":[{"type":"user_id","limit":1}]}`},
	} {
		if status, body := ask(api, one[0], one[1], one[2]); status >= 300 {
			t.Fatalf("%s %s: %d %s", one[0], one[1], status, body)
		}
	}
	return api
}

// ask makes a request as the administrator.
func ask(api http.Handler, method, target, body string) (int, string) {
	req := httptest.NewRequest(method, "/", strings.NewReader(body))
	path, query, _ := strings.Cut(target, "?")
	req.URL = &url.URL{RawQuery: query}
	if decoded, err := url.PathUnescape(path); err == nil {
		req.URL.Path, req.URL.RawPath = decoded, path
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	w := httptest.NewRecorder()
	api.ServeHTTP(w, req)
	return w.Code, w.Body.String()
}

// sensible checks that an answer is one: what was asked is answered or refused in
// words, and nothing went wrong inside.
func sensible(t testing.TB, api http.Handler, target string) {
	t.Helper()
	status, body := ask(api, "GET", target, "")
	if status >= 500 || status < 200 {
		t.Errorf("%.200s: %d %.300s", target, status, body)
		return
	}
	if status == 301 || status == 307 || status == 308 {
		return // the mux cleans paths
	}
	if text := strings.TrimSpace(body); strings.HasPrefix(text, "{") && !json.Valid([]byte(text)) {
		t.Errorf("%.200s: %d, and no JSON: %.300q", target, status, body)
	}
	var refusal failed
	if status >= 400 && (json.Unmarshal([]byte(body), &refusal) != nil || refusal.Error.Message == "" || len(refusal.Error.Message) > 2000) {
		t.Errorf("%.200s: %d without a reason: %.300s", target, status, body)
	}
}

// edges are values that numbers, times and cursors break at.
var edges = []string{
	"", " ", "0", "1", "-1", "00", "1.5", "1e3", "+1", "0x10", "٣", "NaN", "null", "true", "false", "\x00", "\xff\xfe", "\u202e", "%", "a b", "../..", "*", ",", ",,,",
	strconv.Itoa(math.MaxInt32), strconv.Itoa(math.MaxInt32 + 1), strconv.Itoa(math.MaxInt64), strconv.Itoa(math.MinInt64),
	"9223372036854775808", "18446744073709551615", "18446744073709551616", strings.Repeat("9", 400), "-" + strings.Repeat("9", 400),
	"1970-01-01", "1969-12-31T23:59:59.999999999Z", "0001-01-01", "9999-12-31T23:59:59Z", "1677-09-21", "2262-04-12", "2019-13-45", "yesterday",
	"+275760-09-13T00:00:00Z", "-271821-04-20T00:00:00Z", "1e18",
	"AA", "AAAA", "AQ", "AQEB", "____", strings.Repeat("f", 16), strings.Repeat("f", 24), strings.Repeat("f", 28), strings.Repeat("f", 32), strings.Repeat("0", 28), strings.Repeat("0", 32),
	strings.Repeat("_", 24), strings.Repeat("A", 24), strings.Repeat("_", 38), strings.Repeat("A", 38), "AYCAgICAgICAgAEB", "Af________8BAQ", "x:y:z", "dHR0Onh4eDp5eXk",
	"use_", "use_2ZxJ5cSHkH2p8vTbGyWQ1mXkTnA", "use_zzzzzzzzzzzzzzzzzzzzzzzzzzz", "acc_000000000000000000000000000", ":", ":x", "x:", "user_id:", "email:\x00", "user_id:jane", strings.Repeat("x", 10_000),
}

// Every number, time and cursor that one can send, at its edges.
func TestEveryParameterAtItsEdges(t *testing.T) {
	api := newShop(t)
	for _, q := range questions(t, document(t)) {
		for _, name := range q.params {
			for _, value := range edges {
				sensible(t, api, q.path+"?"+url.Values{name: {value}}.Encode())
			}
			sensible(t, api, q.path+"?"+url.Values{name: edges}.Encode())
		}
		for _, name := range q.places {
			for _, value := range edges {
				sensible(t, api, q.at(name, value))
			}
		}
	}
	// What means nothing is refused, or is an empty answer; it is never another one.
	const shop = "/api/spaces/shop"
	for target, want := range map[string]string{
		shop + "/profiles/users/user_id:jane/story?next=9223372036854775807": `"data":[],`,
		shop + "/feed?cursor=AAAA":                                                                 "cursor is not one of this feed",
		shop + "/profiles/users/user_id:jane/story?next=-1":                                        "next is not a page token",
		shop + "/insights/counts?since=9999-12-31&until=0001-01-01":                                "the period ends before it begins",
		shop + "/insights/counts?since=0001-01-01&until=9999-12-31":                                "ask for at most 1000",
		shop + "/insights/counts?since=2262-04-11&until=9999-12-31":                                "not between the years 1678 and 2261",
		shop + "/insights?until=1970-01-01":                                                        `"data":[],`,
		shop + "/profiles/users/user_id:jane":                                                      `"created_at":"1970-01-01T00:00:00Z"`,
		shop + "/profiles/users/user_id:jane/story":                                                `"time":"1970-01-01T00:00:00Z"`,
		shop + "/explain?a=user_id:jane&b=anonymous_id:a":                                          `"first":{"time":"1970-01-01T00:00:00Z"`,
		"/v1/spaces/shop/collections/users/profiles/user_id:jane/metadata":                         `"created_at":"1970-01-01T00:00:00Z"`,
		"/v1/spaces/shop/collections/users/profiles/user_id:jane/events":                           `"timestamp":"1970-01-01T00:00:00Z"`,
		"/v1/spaces/shop/collections/users/profiles/user_id:jane/external_ids":                     `"created_at":"1970-01-01T00:00:00Z"`,
		"/v1/spaces/shop/collections/users/profiles/user_id:jane/traits?verbose=true":              `"updated_at":"1970-01-01T00:00:00Z"`,
		"/v1/spaces/shop/collections/users/profiles/user_id:jane/events?end=1970-01-01":            `"data":[],`,
		"/v1/spaces/shop/collections/users/profiles/anonymous_id:b/events?include=A, B&type=track": `"event":"A, B"`,
	} {
		path, query, _ := strings.Cut(target, "?")
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if _, body := ask(api, "GET", path+"?"+values.Encode(), ""); !strings.Contains(body, want) {
			t.Errorf("%s: no %s in %.600s", target, want, body)
		}
	}
}

// A list without entries is [] and never null, wherever the document has a list.
func TestEmptyListsAreLists(t *testing.T) {
	api := newShop(t)
	doc := document(t)
	lists := 0
	for _, q := range questions(t, doc) {
		for name, value := range map[string]string{"shop": "shop", "empty": "empty"} {
			path := strings.Replace(q.path, "/spaces/shop", "/spaces/"+name, 1)
			status, body := ask(api, "GET", path, "")
			media := doc.Paths.Value(q.template).Get.Responses.Status(200)
			if status != 200 || media == nil || media.Value.Content["application/json"] == nil {
				continue
			}
			var v any
			if err := json.Unmarshal([]byte(body), &v); err != nil {
				t.Errorf("%s (%s): %v", path, value, err)
				continue
			}
			lists += noNullLists(t, path, media.Value.Content["application/json"].Schema, v)
		}
	}
	if lists < 30 {
		t.Errorf("only %d lists were looked at", lists)
	}
}

// noNullLists walks a value along its schema and counts the lists.
func noNullLists(t *testing.T, at string, schema *openapi3.SchemaRef, v any) int {
	if schema == nil || schema.Value == nil {
		return 0
	}
	s := schema.Value
	n := 0
	for _, part := range s.AllOf {
		n += noNullLists(t, at, part, v)
	}
	if s.Type.Is("array") || s.Type.Permits("array") && len(s.Type.Slice()) > 0 {
		list, ok := v.([]any)
		if !ok {
			t.Errorf("%s is %v, which is no list", at, v)
			return n
		}
		for i, item := range list {
			n += noNullLists(t, fmt.Sprintf("%s[%d]", at, i), s.Items, item)
		}
		return n + 1
	}
	if members, ok := v.(map[string]any); ok {
		for name, property := range s.Properties {
			if member, there := members[name]; there {
				n += noNullLists(t, at+"."+name, property, member)
			} else if slices.Contains(s.Required, name) && property.Value != nil && property.Value.Type.Is("array") {
				t.Errorf("%s has no %s", at, name)
			}
		}
	}
	return n
}

// FuzzQuestions sends arbitrary values of any parameter, or place of a path, of
// any operation that reads.
func FuzzQuestions(f *testing.F) {
	api := newShop(f)
	all := questions(f, document(f))
	for i := range all {
		for k := range len(all[i].params) + len(all[i].places) {
			f.Add(uint(i), uint(k), edges[(i*7+k*13)%len(edges)], "1")
		}
	}
	for _, value := range edges {
		f.Add(uint(len(value)), uint(0), value, value)
	}
	f.Fuzz(func(t *testing.T, which, what uint, value, second string) {
		q := all[which%uint(len(all))]
		k := int(what % uint(max(len(q.params)+len(q.places), 1)))
		switch {
		case k < len(q.params):
			values := url.Values{q.params[k]: {value}}
			values.Add(q.params[(k+1)%len(q.params)], second)
			sensible(t, api, q.path+"?"+values.Encode())
		case k-len(q.params) < len(q.places):
			sensible(t, api, q.at(q.places[k-len(q.params)], value))
		}
	})
}
