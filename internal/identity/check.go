package identity

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/selfsame-id/selfsame/internal/event"
)

// The words of Rules.Order and Rules.Alias.
const (
	orderPersonFirst = "person_first"
	orderArrival     = "arrival"
	aliasIgnore      = "ignore"
	aliasLink        = "link"

	priorityDefault = "default" // of Identifier.Priority
)

// Bounds of what may be written. They are far above any use, and keep a slip of
// the finger from costing memory or time.
const (
	mostIdentifiers = 1_000_000 // max_identifiers
	mostListed      = 500       // types
	mostTypeBytes   = 100
)

// check returns all mistakes of rules. That max_merges has no effect under
// order: person_first is none: people write it down to try the other order.
func check(r Rules) error {
	var l mistakes
	l.oneOf("order", r.Order, orderPersonFirst, orderArrival)
	l.oneOf("alias", r.Alias, aliasIgnore, aliasLink)
	l.positive("max_merges", r.MaxMerges)
	l.positive("max_identifiers", r.MaxIdentifiers)
	if r.MaxIdentifiers > mostIdentifiers {
		l.add("max_identifiers", "%d is too large; write %d at most", r.MaxIdentifiers, mostIdentifiers)
	}
	for i, e := range r.Exclude {
		l.exclusion("exclude["+strconv.Itoa(i)+"]", e)
	}
	if d := r.Defaults; d != nil {
		l.positive("defaults.limit", d.Limit)
		l.window("defaults.window", d.Window)
		l.blocked("defaults", d.Blocked, d.BlockedPatterns)
	}
	if len(r.Identifiers) > mostListed {
		l.add("identifiers", "there are %d types; list %d at most", len(r.Identifiers), mostListed)
		return l.or()
	}
	types, keys := map[string]int{}, map[string]int{}
	for i, id := range r.Identifiers {
		at := "identifiers[" + strconv.Itoa(i) + "]"
		if l.typeName(at+".type", id.Type) {
			if first, twice := types[id.Type]; twice {
				l.add(at+".type", "%s is listed already, as identifiers[%d]; leave one of them", id.Type, first)
			} else {
				types[id.Type] = i
			}
		}
		l.key(at+".key", i, id, keys)
		l.positive(at+".limit", id.Limit)
		l.window(at+".window", id.Window)
		l.oneOf(at+".priority", id.Priority, priorityDefault)
		if id.Type == typeGroupID && (id.Limit > 1 || id.Window != "" && id.Window != "ever") {
			l.add(at+".limit", "an account has one group_id, ever; leave limit and window out")
		}
		l.blocked(at, id.Blocked, id.BlockedPatterns)
	}
	return l.or()
}

// positive complains about a number below 1; 0 is a setting not made.
func (l *mistakes) positive(where string, n int) {
	if n < 0 {
		l.add(where, "%d is too small; write 1 or more, or leave it out", n)
	}
}

func (l *mistakes) window(where, word string) {
	known := make([]string, len(windows))
	for i, w := range windows {
		known[i] = w.word
	}
	l.oneOf(where, word, known...)
}

func (l *mistakes) exclusion(at string, e Exclusion) {
	l.typeName(at+".type", e.Type)
	if e.Event == "" && e.Source == "" {
		l.add(at, "it names neither event nor source; say from which of them the ID is not to be taken")
	}
}

// typeName checks the name of an ID type and reports whether it is there.
func (l *mistakes) typeName(where, name string) bool {
	switch {
	case name == "":
		l.add(where, "is missing; write the ID type, such as user_id")
		return false
	case len(name) > mostTypeBytes:
		l.add(where, "has %d bytes; write %d at most", len(name), mostTypeBytes)
	case strings.ContainsFunc(name, func(r rune) bool { return r == ':' || r == utf8.RuneError || unicode.IsSpace(r) || !unicode.IsPrint(r) }):
		l.add(where, "%q has a colon, a space or a sign that cannot be printed; write one word such as app_id", name)
	case name != strings.ToLower(name):
		l.add(where, "%q has upper-case letters; write %q", name, strings.ToLower(name))
	}
	return true
}

// key checks a custom type's key. Of two types with one key nobody could say
// whose value it is.
func (l *mistakes) key(where string, i int, id Identifier, keys map[string]int) {
	switch {
	case id.Key == "":
		return
	case isBuiltin(id.Type):
		l.add(where, "%s is found in places of its own; leave key out, or list a type of your own with this key", id.Type)
		return
	case strings.TrimSpace(id.Key) != id.Key || !utf8.ValidString(id.Key) || len(id.Key) > mostTypeBytes:
		l.add(where, "%q cannot be a key; write the name of a trait or property, %d bytes at most and no space around it", id.Key, mostTypeBytes)
		return
	}
	forms := keyForms(id.Key)
	for _, f := range forms {
		if builtin := builtinOfKey(f); builtin != "" {
			l.add(where, "what traits and properties have under %s is the built-in type %s already", f, builtin)
			return
		}
		if first, twice := keys[f]; twice {
			l.add(where, "%s is the key of identifiers[%d] already; one value cannot be of two types", f, first)
			return
		}
	}
	for _, f := range forms {
		keys[f] = i
	}
}

// builtinOfKey gives the built-in type that is found under a key in traits or
// properties, or "".
func builtinOfKey(key string) string {
	switch key {
	case "email":
		return typeEmail
	case "cross_domain_id", "crossDomainId":
		return typeCrossDomainID
	}
	return ""
}

func (l *mistakes) blocked(at string, values, patterns []string) {
	for i, v := range values {
		if event.TrimID(v) == "" {
			l.add(at+".blocked["+strconv.Itoa(i)+"]", "is empty; an empty value is never an ID")
		}
	}
	for i, p := range patterns {
		where := at + ".blocked_patterns[" + strconv.Itoa(i) + "]"
		if p == "" {
			l.add(where, "is empty, which would match every value")
		} else if _, err := regexp.Compile(p); err != nil {
			l.add(where, "%q is not a regular expression: %s", p, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		}
	}
}
