package guard

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
)

// Browsers keeps browsers from being made a tool against the server by other
// sites: by forms and scripts that send what the browser knows of passwords, and
// by names that lead to this machine.
type Browsers struct {
	origins *http.CrossOriginProtection
	hosts   map[string]bool
}

// NewBrowsers makes the check. publicURL is where clients reach the server, ""
// when that is not said. hosts are further names that the server has.
func NewBrowsers(publicURL string, hosts []string) *Browsers {
	b := &Browsers{origins: http.NewCrossOriginProtection(), hosts: map[string]bool{"localhost": true}}
	if scheme, rest, ok := strings.Cut(publicURL, "://"); ok {
		host, _, _ := strings.Cut(rest, "/")
		// A proxy may rewrite Host, so that it is not the origin's.
		_ = b.origins.AddTrustedOrigin(scheme + "://" + host)
		b.hosts[hostOf(host)] = true
	}
	for _, h := range hosts {
		b.hosts[hostOf(h)] = true
	}
	return b
}

// Check refuses what another site made a browser send.
func (b *Browsers) Check(r *http.Request) error {
	if err := b.origins.Check(r); err != nil {
		return answer.New(http.StatusForbidden, answer.Forbidden,
			"A browser sent this for another site, which is not allowed. If it is your own site, set public_url to the address that it is reached under.")
	}
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); !ok || !isLoopback(local) {
		return nil
	}
	// Whoever makes a name of theirs lead to 127.0.0.1 can have a page talk to this
	// server as its own. A name without a dot is nobody's on the internet.
	name := hostOf(r.Host)
	if b.hosts[name] || strings.HasSuffix(name, ".localhost") || name != "" && !strings.ContainsAny(name, ".:") {
		return nil
	}
	if a, err := netip.ParseAddr(name); err == nil && a.IsLoopback() {
		return nil
	}
	return answer.New(http.StatusMisdirectedRequest, answer.Misdirected,
		"This server answers only to localhost, but the request names another host. Set public_url, or add the name to hosts, in its configuration.")
}

func isLoopback(addr net.Addr) bool {
	if tcp, ok := addr.(*net.TCPAddr); ok {
		return tcp.IP.IsLoopback()
	}
	ap, err := netip.ParseAddrPort(addr.String())
	return err == nil && ap.Addr().Unmap().IsLoopback()
}

// hostOf is a host without its port and brackets, in lower case.
func hostOf(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}
