package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/httpapi/guard"
	"github.com/selfsame-id/selfsame/internal/httpapi/peer"
)

// testProxies trusts the address that requests of these tests come from.
var testProxies = peer.Proxies{netip.MustParsePrefix("192.0.2.0/24")}

const deletePath = "/v1/spaces/dev/collections/users/profiles/user_id:u1/external_ids/delete"

// Empty and dotted steps in a path are not taken out of it: what is left would be
// another call, as sending everything again is for an ID that a script left empty.
func TestPathsAreTakenAsTheyStand(t *testing.T) {
	s := newServer(t, Settings{})
	for _, call := range []struct{ method, path, secret string }{
		{"POST", "/api/spaces/dev/rejects//resend", adminToken}, {"DELETE", "/api/spaces/dev/sources/..", adminToken}, {"GET", "/api/spaces/dev/rejects/.", adminToken},
		{"DELETE", "/api/spaces/dev/sources/../", adminToken}, {"GET", "//api/spaces", adminToken}, {"GET", "/x/../api/spaces", adminToken},
		{"POST", "/v1/spaces/dev/collections/users/profiles//external_ids/delete", readToken},
	} {
		if w := s.do(call.method, call.path, call.secret, `{}`); w.Code != http.StatusNotFound {
			t.Errorf("%s %s: %d %s", call.method, call.path, w.Code, w.Header().Get("Location"))
		}
	}
	// SDKs whose host ends with a slash are led on.
	if w := s.do("POST", "//v1/track", writeKey, `{"userId":"u1","event":"x"}`); w.Code != http.StatusTemporaryRedirect || w.Header().Get("Location") != "/v1/track" {
		t.Errorf("%d %s", w.Code, w.Header().Get("Location"))
	}
}

// A browser that has a password for this server must not use it for another site.
func TestOtherSitesCannotAct(t *testing.T) {
	s := newServer(t, Settings{PublicURL: "https://selfsame.example"})
	form := `{"delete_external_ids":[{"id":"a","type":"anonymous_id"}],"x":"="}`
	for _, test := range []struct {
		name    string
		header  []string
		refused bool
	}{
		{"a form of another site", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, true},
		{"an old browser", []string{"Origin", "https://evil.example"}, true},
		{"a page without an origin", []string{"Origin", "null"}, true},
		{"a neighbour", []string{"Sec-Fetch-Site", "same-site", "Origin", "https://other.selfsame.example"}, true},
		{"the server's own page", []string{"Sec-Fetch-Site", "same-origin", "Origin", "http://example.com"}, false},
		{"the public address behind a proxy", []string{"Origin", "https://selfsame.example"}, false},
		{"no browser", nil, false},
	} {
		for _, call := range []struct{ method, path, secret string }{
			{"POST", deletePath, readToken}, {"POST", deletePath, adminToken}, {"POST", "/api/spaces/dev/overrides", adminToken},
			{"PUT", "/api/spaces/dev/rules", adminToken}, {"DELETE", "/api/spaces/dev/sources/nothing", adminToken}, {"POST", "/api/spaces/dev/import?source=nothing", adminToken},
		} {
			w := s.do(call.method, call.path, call.secret, form, append(test.header, "Content-Type", "text/plain")...)
			if (w.Code == http.StatusForbidden) != test.refused {
				t.Errorf("%s: %s %s: %d %s", test.name, call.method, call.path, w.Code, w.Body)
			}
		}
		// What pages of every site send is taken.
		if w := s.post("/v1/track", writeKey, good, test.header...); w.Code != 200 {
			t.Errorf("%s: %d %s", test.name, w.Code, w.Body)
		}
	}
}

// over sends a request that came in over an address of this machine.
func (s *server) over(local, from, host, path, secret string, header ...string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(http.MethodGet, path, nil)
	req.Host, req.RemoteAddr = host, from
	if local != "" {
		addr := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(local))
		req = req.WithContext(context.WithValue(req.Context(), http.LocalAddrContextKey, net.Addr(addr)))
	}
	if secret != "" {
		req.Header.Set("Authorization", "Bearer "+secret)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, req)
	return w
}

