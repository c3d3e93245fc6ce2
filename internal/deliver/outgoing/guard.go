package outgoing

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// ErrRefused: the address of a destination is not one that may be connected to.
var ErrRefused = errors.New("the address is not public, and the configuration does not allow it (setting allow_private)")

// Guard says which addresses may be connected to. The zero Guard allows public
// addresses only. It may be used by many goroutines at once.
type Guard struct {
	// Allow are networks that may be connected to although they are not public.
	Allow []netip.Prefix
}

// special are the networks that are not public: IANA's special-purpose registries,
// and what clouds use for metadata.
var special = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
	"192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
	"198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"100.100.100.200/32", "168.63.129.16/32", // metadata and platform services of clouds
)

// public6 is what is routed of IPv6; special6 are exceptions in it. Those that carry
// an address of IPv4 (NAT64, 6to4, Teredo) would lead around the check of that address.
var (
	public6  = netip.MustParsePrefix("2000::/3")
	special6 = prefixes("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "2620:4f:8000::/48")
)

func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		out[i] = netip.MustParsePrefix(t)
	}
	return out
}

// Permits reports whether an address may be connected to.
func (g *Guard) Permits(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsValid() {
		return false
	}
	for _, p := range g.Allow {
		if p.Contains(a) {
			return true
		}
	}
	list := special6
	if a.Is4() {
		list = special
	} else if !public6.Contains(a) {
		return false
	}
	for _, p := range list {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// Dialer connects to what the guard permits. The check is made on the address that
// is about to be connected to, after the name was resolved, so a name that resolves
// to something else the second time does not get around it.
func (g *Guard) Dialer(timeout time.Duration) *net.Dialer {
	return &net.Dialer{
		Timeout:   timeout,
		KeepAlive: 30 * time.Second,
		ControlContext: func(_ context.Context, network, address string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(address)
			if err != nil || network != "tcp4" && network != "tcp6" || !g.Permits(at.Addr()) {
				return fmt.Errorf("%w: %s", ErrRefused, address)
			}
			return nil
		},
	}
}
