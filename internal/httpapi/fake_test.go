package httpapi

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/selfsame-id/selfsame/internal/catalog"
	"github.com/selfsame-id/selfsame/internal/deliver"
	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv/pebblekv"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/computed"
	"github.com/selfsame-id/selfsame/internal/space/journal"
	"github.com/selfsame-id/selfsame/internal/space/query"
	"github.com/selfsame-id/selfsame/internal/space/rejects"
)

// The server of the tests.
const (
	adminToken = "adm_secret"
	writeKey   = "wk_dev_1"
	bothKey    = "wk_both_1" // feeds dev and prod
	readToken  = "tok_dev_1"
)

var now = time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)

// recorded is a space that remembers what it was given.
type recorded struct {
	Space // what no test asks for
	id    string

	mu         sync.Mutex
	fail       error // of every call
	deliveries []space.Delivery
	rejects    []rejects.Reject
	marks      map[string][]byte
	rules      identity.Rules
	view       query.Profile
	events     []journal.Event
	eventQuery query.EventQuery
	links      []query.Link
	feed       []feed.Record
	report     query.VerifyReport
	computed   computed.Values
}

func (s *recorded) ID() string { return s.id }

func (s *recorded) ComputedValues(_ context.Context, ref space.Ref) (computed.Values, error) {
	return s.computed, nil
}

func (s *recorded) DefinitionsBehind(context.Context) (computed.Behind, error) {
	return computed.Behind{Records: 3, Time: 1500 * time.Millisecond}, nil
}

func (s *recorded) DefinitionsStatus(context.Context) (computed.Overview, error) {
	return computed.Overview{}, nil
}

func (s *recorded) DefinitionsVersion(context.Context, uint64) (computed.Version, error) {
	return computed.Version{}, space.ErrNotFound
}

func (s *recorded) DefinitionsHistory(context.Context, int, string) (computed.VersionPage, error) {
	return computed.VersionPage{}, nil
}

func (s *recorded) PreviewDefinitions(context.Context, []byte) (computed.Diff, error) {
	return computed.Diff{}, nil
}

func (s *recorded) ApplyDefinitions(context.Context, []byte, *uint64) (computed.Diff, error) {
	return computed.Diff{}, nil
}

func (s *recorded) DestinationFigures(context.Context) ([]deliver.Figures, error) {
	return []deliver.Figures{{
		Key: "shop", Type: "webhook", Queued: 3, Oldest: time.Now().Add(-time.Hour).UnixNano(), Stopped: true,
		Counts: deliver.Counts{Delivered: 7, Unknown: 2, Failures: 4},
	}}, nil
}

func (s *recorded) CheckDestinations(context.Context, []byte) (*deliver.Plan, error) {
	return &deliver.Plan{}, nil
}

func (s *recorded) ApplyDestinations(context.Context, []byte) (*deliver.Plan, error) {
	return &deliver.Plan{}, nil
}

func (s *recorded) DestinationsDocument(context.Context) ([]byte, error) { return nil, nil }

func (s *recorded) PreviewAudience(context.Context, []byte, string, int) (computed.AudiencePreview, error) {
	return computed.AudiencePreview{}, space.ErrNotFound
}

func (s *recorded) AudienceMembers(context.Context, string, int, string) (computed.MemberPage, error) {
	return computed.MemberPage{}, space.ErrNotFound
}

func (s *recorded) Ingest(_ context.Context, d space.Delivery) (space.Receipt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return space.Receipt{}, s.fail
	}
	// The delivery's memory is the caller's again after the return.
	d.Messages, d.Rejects = slices.Clone(d.Messages), slices.Clone(d.Rejects)
	for i := range d.Messages {
		m := &d.Messages[i]
		m.Body = slices.Clone(m.Body)
		m.MessageID, m.UserID, m.AnonymousID, m.Name = strings.Clone(m.MessageID), strings.Clone(m.UserID), strings.Clone(m.AnonymousID), strings.Clone(m.Name)
	}
	s.deliveries = append(s.deliveries, d)
	s.rejects = slices.DeleteFunc(s.rejects, func(r rejects.Reject) bool { return slices.Contains(d.Resolves, r.ID) })
	for _, r := range d.Rejects {
		r.ID = "rej_" + strconv.Itoa(len(s.rejects)+1)
		s.rejects = append(s.rejects, r)
	}
	if d.Mark != nil {
		if s.marks == nil {
			s.marks = map[string][]byte{}
		}
		s.marks[d.Mark.Name] = d.Mark.Value
	}
	return space.Receipt{Stored: len(d.Messages)}, nil
}

