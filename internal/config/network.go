package config

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// Names are names of hosts, written with commas between them.
type Names []string

// UnmarshalText reads the names.
func (n *Names) UnmarshalText(text []byte) error {
	*n = Names{}
	for name := range listed(text) {
		if strings.ContainsAny(name, "/@?#") {
			return fmt.Errorf("%q is not a host name; write it like events.example.com, several with commas between them", name)
		}
		*n = append(*n, name)
	}
	return nil
}

// Networks are addresses and networks, written with commas between them.
type Networks []netip.Prefix

// UnmarshalText reads the networks.
func (n *Networks) UnmarshalText(text []byte) error {
	*n = Networks{}
	for word := range listed(text) {
		p, err := netip.ParsePrefix(word)
		if err != nil {
			a, err := netip.ParseAddr(word)
			if err != nil {
				return fmt.Errorf("%q is not an address or a network; write it like 10.1.2.3 or 10.0.0.0/8, several with commas between them, or none for no proxy at all", word)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		*n = append(*n, p.Masked())
	}
	return nil
}

// listed are the words of a list; there are none in "none".
func listed(text []byte) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for word := range strings.FieldsFuncSeq(string(text), func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
			if word != "none" && !yield(word) {
				return
			}
		}
	}
}

// isLoopback reports whether only this machine reaches an address that is
// listened on.
func isLoopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return true // it is a mistake already
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Unmap().IsLoopback()
	}
	return strings.EqualFold(host, "localhost")
}

// What a token needs that cannot be guessed: the shortest that people make with
// a tool have 16 characters, and in those hardly any comes more than twice or
// beside its neighbour in the alphabet.
const (
	leastToken     = 16
	leastDifferent = 8
)

// isWeak reports whether a token may be guessed.
func isWeak(token string) bool {
	different, steps := map[byte]bool{}, 0
	for i := range len(token) {
		different[token[i]] = true
		if i > 0 && max(token[i], token[i-1])-min(token[i], token[i-1]) > 1 {
			steps++
		}
	}
	return len(token) < leastToken || len(different) < leastDifferent || steps < leastDifferent
}
