package identity

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/selfsame-id/selfsame/internal/event"
)

// Blocked reports whether an ID's value is one that identifies nobody. Whole
// values are compared exactly; a pattern matches anywhere in a value unless it
// says ^ and $. Of email, whose IDs are in lower case, both are taken without
// regard to case.
func (rs *Ruleset) Blocked(id ID) bool {
	if rs.ownBlocked {
		if l, ok := rs.listed[id.Type]; ok && l.blocked != nil {
			return l.blocked.has(id.Value)
		}
	}
	if id.Type == typeEmail {
		return rs.blockedEmail.has(id.Value)
	}
	return rs.blocked.has(id.Value)
}

// blocklist is a set of whole values and patterns. The zero value is empty.
type blocklist struct {
	values   map[string]struct{}
	lengths  uint64 // bit n: there is a value of n bytes; the last bit: or longer
	zeroes   bool   // zeroesPattern, which nearly all rules have, without the engine of regexp
	patterns []*regexp.Regexp
}

func (b *blocklist) has(value string) bool {
	if b.lengths&(1<<min(len(value), 63)) != 0 {
		if _, ok := b.values[value]; ok {
			return true
		}
	}
	if b.zeroes && onlyZeroesAndDashes(value) {
		return true
	}
	for _, p := range b.patterns {
		if p.MatchString(value) {
			return true
		}
	}
	return false
}

// onlyZeroesAndDashes does what zeroesPattern does.
func onlyZeroesAndDashes(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] != '0' && s[i] != '-' {
			return false
		}
	}
	return true
}

// with returns b and more values and patterns, and leaves b as it was. The
// patterns must compile.
func (b blocklist) with(idType string, values, patterns []string) blocklist {
	b.values = maps.Clone(b.values)
	if b.values == nil {
		b.values = map[string]struct{}{}
	}
	b.patterns = slices.Clip(b.patterns)
	for _, v := range values {
		v = Normal(idType, v)
		b.values[v] = struct{}{}
		b.lengths |= 1 << min(len(v), 63)
	}
	for _, p := range patterns {
		if p == zeroesPattern {
			b.zeroes = true
			continue
		}
		re, err := blockedPattern(idType, p)
		if err != nil {
			continue // check has reported it
		}
		b.patterns = append(b.patterns, re)
	}
	return b
}

// blockedPattern compiles a pattern for the values of a type.
func blockedPattern(idType, pattern string) (*regexp.Regexp, error) {
	if idType == typeEmail {
		pattern = "(?i)" + pattern
	}
	return regexp.Compile(pattern)
}

// Normal is the form in which a value of a type is compared: without what nobody
// sees around it (event.TrimID), and in lower case if it is an e-mail address. The
// body keeps the value as it was sent.
func Normal(idType, value string) string {
	value = event.TrimID(value)
	if idType == typeEmail {
		value = strings.ToLower(value)
	}
	return value
}