func (s *recorded) ReadProfile(ctx context.Context, ref space.Ref, _ query.Part) (query.Profile, error) {
	return s.Profile(ctx, ref)
}

func (s *recorded) Profile(_ context.Context, ref space.Ref) (query.Profile, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return query.Profile{}, s.fail
	}
	if ref.Collection == s.view.Collection {
		if ref.Type == "" && (ref.Value == s.view.ID || slices.Contains(s.view.Merged, ref.Value)) {
			return s.view, nil
		}
		for _, id := range s.view.Identifiers {
			if id.Type == ref.Type && id.Value == ref.Value {
				return s.view, nil
			}
		}
	}
	return query.Profile{}, space.ErrNotFound
}

func (s *recorded) Events(ctx context.Context, ref space.Ref, q query.EventQuery) (query.EventPage, error) {
	v, err := s.Profile(ctx, ref)
	if err != nil {
		return query.EventPage{}, err
	}
	s.eventQuery = q
	if q.Next != "" && q.Next != "page2" {
		return query.EventPage{}, space.ErrBadCursor
	}
	return query.EventPage{Profile: v.ID, Provisional: v.Provisional, Events: s.events, Next: "page2"}, nil
}

func (s *recorded) CountEvents(context.Context, space.Ref, int64) (int64, error) {
	return int64(len(s.events)), nil
}

func (s *recorded) NameIdentifiers(context.Context, []profile.Identifier) error { return nil }

func (s *recorded) Links(ctx context.Context, ref space.Ref, _ int, _ string) (query.LinkPage, error) {
	v, err := s.Profile(ctx, ref)
	return query.LinkPage{Profile: v.ID, Provisional: v.Provisional, Links: s.links}, err
}

func (s *recorded) Ruleset() *identity.Ruleset {
	rs, err := identity.Compile(s.rules)
	if err != nil {
		panic(err)
	}
	return rs
}

func (s *recorded) Rejects(_ context.Context, q rejects.Query) (rejects.Page, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var p rejects.Page
	for i, r := range s.rejects {
		if q.Next != "" && r.ID <= q.Next || q.Code != "" && q.Code != r.Code || q.Source != "" && q.Source != r.Source {
			continue
		}
		if len(p.Rejects) == q.Limit {
			p.Next = s.rejects[i-1].ID
			break
		}
		p.Rejects = append(p.Rejects, r)
	}
	return p, nil
}

func (s *recorded) Reject(_ context.Context, id string) (rejects.Reject, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rejects {
		if r.ID == id {
			return r, nil
		}
	}
	return rejects.Reject{}, space.ErrNotFound
}

func (s *recorded) RejectCounts(context.Context) ([]rejects.Count, error) {
	return []rejects.Count{{Source: "web", Code: "bad_json", Count: int64(len(s.rejects))}}, nil
}

func (s *recorded) Rules(context.Context) (space.RulesVersion, error) {
	return space.RulesVersion{Version: 7, Rules: s.rules, SetAt: now.UnixNano(), SetBy: "api", NewTypes: []string{"shoe_size"}}, nil
}

func (s *recorded) SetRules(_ context.Context, r identity.Rules, _ *uint64) error {
	s.rules = r
	return nil
}

func (s *recorded) Feed(_ context.Context, cursor string, limit int) ([]feed.Record, string, error) {
	from := 0
	if cursor != "" {
		var err error
		if from, err = strconv.Atoi(cursor); err != nil {
			return nil, "", space.ErrBadCursor
		}
	}
	to := min(len(s.feed), from+limit)
	return s.feed[from:to], strconv.Itoa(to), nil
}

