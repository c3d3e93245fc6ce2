package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

type duplicate struct {
	ID, Kind, Value string
	Profiles        []struct{ ID string }
	Same            [][]string
}

// duplicates waits until as many suggestions are listed.
func (p *server) duplicates(t testing.TB, n int) []duplicate {
	t.Helper()
	var page struct{ Data []duplicate }
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		p.manage(t, "GET", "/api/spaces/shop/duplicates", &page)
		if len(page.Data) == n {
			return page.Data
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d duplicates are suspected, not %d: %+v", len(page.Data), n, page.Data)
		}
	}
}

// Who may be one person is suggested and never joined by itself: one suggestion is
// confirmed by command, one is dismissed, and both stay so over a kill.
func TestDuplicatesAreSuggested(t *testing.T) {
	t.Parallel()
	s := newSite(t, binary(t), "shop")
	p := s.start(t)
	who := func(id, traits string) []byte {
		return []byte(fmt.Sprintf(`{"type":"identify","messageId":"%s","userId":"%s","traits":%s,"timestamp":"2020-01-01T00:00:00Z"}`, id, id, traits))
	}
	p.send(t, "shop", "/v1/batch", batch(
		who("jane", `{"email":"Jane.Doe@gmail.com"}`), who("jane2", `{"email":"janedoe+shoes@googlemail.com"}`),
		who("bob", `{"phone":"+41 79 123 45 67"}`), who("tom", `{"phone":"079 123 45 67","address":{"country":"CH"}}`),
		who("else", `{"phone":"+41 79 123 45 68","email":"j.a.n.e@example.com"}`)))
	list := p.duplicates(t, 2)
	mail, phone := list[0], list[1] // what says more goes first
	if mail.Kind != "email" || mail.Value != "janedoe@gmail.com" || phone.Kind != "phone" || phone.Value != "+41791234567" || len(mail.Profiles) != 2 || len(phone.Profiles) != 2 {
		t.Fatalf("%+v", list)
	}
	if p.profileID(t, "shop", "user_id:jane") == p.profileID(t, "shop", "user_id:jane2") {
		t.Fatal("a suggestion joined profiles by itself")
	}
	if a := p.ask(t, "POST", "/api/spaces/shop/duplicates/"+phone.ID+"/dismiss?why=brothers", nil, "Selfsame-User", "ann"); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	confirm := map[string]any{"kind": "same", "ids": mail.Same[0]}
	if a := p.ask(t, "POST", "/api/spaces/shop/overrides?preview=true", confirm); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	p.Kill()
	p = s.start(t)
	if left := p.duplicates(t, 1); left[0].ID != mail.ID {
		t.Errorf("%+v", left)
	}
	p.stop(t)

	shown := s.mustRun(t, nil, "duplicates", "--space", "shop", "--data", s.data)
	if !strings.Contains(shown, mail.ID) || !strings.Contains(shown, "user_id:jane2") || strings.Contains(shown, phone.ID) {
		t.Errorf("%s", shown)
	}
	s.mustRun(t, nil, "duplicates", "confirm", mail.ID, "--yes", "--why", "told us", "--space", "shop", "--data", s.data)
	if shown := s.mustRun(t, nil, "duplicates", "--space", "shop", "--data", s.data); !strings.Contains(shown, "No duplicates") {
		t.Errorf("%s", shown)
	}
	var dismissed []struct {
		Dismissed struct{ For, Why string }
	}
	if err := json.Unmarshal([]byte(s.mustRun(t, nil, "duplicates", "--dismissed", "--json", "--space", "shop", "--data", s.data)), &dismissed); err != nil || len(dismissed) != 1 || dismissed[0].Dismissed.For != "ann" || dismissed[0].Dismissed.Why != "brothers" {
		t.Errorf("%+v, %v", dismissed, err)
	}
	s.verify(t, "shop")
	p = s.start(t)
	if p.profileID(t, "shop", "user_id:jane") != p.profileID(t, "shop", "user_id:jane2") {
		t.Error("confirmed, and still apart")
	}
	p.stop(t)
}
