package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// A kiosk is warned of by itself, what happened to its people is found, counted
// and told over the API and by command, and a dismissed warning stays dismissed
// over a kill.
func TestInsightsAndWarnings(t *testing.T) {
	t.Parallel()
	s := newSite(t, binary(t), "shop")
	p := s.start(t)
	var events [][]byte
	for i := range 15 {
		events = append(events, fmt.Appendf(nil, `{"type":"track","event":"x","messageId":"k%d","userId":"person-%d","anonymousId":"kiosk-7"}`, i, i))
	}
	events = append(events, []byte(`{"type":"track","event":"x","messageId":"lost","userId":"null"}`))
	p.send(t, "shop", "/v1/batch", batch(events...))

	type insight struct{ Kind, Reason, ID, Source, Profile string }
	list := func(query string) []insight {
		t.Helper()
		var all []insight
		for next := ""; ; {
			var page struct {
				Data   []insight
				Cursor struct {
					HasMore bool `json:"has_more"`
					Next    string
				}
			}
			p.manage(t, http.MethodGet, "/api/spaces/shop/insights?limit=4&next="+next+"&"+query, &page)
			all = append(all, page.Data...)
			if next = page.Cursor.Next; !page.Cursor.HasMore {
				return all
			}
		}
	}
	if got := list("kind=demoted&id=anonymous_id:kiosk-7"); len(got) != 14 || got[0].Source != "shop-shop" || !strings.HasPrefix(got[0].Reason, "identifier limit exceeded") {
		t.Errorf("demoted: %+v", got)
	}
	if got := list("kind=unresolved"); len(got) != 1 || got[0].ID != "user_id:null" || got[0].Reason != "ID value blocked" {
		t.Errorf("unresolved: %+v", got)
	}
	if got := list("profile=user_id:person-3"); len(got) != 3 {
		t.Errorf("one person: %+v", got)
	}
	var counts struct {
		Data []struct{ Events, Unresolved, Created, Demoted int }
	}
	p.manage(t, http.MethodGet, "/api/spaces/shop/insights/counts?since="+time.Now().UTC().Add(-time.Hour).Format(time.RFC3339), &counts)
	n := 0
	for _, c := range counts.Data {
		n += c.Events*1000 + c.Unresolved*100 + c.Created + c.Demoted
	}
	if n != 16*1000+100+15+14 {
		t.Errorf("%+v", counts)
	}

	var warnings struct {
		Data []struct{ ID, Kind, State, About, Rules string }
	}
	eventually(t, patience, "a warning of the kiosk", func() bool {
		p.manage(t, http.MethodGet, "/api/spaces/shop/warnings", &warnings)
		return len(warnings.Data) > 0
	})
	w := warnings.Data[0]
	var rules struct {
		Identifiers []struct {
			Type    string
			Blocked []string
		}
	}
	if err := json.Unmarshal([]byte(w.Rules), &rules); err != nil {
		t.Errorf("the rules of the warning: %v\n%s", err, w.Rules)
	}
	if len(warnings.Data) != 1 || w.Kind != "many_people" || w.About != "anonymous_id:kiosk-7" ||
		len(rules.Identifiers) != 1 || rules.Identifiers[0].Type != "anonymous_id" || !slices.Equal(rules.Identifiers[0].Blocked, []string{"kiosk-7"}) {
		t.Errorf("%+v", warnings)
	}
	eventually(t, patience, "the gauge of warnings", func() bool {
		res, err := http.Get(p.URL("/metrics"))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var text strings.Builder
		if err := res.Write(&text); err != nil {
			t.Fatal(err)
		}
		return strings.Contains(text.String(), `selfsame_space_warnings{space="shop"} 1`)
	})
	if a := p.ask(t, "POST", "/api/spaces/shop/warnings/"+w.ID+"/dismiss?why=our+front+desk", nil, "Selfsame-User", "ann"); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := p.ask(t, "POST", "/api/spaces/shop/warnings/0011223344556677/dismiss", nil); a.status != http.StatusNotFound {
		t.Errorf("%d %s", a.status, a.body)
	}
	p.Kill()

	p = s.start(t)
	p.send(t, "shop", "/v1/batch", batch([]byte(`{"type":"track","event":"x","messageId":"k99","userId":"person-99","anonymousId":"kiosk-7"}`)))
	p.stop(t)
	where := []string{"--space", "shop", "--data", s.data}
	if out := s.mustRun(t, nil, append([]string{"warnings"}, where...)...); !strings.Contains(out, "No warnings.") {
		t.Errorf("%s", out)
	}
	out := s.mustRun(t, nil, append([]string{"warnings", "--state", "dismissed"}, where...)...)
	if !strings.Contains(out, "kiosk-7") || !strings.Contains(out, "by ann: our front desk") {
		t.Errorf("%s", out)
	}
	out = s.mustRun(t, nil, append([]string{"insights", "--id", "user_id:person-99"}, where...)...)
	if !strings.Contains(out, "id_added") || !strings.Contains(out, "k99") {
		t.Errorf("%s", out)
	}
	s.verify(t, "shop")
}
