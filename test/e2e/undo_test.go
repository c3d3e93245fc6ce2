package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// ask makes a request to the management API and returns the answer, whatever it
// says.
func (p *server) ask(t testing.TB, method, path string, body any, headers ...string) answer {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(method, p.URL(path), bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return do(t, req)
}

// A merge is cut through the API, stays cut over restarts, a kill and later
// events, and is taken back by command; two admins do not overwrite each other.
func TestUndoOverHTTP(t *testing.T) {
	t.Parallel()
	s := newSite(t, binary(t), "shop")
	p := s.start(t)
	p.send(t, "shop", "/v1/batch", batch(janeLines(t)...))
	was := p.profileID(t, "shop", "user_id:abc123def")

	cut := map[string]any{"kind": "cannot_link", "ids": []string{"user_id:abc123def", "anonymous_id:anon_456"}, "why": "her sister's phone"}
	preview := p.ask(t, "POST", "/api/spaces/shop/overrides?preview=true", cut)
	if preview.status != http.StatusOK || p.profileID(t, "shop", "anonymous_id:anon_456") != was {
		t.Fatalf("a preview changed something: %d %s", preview.status, preview.body)
	}
	tag := preview.header.Get("ETag")
	made := p.ask(t, "POST", "/api/spaces/shop/overrides", cut, "If-Match", tag, "Selfsame-User", "ann")
	if made.status != http.StatusCreated {
		t.Fatalf("%d %s", made.status, made.body)
	}
	var g struct {
		Override struct{ ID, By, For, Why string }
		Before   []struct{ ID string }
		After    []struct {
			ID     string
			Events int
		}
		Unowned []string
	}
	if err := json.Unmarshal(made.body, &g); err != nil {
		t.Fatal(err)
	}
	if g.Override.For != "ann" || g.Override.Why != "her sister's phone" || len(g.Before) != 1 || len(g.After) != 1 || len(g.Unowned) != 1 {
		t.Errorf("%s", made.body)
	}
	events := 0
	for _, b := range g.After {
		events += b.Events
	}
	if events != janeEvents {
		t.Errorf("%d events after the cut, %d before", events, janeEvents)
	}
	isCut := func(p *server) {
		t.Helper()
		if slices.Contains(p.ids(t, "shop", "user_id:abc123def"), "anonymous_id:anon_456") {
			t.Error("the link is there again")
		}
	}
	isCut(p)
	// The second admin relied on what is no longer so.
	if a := p.ask(t, "POST", "/api/spaces/shop/overrides", map[string]any{"kind": "isolate", "ids": []string{"ios.id:ios_abc123"}}, "If-Match", tag); a.status != http.StatusPreconditionFailed {
		t.Errorf("an old ETag: %d %s", a.status, a.body)
	}
	if a := p.ask(t, "POST", "/api/spaces/shop/overrides", cut); a.status != http.StatusConflict {
		t.Errorf("the same cut again: %d %s", a.status, a.body)
	}
	if a := p.ask(t, "POST", "/api/spaces/shop/overrides", map[string]any{"kind": "isolate", "ids": []string{"email:nobody@example.com"}}); a.status != http.StatusNotFound {
		t.Errorf("an unknown ID: %d %s", a.status, a.body)
	}
	p.Kill()
	p = s.start(t)
	p.send(t, "shop", "/v1/track", []byte(`{"event":"Again","messageId":"again","userId":"abc123def","anonymousId":"anon_456","timestamp":"2020-06-01T00:00:00Z"}`))
	isCut(p)

	// The Profile API takes an identifier off, as Segment's does.
	del := func(user, body string) answer {
		req, err := http.NewRequest("POST", p.URL("/v1/spaces/shop/collections/users/profiles/"+user+"/external_ids/delete"), strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth(tokenOf("shop"), "")
		return do(t, req)
	}
	if a := del("user_id:abc123def", `{"delete_external_ids":[{"id":"abc123def","type":"user_id"}]}`); a.status != http.StatusBadRequest {
		t.Errorf("the last user_id: %d %s", a.status, a.body)
	}
	if a := del("user_id:abc123def", `{"delete_external_ids":[{"id":"anon_456","type":"anonymous_id"}]}`); a.status != http.StatusNotFound {
		t.Errorf("an ID of somebody else: %d %s", a.status, a.body)
	}
	if a := del("user_id:abc123def", `{"delete_external_ids":[{"id":"ios_abc123","type":"ios.id"}]}`); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
	if ids := p.ids(t, "shop", "user_id:abc123def"); slices.Contains(ids, "ios.id:ios_abc123") {
		t.Errorf("still there: %v", ids)
	}
	p.stop(t)
	s.verify(t, "shop")

	// On the stopped server's data, by command.
	out := s.mustRun(t, nil, "undo", "revert", g.Override.ID, "--yes", "--space", "shop", "--data", s.data)
	if !strings.Contains(out, "is taken back") {
		t.Errorf("%s", out)
	}
	list := s.mustRun(t, nil, "undo", "list", "--space", "shop", "--data", s.data)
	if strings.Contains(list, g.Override.ID) || !strings.Contains(list, "ios.id:ios_abc123 names nobody") {
		t.Errorf("%s", list)
	}
	trail := s.mustRun(t, nil, "audit", "--space", "shop", "--data", s.data)
	for _, want := range []string{"override.add", "override.remove", "her sister's phone", "token.create", "source.create"} {
		if !strings.Contains(trail, want) {
			t.Errorf("no %s in the audit trail:\n%s", want, trail)
		}
	}
	p = s.start(t)
	if got := p.profileID(t, "shop", "anonymous_id:anon_456"); got != p.profileID(t, "shop", "user_id:abc123def") {
		t.Error("taken back, and still apart")
	}
	p.stop(t)
	s.verify(t, "shop")
}