func (s *recorded) Mark(_ context.Context, name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.marks[name], nil
}

func (s *recorded) SourceCounts(context.Context) (map[string]space.SourceCount, error) {
	return map[string]space.SourceCount{"app": {Events: 26, Last: 1_500_000_000_000_000_000}}, nil
}

func (s *recorded) Stats() space.Stats { return space.Stats{Events: 26, Profiles: 1} }

func (s *recorded) Verify(_ context.Context, progress space.Progress) (query.VerifyReport, error) {
	progress("events", 1, 2)
	progress("events", 2, 2)
	return s.report, s.fail
}

// all are the messages of all deliveries.
func (s *recorded) all() (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.deliveries {
		for _, m := range d.Messages {
			names = append(names, m.Name)
		}
	}
	return names
}

// server is the API over two recorded spaces.
type server struct {
	*API
	dev, prod *recorded
	catalog   *catalog.Catalog
	log       strings.Builder
}

func (s *server) Space(_ context.Context, id string) (Space, error) {
	switch id {
	case "dev":
		return s.dev, nil
	case "prod":
		return s.prod, nil
	}
	return nil, space.ErrNotFound
}

func (s *server) Opened() []Space { return []Space{s.dev, s.prod} }

// sharedCatalog serves the tests that only read it.
var sharedCatalog = sync.OnceValues(func() (*catalog.Catalog, error) {
	c, _, err := openCatalog(context.Background())
	return c, err
})

func openCatalog(ctx context.Context) (*catalog.Catalog, io.Closer, error) {
	store, err := pebblekv.Open("store", pebblekv.Options{FS: vfs.NewMem(), CacheBytes: 1 << 20, MemtableBytes: 1 << 20, ReserveBytes: -1, MinFree: -1,
		Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, nil, err
	}
	c, err := catalog.Open(ctx, store, catalog.Options{})
	if err != nil {
		return nil, store, err
	}
	return c, store, c.Apply(ctx, catalog.Declared{Spaces: []catalog.DeclaredSpace{
		{ID: "dev", Rules: true, Sources: []catalog.DeclaredSource{{ID: "web", WriteKey: writeKey}, {ID: "both", WriteKey: bothKey}},
			Tokens: []catalog.DeclaredToken{{Name: "backend", Token: readToken}}},
		{ID: "prod", Sources: []catalog.DeclaredSource{{ID: "both", WriteKey: bothKey}}},
	}})
}

// newServer makes a server whose catalog must not be changed.
func newServer(t testing.TB, set Settings) *server {
	t.Helper()
	c, err := sharedCatalog()
	if err != nil {
		t.Fatal(err)
	}
	return newServerOver(c, set)
}

// newOwnServer makes a server whose catalog may be changed.
func newOwnServer(t testing.TB, set Settings) *server {
	t.Helper()
	c, store, err := openCatalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return newServerOver(c, set)
}

func newServerOver(c *catalog.Catalog, set Settings) *server {
	s := &server{dev: &recorded{id: "dev"}, prod: &recorded{id: "prod"}, catalog: c}
	if set.AdminToken == "" {
		set.AdminToken = adminToken
	}
	s.API = New(Deps{Spaces: s, Catalog: s.catalog, Now: func() time.Time { return now },
		Log: slog.New(slog.NewTextHandler(&s.log, nil))}, set)
	return s
}

// do sends a request to the server. A secret goes as the user name of Basic.
func (s *server) do(method, target, secret, body string, header ...string) *httptest.ResponseRecorder {
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req := httptest.NewRequest(method, target, r)
	if secret != "" {
		req.SetBasicAuth(secret, "")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, req)
	return w
}

func (s *server) post(target, secret, body string, header ...string) *httptest.ResponseRecorder {
	return s.do(http.MethodPost, target, secret, body, header...)
}

func (s *server) get(target, secret string) *httptest.ResponseRecorder {
	return s.do(http.MethodGet, target, secret, "")
}