// A name of somebody else's that leads to this machine is not answered.
func TestHostsOnThisMachine(t *testing.T) {
	s := newServer(t, Settings{PublicURL: "https://selfsame.example:444/x", Hosts: []string{"selfsame.internal"}})
	for host, known := range map[string]bool{
		"localhost:8080": true, "LOCALHOST": true, "127.0.0.1:8080": true, "[::1]:8080": true, "127.1.2.3": true, "app.localhost:1": true, "janes-laptop:8080": true,
		"selfsame.example": true, "selfsame.internal:80": true, "selfsame.internal.": true,
		"evil.example": false, "evil.example:8080": false, "localhost.evil.example": false, "10.0.0.1": false, "[2001:db8::1]:80": false, "": false,
	} {
		for path, status := range map[string]int{"/api/spaces": 200, "/metrics": 200, "/v1/spaces/dev/collections/users/profiles/use_1/traits": 404} {
			want := status
			if !known {
				want = http.StatusMisdirectedRequest
			}
			if w := s.over("127.0.0.1:8080", "127.0.0.1:9", host, path, adminToken); w.Code != want {
				t.Errorf("%s as %q: %d %s", path, host, w.Code, w.Body)
			}
		}
		// Apps and probes may call it what they like; so may who comes over a network.
		for _, path := range []string{"/healthz", "/readyz", "/v1/projects/" + writeKey + "/settings"} {
			if w := s.over("127.0.0.1:8080", "127.0.0.1:9", host, path, ""); w.Code != 200 {
				t.Errorf("%s as %q: %d %s", path, host, w.Code, w.Body)
			}
		}
		if w := s.over("192.0.2.7:8080", "192.0.2.1:9", host, "/api/spaces", adminToken); w.Code != 200 {
			t.Errorf("over the network as %q: %d %s", host, w.Code, w.Body)
		}
	}
}

func TestMetricsAreForThisMachine(t *testing.T) {
	s := newServer(t, Settings{MetricsToken: "met_secret"})
	for _, test := range []struct {
		from, secret string
		header       []string
		status       int
	}{
		{"127.0.0.1:9", "", nil, 200},
		{"[::1]:9", "", nil, 200},
		{"192.0.2.1:9", "", nil, 401},
		{"192.0.2.1:9", readToken, nil, 401},
		{"192.0.2.1:9", "met_secret", nil, 200},
		{"192.0.2.1:9", adminToken, nil, 200},
		{"127.0.0.1:9", "", []string{"X-Forwarded-For", "127.0.0.1"}, 401},
		{"127.0.0.1:9", "met_secret", []string{"Forwarded", "for=127.0.0.1"}, 200},
	} {
		w := s.over("", test.from, "x", "/metrics", test.secret, test.header...)
		if w.Code != test.status || strings.Contains(w.Body.String(), "selfsame_") != (test.status == 200) {
			t.Errorf("%+v: %d %.100s", test, w.Code, w.Body)
		}
	}
	if w := s.over("", "192.0.2.1:9", "x", "/api/spaces", "met_secret"); w.Code != 401 {
		t.Errorf("the metrics token opens the API: %d", w.Code)
	}
}

