package compute

import "strings"

// isGlob reports whether a name of an event stands for many: it has a *.
func isGlob(name string) bool { return strings.Contains(name, "*") }

// globMatch reports whether a name fits a pattern in which * is any text, also none.
func globMatch(pattern, name string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == name
	}
	if !strings.HasPrefix(name, head) {
		return false
	}
	name = name[len(head):]
	for {
		part, after, more := strings.Cut(rest, "*")
		if !more {
			return len(name) >= len(part) && strings.HasSuffix(name, part)
		}
		at := strings.Index(name, part)
		if at < 0 {
			return false
		}
		name, rest = name[at+len(part):], after
	}
}
