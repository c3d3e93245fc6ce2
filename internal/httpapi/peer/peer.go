package peer

import (
	"net/http"
	"net/netip"
	"strings"
)

// Proxies are the addresses whose word about clients is taken.
type Proxies []netip.Prefix

// Loopback are proxies on the same machine.
var Loopback = Proxies{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

func (p Proxies) trust(a netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(a) {
			return true
		}
	}
	return false
}

// Direct is the address at the other end of the connection; not valid when it
// is no address of the internet protocol.
func Direct(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap()
}

// hop is what one proxy says about the request that came to it.
type hop struct {
	from        netip.Addr // not valid: hidden, or no address
	proto, host string
}

// mostHops bounds how many proxies are believed to be in a row.
const mostHops = 32

// hops are what the proxies say, the nearest first: by RFC 7239 if they follow
// it, else by X-Forwarded-For, -Proto and -Host.
func hops(r *http.Request) []hop {
	var out []hop
	if lines := r.Header["Forwarded"]; len(lines) > 0 {
		for _, element := range backwards(lines) {
			var h hop
			for pair := range strings.SplitSeq(element, ";") {
				name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
				value = strings.Trim(value, `"`)
				switch strings.ToLower(name) {
				case "for":
					h.from = addrOf(value)
				case "proto":
					h.proto = value
				case "host":
					h.host = value
				}
			}
			out = append(out, h)
		}
		return out
	}
	from := backwards(r.Header["X-Forwarded-For"])
	protos, names := backwards(r.Header["X-Forwarded-Proto"]), backwards(r.Header["X-Forwarded-Host"])
	for i := range min(mostHops, max(len(from), len(protos), len(names))) {
		var h hop
		if i < len(from) {
			h.from = addrOf(from[i])
		}
		if i < len(protos) {
			h.proto = protos[i]
		}
		if i < len(names) {
			h.host = names[i]
		}
		out = append(out, h)
	}
	return out
}

// backwards takes the comma-separated entries of header lines, the last first.
func backwards(lines []string) []string {
	var out []string
	for i := len(lines) - 1; i >= 0; i-- {
		rest := lines[i]
		for len(out) < mostHops {
			at := strings.LastIndexByte(rest, ',')
			out = append(out, strings.TrimSpace(rest[at+1:]))
			if at < 0 {
				break
			}
			rest = rest[:at]
		}
	}
	return out
}

// addrOf reads an address with or without port and brackets.
func addrOf(text string) netip.Addr {
	if ap, err := netip.ParseAddrPort(text); err == nil {
		return ap.Addr().Unmap()
	}
	a, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap()
}

// Address is the client's address: the nearest one that is no trusted proxy. It
// may be not valid, see Direct.
func (p Proxies) Address(r *http.Request) netip.Addr {
	at := Direct(r)
	for _, h := range hops(r) {
		if !p.trust(at) || !h.from.IsValid() {
			break
		}
		at = h.from
	}
	return at
}

// Base is how the client reached the server: the scheme, http or https, and the
// host with its port, as the outermost trusted proxy was asked for it.
func (p Proxies) Base(r *http.Request) (scheme, host string) {
	scheme, host = "http", r.Host
	if r.TLS != nil {
		scheme = "https"
	}
	at := Direct(r)
	for _, h := range hops(r) {
		if !p.trust(at) {
			break
		}
		if proto := strings.ToLower(h.proto); proto == "http" || proto == "https" {
			scheme = proto
		}
		if isHost(h.host) {
			host = h.host
		}
		at = h.from
	}
	return scheme, host
}

// Forwarded reports whether a proxy says that it is one.
func Forwarded(r *http.Request) bool {
	return len(r.Header["Forwarded"]) > 0 || len(r.Header["X-Forwarded-For"]) > 0
}

// isHost reports whether a text can be a host with or without port.
func isHost(s string) bool {
	if s == "" || len(s) > 255 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._:[]", c) >= 0) {
			return false
		}
	}
	return true
}
