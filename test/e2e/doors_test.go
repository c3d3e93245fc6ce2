package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// raw sends a request with headers by twos; Host is one of them.
func (p *server) raw(t testing.TB, method, path, body string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequest(method, p.URL(path), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
			continue
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	return do(t, req)
}

// Another site's page, a name that leads here, and a guesser get nowhere.
func TestDoors(t *testing.T) {
	t.Parallel()
	s := newSite(t, binary(t))
	p := s.start(t)
	p.send(t, "dev", "/v1/identify", []byte(`{"userId":"ruth","anonymousId":"a-1","messageId":"m-1"}`))

	// A form of another site, with the password that the browser has.
	path := "/v1/spaces/dev/collections/users/profiles/user_id:ruth/external_ids/delete"
	req, err := http.NewRequest(http.MethodPost, p.URL(path), strings.NewReader(`{"delete_external_ids":[{"id":"a-1","type":"anonymous_id"}],"x":"="}`))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(tokenOf("dev"), "")
	req.Header.Set("Content-Type", "text/plain")
	req.Header.Set("Origin", "https://evil.example")
	if a := do(t, req); a.status != 403 {
		t.Errorf("a form of another site: %d %s", a.status, a.body)
	}
	equal(t, "identifiers after the form", p.ids(t, "dev", "user_id:ruth"), []string{"anonymous_id:a-1", "user_id:ruth"})

	// A beacon of a shop.
	preflight := p.raw(t, http.MethodOptions, "/v1/t", "", "Origin", "https://shop.example", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type")
	if h := preflight.header; h.Get("Access-Control-Allow-Origin") != "https://shop.example" || h.Get("Access-Control-Allow-Credentials") != "true" {
		t.Errorf("preflight: %v", h)
	}
	beacon := `{"userId":"ruth","event":"Left","messageId":"m-2","writeKey":"` + keyOf("dev") + `"}`
	if a := p.raw(t, http.MethodPost, "/v1/t", beacon, "Origin", "https://shop.example", "Content-Type", "application/json"); a.status != 200 {
		t.Errorf("beacon: %d %s", a.status, a.body)
	}

	// A name that was made to lead to this machine.
	for path, header := range map[string]string{"/metrics": "", "/api/spaces": "Bearer " + adminToken} {
		if a := p.raw(t, http.MethodGet, path, "", "Host", "evil.example", "Authorization", header); a.status != 421 {
			t.Errorf("%s as evil.example: %d", path, a.status)
		}
		if a := p.raw(t, http.MethodGet, path, "", "Authorization", header); a.status != 200 {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}

	// What SDKs load through a proxy on this machine that rewrites Host.
	settings := p.raw(t, http.MethodGet, "/v1/projects/"+keyOf("dev")+"/settings", "", "X-Forwarded-Host", "events.example", "X-Forwarded-Proto", "https")
	if !strings.Contains(string(settings.body), `"apiHost":"events.example/v1"`) || !strings.Contains(string(settings.body), `"protocol":"https"`) {
		t.Errorf("settings behind a proxy: %s", settings.body)
	}

	looked, waited := 0, 0
	for n := range 2000 {
		switch a := p.raw(t, http.MethodGet, "/api/spaces", "", "Authorization", fmt.Sprintf("Bearer adm_%d", n), "X-Forwarded-For", "198.51.100.7"); a.status {
		case 401:
			looked++
		case 429:
			waited++
		default:
			t.Fatalf("guess %d: %d %s", n, a.status, a.body)
		}
	}
	if looked > 12 || waited == 0 {
		t.Errorf("%d guesses were looked at", looked)
	}
	if log := p.Log(); !strings.Contains(log, "wrong admin token") || !strings.Contains(log, "198.51.100.7") || strings.Contains(log, "adm_7") {
		t.Errorf("log: %s", log)
	}
	p.stats(t, "dev") // the right token from elsewhere opens
	p.stop(t)
	s.verify(t)
}

// A token that is easy to guess is for this machine only.
func TestWeakTokenOnAPublicAddress(t *testing.T) {
	t.Parallel()
	s := newSite(t, binary(t))
	began := time.Now()
	out, code := s.run(t, nil, "serve", "--config", s.config, "--data", s.data, "--listen", "0.0.0.0:0")
	if code == 0 || !strings.Contains(out, "admin_token is too easy to guess") || strings.Contains(out, adminToken) {
		t.Errorf("exit code %d after %v: %s", code, time.Since(began), out)
	}
}
