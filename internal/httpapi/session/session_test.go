package session

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/httpapi/guard"
	"github.com/selfsame-id/selfsame/internal/httpapi/peer"
)

// door is a server with one protected page.
type door struct {
	now   time.Time
	store *Store
	mux   *http.ServeMux
}

func newDoor() *door {
	d := &door{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), mux: http.NewServeMux()}
	now := func() time.Time { return d.now }
	quiet := slog.New(slog.DiscardHandler)
	d.store = NewStore(now, peer.Loopback)
	admin := guard.NewAdmin(func(s string) bool { return s == "right" }, peer.Loopback, now, quiet)
	admin.Sessions(d.store.Has)
	Register(d.mux, Config{Store: d.store, Admin: admin, Log: quiet})
	return d
}

func (d *door) ask(method, body string, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/api/session", strings.NewReader(body))
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	d.mux.ServeHTTP(w, r)
	return w
}

func (d *door) signIn(t *testing.T, change func(*http.Request)) *http.Cookie {
	t.Helper()
	w := d.ask("POST", `{"token":"right"}`, change)
	if w.Code != 200 || len(w.Result().Cookies()) != 1 {
		t.Fatalf("signing in: %d %s", w.Code, w.Body)
	}
	return w.Result().Cookies()[0]
}

func (d *door) has(c *http.Cookie) bool {
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(c)
	return d.store.Has(r)
}

func TestCookieIsKeptFromScriptsAndOtherSites(t *testing.T) {
	d := newDoor()
	c := d.signIn(t, nil)
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Secure || c.Name != "selfsame" || c.Path != "/" || len(c.Value) != 43 {
		t.Errorf("%+v", c)
	}
	c = d.signIn(t, func(r *http.Request) { r.TLS = &tls.ConnectionState{} })
	if !c.Secure || c.Name != "__Host-selfsame" {
		t.Errorf("over TLS: %+v", c)
	}
	c = d.signIn(t, func(r *http.Request) {
		r.RemoteAddr = "127.0.0.1:1"
		r.Header.Set("X-Forwarded-Proto", "https")
		r.Header.Set("X-Forwarded-For", "192.0.2.1")
	})
	if !c.Secure || c.Name != "__Host-selfsame" {
		t.Errorf("over TLS of a proxy: %+v", c)
	}
}

func TestSessionsEnd(t *testing.T) {
	d := newDoor()
	idle, busy, out := d.signIn(t, nil), d.signIn(t, nil), d.signIn(t, nil)
	d.ask("DELETE", "", func(r *http.Request) { r.AddCookie(out) })
	if d.has(out) {
		t.Error("who signed out is still in")
	}
	for range 12 {
		d.now = d.now.Add(Idle - time.Minute)
		if d.now.Sub(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) < Most && !d.has(busy) {
			t.Fatalf("a session in use ended at %v", d.now)
		}
	}
	d.now = d.now.Add(2 * time.Minute)
	if d.has(idle) {
		t.Error("an idle session did not end")
	}
	d.now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(Most)
	if d.has(busy) {
		t.Error("a session outlived its longest time")
	}
}

func TestOnlyTheTokenOpens(t *testing.T) {
	d := newDoor()
	for body, want := range map[string]int{
		`{"token":"wrong"}`: 401, `{"token":""}`: 400, `{}`: 400, `right`: 400, `{"token":"right"}{}`: 400, `{"user":"x"}`: 400,
		`{"token":"` + strings.Repeat("a", 8000) + `"}`: 413,
	} {
		if w := d.ask("POST", body, nil); w.Code != want || w.Header().Get("Set-Cookie") != "" {
			t.Errorf("%.40s: %d, want %d", body, w.Code, want)
		}
	}
	if d.has(&http.Cookie{Name: "selfsame", Value: "guess"}) || d.has(&http.Cookie{Name: "selfsame", Value: ""}) {
		t.Error("a made-up cookie opens")
	}
}

func TestGuessesAreSlowedDown(t *testing.T) {
	d := newDoor()
	last := 0
	for i := range 8 {
		last = d.ask("POST", `{"token":"guess`+string(rune('a'+i))+`"}`, nil).Code
	}
	if last != 429 {
		t.Errorf("the eighth guess: %d", last)
	}
	if w := d.ask("POST", `{"token":"right"}`, nil); w.Code != 429 {
		t.Errorf("the right token meanwhile: %d", w.Code)
	}
}

func TestSessionsAreBounded(t *testing.T) {
	d := newDoor()
	first := d.signIn(t, nil)
	for range mostSessions {
		d.now = d.now.Add(time.Millisecond)
		d.signIn(t, nil)
	}
	if len(d.store.open) != mostSessions || d.has(first) {
		t.Errorf("%d sessions, the oldest is there: %v", len(d.store.open), d.has(first))
	}
}
