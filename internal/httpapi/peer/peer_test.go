package peer

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func TestWhoSentItAndHow(t *testing.T) {
	proxies := Proxies{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	for _, test := range []struct {
		name, remote string
		headers      []string
		address      string
		base         string
	}{
		{"direct", "192.0.2.1:5", nil, "192.0.2.1", "http://own:8080"},
		{"a stranger's word", "192.0.2.1:5", []string{"X-Forwarded-For", "198.51.100.1", "X-Forwarded-Host", "evil", "X-Forwarded-Proto", "https"}, "192.0.2.1", "http://own:8080"},
		{"a proxy", "127.0.0.1:5", []string{"X-Forwarded-For", "198.51.100.1", "X-Forwarded-Host", "e.example", "X-Forwarded-Proto", "HTTPS"}, "198.51.100.1", "https://e.example"},
		{"a proxy that says little", "127.0.0.1:5", []string{"X-Forwarded-Proto", "https"}, "127.0.0.1", "https://own:8080"},
		{"two proxies", "127.0.0.1:5", []string{"X-Forwarded-For", "198.51.100.1, 10.1.1.1", "X-Forwarded-Host", "e.example, inner", "X-Forwarded-Proto", "https, http"}, "198.51.100.1", "https://e.example"},
		{"a client that lies to a proxy", "127.0.0.1:5", []string{"X-Forwarded-For", "10.9.9.9, 203.0.113.7", "X-Forwarded-Host", "evil, e.example"}, "203.0.113.7", "http://e.example"},
		{"no host", "127.0.0.1:5", []string{"X-Forwarded-Host", "e.example/<script>"}, "127.0.0.1", "http://own:8080"},
		{"no scheme", "127.0.0.1:5", []string{"X-Forwarded-Proto", "javascript"}, "127.0.0.1", "http://own:8080"},
		{"RFC 7239", "127.0.0.1:5", []string{"Forwarded", `for="[2001:db8::1]:4711";proto=https;host=e.example;by=_x`}, "2001:db8::1", "https://e.example"},
		{"RFC 7239, lines", "127.0.0.1:5", []string{"Forwarded", "for=198.51.100.1;Host=e.example", "Forwarded", "For=10.0.0.1;proto=https"}, "198.51.100.1", "https://e.example"},
		{"RFC 7239, hidden", "127.0.0.1:5", []string{"Forwarded", "for=_secret;proto=https"}, "127.0.0.1", "https://own:8080"},
		{"mapped", "[::ffff:127.0.0.1]:5", []string{"X-Forwarded-For", "::ffff:198.51.100.1"}, "198.51.100.1", "http://own:8080"},
		{"endless", "127.0.0.1:5", []string{"X-Forwarded-For", strings.Repeat("10.0.0.1,", 5000) + "10.0.0.2"}, "10.0.0.1", "http://own:8080"},
		{"no address", "pipe", nil, "invalid IP", "http://own:8080"},
	} {
		r := httptest.NewRequest(http.MethodGet, "http://own:8080/", nil)
		r.RemoteAddr = test.remote
		for i := 0; i < len(test.headers); i += 2 {
			r.Header.Add(test.headers[i], test.headers[i+1])
		}
		if got := proxies.Address(r).String(); got != test.address {
			t.Errorf("%s: address %s, want %s", test.name, got, test.address)
		}
		if scheme, host := proxies.Base(r); scheme+"://"+host != test.base {
			t.Errorf("%s: %s://%s, want %s", test.name, scheme, host, test.base)
		}
	}
}
