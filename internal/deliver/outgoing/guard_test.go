package outgoing_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/deliver/outgoing"
)

func TestOnlyPublicAddressesArePermitted(t *testing.T) {
	var g outgoing.Guard
	for _, a := range []string{
		"127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255",
		"100.100.100.200", "168.63.129.16", "198.18.0.1", "192.0.0.170",
		"::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
		"64:ff9b::7f00:1", "2002:7f00:1::", "2001::1", "2001:db8::1", "fd00:ec2::254", "fec0::1",
	} {
		if g.Permits(netip.MustParseAddr(a)) {
			t.Errorf("%s is permitted", a)
		}
	}
	for _, a := range []string{"8.8.8.8", "1.1.1.1", "::ffff:8.8.8.8", "2606:4700:4700::1111", "2a00:1450::1"} {
		if !g.Permits(netip.MustParseAddr(a)) {
			t.Errorf("%s is not permitted", a)
		}
	}
	g.Allow = []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}
	if !g.Permits(netip.MustParseAddr("10.1.2.3")) || !g.Permits(netip.MustParseAddr("::ffff:10.1.2.3")) || g.Permits(netip.MustParseAddr("10.2.0.1")) {
		t.Error("what is allowed is not what is permitted")
	}
	if g.Permits(netip.Addr{}) {
		t.Error("no address is permitted")
	}
}

var here = outgoing.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}

func TestConnectionsAreCheckedOnTheResolvedAddress(t *testing.T) {
	asked := false
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer server.Close()
	for _, host := range []string{"127.0.0.1", "localhost"} {
		var g outgoing.Guard
		_, err := g.Client(outgoing.Options{Timeout: 5 * time.Second}).Get(strings.Replace(server.URL, "127.0.0.1", host, 1))
		if !errors.Is(err, outgoing.ErrRefused) || outgoing.Explain(err) != outgoing.ErrRefused.Error() {
			t.Errorf("%s: %v", host, err)
		}
	}
	if asked {
		t.Error("the server was asked")
	}
	r, err := here.Client(outgoing.Options{Timeout: 5 * time.Second}).Get(server.URL)
	if err != nil || !asked {
		t.Fatalf("what is allowed is refused: %v", err)
	}
	if err := outgoing.Drain(r); err != nil {
		t.Error(err)
	}
}

func TestNoProxyAndNoRedirect(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	defer elsewhere.Close()
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	r, err := here.Client(outgoing.Options{Timeout: 5 * time.Second}).Post(server.URL, "text/plain", strings.NewReader("x"))
	if err != nil || r.StatusCode != http.StatusTemporaryRedirect {
		t.Fatalf("%v, %v", r, err)
	}
	_ = outgoing.Drain(r)
}

func TestFailuresAreExplained(t *testing.T) {
	client, hurried := here.Client(outgoing.Options{Timeout: time.Minute}), here.Client(outgoing.Options{Timeout: 100 * time.Millisecond})
	hang := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}))
	defer slow.Close()
	defer close(hang)
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	cut := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, _ := w.(http.Hijacker).Hijack()
		_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"))
		_ = c.Close()
	}))
	defer cut.Close()
	for url, want := range map[string]string{
		slow.URL:   "no answer in time",
		secure.URL: "the certificate is signed by nobody that is trusted",
		gone.URL:   "the connection was refused",
		cut.URL:    "the connection was closed before the answer was complete",
	} {
		c := client
		if url == slow.URL {
			c = hurried
		}
		r, err := c.Get(url)
		if err == nil {
			err = outgoing.Drain(r)
		}
		if got := outgoing.Explain(err); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "120": 2 * time.Minute, " 5 ": 5 * time.Second, "-3": 0, "soon": 0, "99999999999": 0, "4000000000": 24 * time.Hour,
		now.Add(time.Minute).Format(http.TimeFormat):  time.Minute,
		now.Add(-time.Minute).Format(http.TimeFormat): 0,
	} {
		if got := outgoing.RetryAfter(http.Header{"Retry-After": {text}}, now); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestCheckURL(t *testing.T) {
	for _, bad := range []string{"", "ftp://x/y", "//x", "https://", "https://u:p@x/", "https://x/#y", "https://x y/", "file:///etc/passwd"} {
		if _, err := outgoing.CheckURL(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	if u, err := outgoing.CheckURL("https://example.com:8443/a?b=c"); err != nil || fmt.Sprint(u) != "https://example.com:8443/a?b=c" {
		t.Errorf("%v, %v", u, err)
	}
}
