package e2e

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// found is what a search answers, as far as the tests look at it.
type found struct {
	Data []struct {
		ID      string
		Matches []struct{ Identifier, Trait, Value string }
		Traits  map[string]any
	}
	Cursor struct {
		HasMore bool `json:"has_more"`
		Next    string
	}
	Index struct {
		AsOf     *time.Time `json:"as_of"`
		Complete bool
	}
}

// find answers a query when the index has all that was sent before.
func (p *server) find(t testing.TB, space, query string) (f found) {
	t.Helper()
	asked := time.Now()
	eventually(t, patience, "the search index", func() bool {
		f = found{}
		p.manage(t, http.MethodGet, "/api/spaces/"+space+"/find?q="+url.QueryEscape(query), &f)
		return f.Index.Complete && f.Index.AsOf != nil && f.Index.AsOf.After(asked)
	})
	return f
}

func (f *found) ids() (ids []string) {
	for i := range f.Data {
		ids = append(ids, f.Data[i].ID)
	}
	return ids
}

// Jane is found by what is known of her, by the API and by command; after an undo she is
// two, after a new name the old one finds nobody, and a restart forgets nothing.
func TestFindJane(t *testing.T) {
	t.Parallel()
	s := newSite(t, binary(t), "shop")
	p := s.start(t)
	p.send(t, "shop", "/v1/batch", batch(janeLines(t)...))
	id := p.profileID(t, "shop", "user_id:abc123def")
	for _, query := range []string{
		"firstName:Jane", "firstname:x OR", "jane", "JANE doe", "doe", "firstName:ja*", "email:janedoe@example.com", "janedoe@",
		"anonymous_id:anon_7*", "ios_abc", "firstName:jane lastName:DOE", id, "segment_id:" + id,
	} {
		f := p.find(t, "shop", query)
		if want := !strings.Contains(query, "OR"); want != slices.Equal(f.ids(), []string{id}) {
			t.Errorf("%s finds %+v", query, f.Data)
		}
	}
	if f := p.find(t, "shop", "firstName:Jan"); len(f.Data) != 0 {
		t.Errorf("Jan is %+v", f.Data)
	}

	out := s.mustRun(t, nil, []string{"undo", "cut", "user_id:abc123def", "anonymous_id:anon_123", "--yes", "--space", "shop", "--server", p.URL("")}...)
	cookie := p.profileID(t, "shop", "anonymous_id:anon_123")
	if id = p.profileID(t, "shop", "user_id:abc123def"); cookie == id {
		t.Fatalf("still together after\n%s", out)
	}
	if f := p.find(t, "shop", "anon_123"); !slices.Equal(f.ids(), []string{cookie}) {
		t.Errorf("the cookie is %+v, want %s", f.Data, cookie)
	}
	if f := p.find(t, "shop", "jane"); !slices.Equal(f.ids(), []string{id}) {
		t.Errorf("Jane is %+v, want %s", f.Data, id)
	}
	p.send(t, "shop", "/v1/identify", []byte(`{"type":"identify","userId":"abc123def","traits":{"firstName":"Janet"}}`))
	if f := p.find(t, "shop", "firstName:janet"); !slices.Equal(f.ids(), []string{id}) || f.Data[0].Traits["firstName"] != "Janet" {
		t.Errorf("Janet is %+v", f.Data)
	}
	if f := p.find(t, "shop", "firstName:Jane"); len(f.Data) != 0 {
		t.Errorf("Jane is still %+v", f.Data)
	}
	p.Kill()

	p = s.start(t)
	if f := p.find(t, "shop", "firstName:jan*"); !slices.Equal(f.ids(), []string{id}) {
		t.Errorf("after a kill Janet is %+v", f.Data)
	}
	out = s.mustRun(t, nil, []string{"find", "firstName:janet", "--space", "shop", "--server", p.URL("")}...)
	if !strings.Contains(out, "Janet Doe") || !strings.Contains(out, id) {
		t.Errorf("%s", out)
	}
	if a := p.ask(t, "GET", "/api/spaces/shop/find?q=plan:", nil); a.status != http.StatusBadRequest || !strings.Contains(string(a.body), "plan has no value") {
		t.Errorf("%d %s", a.status, a.body)
	}
}