// Guesses of the admin token are slowed down, by address, and logged without
// what was guessed.
func TestGuesses(t *testing.T) {
	const from, other = "192.0.2.1:9", "192.0.2.2:9"
	for _, path := range []string{"/api/spaces", "/v1/spaces/dev/collections/users/profiles/use_1/traits", "/metrics"} {
		t.Run(path, func(t *testing.T) {
			s := newServer(t, Settings{})
			clock := now
			s.API = New(Deps{Spaces: s, Catalog: s.catalog, Now: func() time.Time { return clock }, Log: slog.New(slog.NewTextHandler(&s.log, nil))}, Settings{AdminToken: adminToken})
			right := map[string]int{"/api/spaces": 200, "/metrics": 200}[path]
			if right == 0 {
				right = 404
			}
			guess := func(from string, n int) *httptest.ResponseRecorder {
				return s.over("", from, "x", path, fmt.Sprintf("adm_guess_%d", n))
			}
			// No token is no guess, and neither is the same wrong one again and again.
			for range 50 {
				if w := s.over("", from, "x", path, ""); w.Code != 401 {
					t.Fatalf("%d without a token", w.Code)
				}
				if w := guess(from, 0); w.Code != 401 {
					t.Fatalf("%d with a stale token", w.Code)
				}
			}
			looked, waited := 0, time.Duration(0)
			for n := range 1000 {
				w := guess(from, n)
				switch w.Code {
				case 401:
					looked++
				case 429:
					wait, err := strconv.Atoi(w.Header().Get("Retry-After"))
					if err != nil || wait < 1 || wait > 60 {
						t.Fatalf("Retry-After %q", w.Header().Get("Retry-After"))
					}
				default:
					t.Fatalf("%d %s", w.Code, w.Body)
				}
				clock = clock.Add(100 * time.Millisecond)
				waited += 100 * time.Millisecond
			}
			if looked > 15 {
				t.Errorf("%d guesses were looked at in %v", looked, waited)
			}
			// The right one has to wait as well, or guessing would go on. Others do not.
			if w := s.over("", from, "x", path, adminToken); w.Code != 429 {
				t.Errorf("while it waits, the address with the right token: %d", w.Code)
			}
			if w := s.over("", other, "x", path, adminToken); w.Code != right {
				t.Errorf("another address: %d %s", w.Code, w.Body)
			}
			clock = clock.Add(time.Minute)
			if w := s.over("", from, "x", path, adminToken); w.Code != right {
				t.Errorf("after the wait: %d %s", w.Code, w.Body)
			}
			log := s.log.String()
			if !strings.Contains(log, "192.0.2.1") || strings.Contains(log, "adm_guess") || strings.Count(log, "wrong admin token") > 8 {
				t.Errorf("log: %s", log)
			}
		})
	}
}

// An app with a token of its own is not kept out by a neighbour who guesses.
func TestGuessesKeepNoTokenOut(t *testing.T) {
	s := newServer(t, Settings{})
	path := "/v1/spaces/dev/collections/users/profiles/use_1/traits"
	for n := range 50 {
		s.over("", "192.0.2.1:9", "x", path, fmt.Sprintf("adm_guess_%d", n))
	}
	if w := s.over("", "192.0.2.1:9", "x", path, readToken); w.Code != 404 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// Who guesses from more addresses than are remembered has to wait with all others of
// which there are too many; who is remembered goes by what he did himself.
func TestGuessesFromManyAddresses(t *testing.T) {
	clock := now
	admin := guard.NewAdmin(func(secret string) bool { return secret == adminToken }, nil, func() time.Time { return clock }, slog.New(slog.DiscardHandler))
	request := func(n int) *http.Request {
		r := httptest.NewRequest("GET", "/api/spaces", nil)
		r.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:9", n>>16, n>>8&255, n&255)
		return r
	}
	looked := 0
	const known, more = 10_000, 1_000
	for n := range known + more {
		r, secret := request(n), fmt.Sprint("guess ", n)
		if _, err := admin.Check(r, secret); err == nil {
			looked++
			admin.Wrong(r, secret)
		}
	}
	if looked > known+10 {
		t.Errorf("%d guesses were looked at, each from an address of its own", looked)
	}
	if ok, err := admin.Check(request(7), adminToken); !ok || err != nil {
		t.Errorf("an address that guessed once: %v, %v", ok, err)
	}
	clock = clock.Add(time.Minute)
	if ok, err := admin.Check(request(known+more), adminToken); !ok || err != nil {
		t.Errorf("a new address after the wait: %v, %v", ok, err)
	}
}
