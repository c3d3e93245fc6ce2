package e2e

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// Two profiles that no event links are joined by decision: previewed, joined,
// explained with its author, kept over a kill and rules that would forbid it,
// extended by an ID that nobody had seen, and taken apart again.
func TestTwoProfilesAreJoinedByDecision(t *testing.T) {
	t.Parallel()
	s := newSite(t, binary(t), "shop")
	p := s.start(t)
	p.send(t, "shop", "/v1/batch", batch(
		[]byte(`{"type":"identify","messageId":"m1","userId":"jane","anonymousId":"a1","traits":{"email":"jane@home.example","city":"Rome"},"timestamp":"2020-01-01T00:00:00Z"}`),
		[]byte(`{"type":"identify","messageId":"m2","userId":"jane2","anonymousId":"a2","traits":{"email":"jane@work.example","plan":"pro"},"timestamp":"2020-01-02T00:00:00Z"}`),
		[]byte(`{"type":"track","event":"Clicked","messageId":"m3","anonymousId":"stranger","timestamp":"2020-01-03T00:00:00Z"}`)))
	older, younger := p.profileID(t, "shop", "user_id:jane"), p.profileID(t, "shop", "user_id:jane2")
	if younger < older {
		older, younger = younger, older
	}

	join := map[string]any{"kind": "same", "ids": []string{"user_id:jane2", "user_id:jane"}, "why": "told us on the phone"}
	preview := p.ask(t, "POST", "/api/spaces/shop/overrides?preview=true", join)
	if preview.status != http.StatusOK || p.profileID(t, "shop", "user_id:jane2") == p.profileID(t, "shop", "user_id:jane") {
		t.Fatalf("a preview changed something: %d %s", preview.status, preview.body)
	}
	made := p.ask(t, "POST", "/api/spaces/shop/overrides", join, "If-Match", preview.header.Get("ETag"), "Selfsame-User", "ann")
	if made.status != http.StatusCreated {
		t.Fatalf("%d %s", made.status, made.body)
	}
	var g struct {
		Override      struct{ ID string }
		Before, After []struct{ ID string }
	}
	if err := json.Unmarshal(made.body, &g); err != nil {
		t.Fatal(err)
	}
	if len(g.Before) != 2 || len(g.After) != 1 || g.After[0].ID != older {
		t.Errorf("%s", made.body)
	}
	oneOfAll := func(p *server) {
		t.Helper()
		if a, b := p.profileID(t, "shop", "anonymous_id:a1"), p.profileID(t, "shop", "email:jane@work.example"); a != older || b != older {
			t.Errorf("%s and %s, want %s", a, b, older)
		}
		if tr := p.traits(t, "shop", "user_id:jane"); tr["city"] != "Rome" || tr["plan"] != "pro" || tr["email"] != "jane@work.example" {
			t.Errorf("traits %v", tr)
		}
	}
	oneOfAll(p)

	var e struct {
		Together  bool
		Why, Says string
		Steps     []struct {
			From, To string
			Decided  *struct{ ID, For, Why string }
		}
	}
	p.manage(t, "GET", "/api/spaces/shop/explain?a=anonymous_id:a1&b=anonymous_id:a2", &e)
	if !e.Together || e.Why != "decided" || len(e.Steps) != 3 || e.Steps[1].Decided == nil || e.Steps[1].Decided.For != "ann" || !strings.Contains(e.Says, "told us on the phone") {
		t.Errorf("%+v", e)
	}
	var story struct {
		Data []struct {
			Kind    string
			Decided *struct{ ID string }
		}
	}
	p.manage(t, "GET", "/api/spaces/shop/profiles/users/user_id:jane/story", &story)
	if last := story.Data[len(story.Data)-1]; last.Kind != "merged" || last.Decided == nil || last.Decided.ID != g.Override.ID {
		t.Errorf("%+v", story)
	}
	if a := p.ask(t, "POST", "/api/spaces/shop/overrides", map[string]any{"kind": "cannot_link", "ids": []string{"user_id:jane", "user_id:jane2"}}); a.status != http.StatusConflict || !strings.Contains(string(a.body), g.Override.ID) {
		t.Errorf("%d %s", a.status, a.body)
	}

	// An ID that nobody has seen is bound when it comes.
	if a := p.ask(t, "POST", "/api/spaces/shop/overrides", map[string]any{"kind": "same", "ids": []string{"user_id:jane", "anonymous_id:later"}}); a.status != http.StatusCreated || !strings.Contains(string(a.body), `"unseen":["anonymous_id:later"]`) {
		t.Fatalf("%d %s", a.status, a.body)
	}
	p.Kill()
	p = s.start(t)
	p.send(t, "shop", "/v1/track", []byte(`{"event":"Later","messageId":"m4","anonymousId":"later","timestamp":"2020-01-04T00:00:00Z"}`))
	if got := p.profileID(t, "shop", "anonymous_id:later"); got != older {
		t.Errorf("%s, want %s", got, older)
	}
	if a := p.ask(t, "PUT", "/api/spaces/shop/rules", map[string]any{"identifiers": []map[string]any{{"type": "user_id", "limit": 1}, {"type": "email", "limit": 2}, {"type": "anonymous_id", "limit": 3}}}); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	p.stop(t)
	s.verify(t, "shop")
	p = s.start(t)
	oneOfAll(p)
	p.stop(t)

	out := s.mustRun(t, nil, "explain", "user_id:jane", "user_id:jane2", "--space", "shop", "--data", s.data)
	if !strings.Contains(out, "decided by ann") || !strings.Contains(out, "selfsame undo revert "+g.Override.ID) {
		t.Errorf("%s", out)
	}
	if list := s.mustRun(t, nil, "undo", "list", "--space", "shop", "--data", s.data); !strings.Contains(list, "user_id:jane and user_id:jane2 are one") {
		t.Errorf("%s", list)
	}
	s.mustRun(t, nil, "undo", "revert", g.Override.ID, "--yes", "--space", "shop", "--data", s.data)
	s.verify(t, "shop")
	p = s.start(t)
	got := []string{p.profileID(t, "shop", "user_id:jane"), p.profileID(t, "shop", "user_id:jane2")}
	slices.Sort(got)
	if got[0] != older || got[1] != younger {
		t.Errorf("apart again they are %v, they were %s and %s", got, older, younger)
	}
	p.stop(t)

	// By command, and refused where people said the opposite.
	s.mustRun(t, nil, "undo", "cut", "user_id:jane", "anonymous_id:stranger", "--yes", "--space", "shop", "--data", s.data)
	if out, code := s.run(t, nil, "same", "user_id:jane", "anonymous_id:stranger", "--yes", "--space", "shop", "--data", s.data); code == 0 || !strings.Contains(out, "keeps") {
		t.Errorf("%d: %s", code, out)
	}
	if out := s.mustRun(t, nil, "same", "user_id:jane2", "anonymous_id:stranger", "--yes", "--space", "shop", "--data", s.data); !strings.Contains(out, "are one") {
		t.Errorf("%s", out)
	}
	s.verify(t, "shop")
}
