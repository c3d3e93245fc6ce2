package event

// String is the type's name in the spec, or "unknown".
func (t Type) String() string {
	switch t {
	case Identify:
		return "identify"
	case Track:
		return "track"
	case Page:
		return "page"
	case Screen:
		return "screen"
	case Group:
		return "group"
	case Alias:
		return "alias"
	}
	return "unknown"
}

// TypeOf returns the type with the given name, and 0 when there is none. The
// case of ASCII letters does not matter: a hand-written client that says
// "Track" plainly means track.
func TypeOf(name string) Type {
	switch name {
	case "identify":
		return Identify
	case "track":
		return Track
	case "page":
		return Page
	case "screen":
		return Screen
	case "group":
		return Group
	case "alias":
		return Alias
	}
	for t := Identify; t <= Alias; t++ {
		if equalFoldASCII(name, t.String()) {
			return t
		}
	}
	return 0
}

// equalFoldASCII compares s with lower, which is in lower-case ASCII. It knows
// no Unicode folding, where "ſ" would equal "s".
func equalFoldASCII(s, lower string) bool {
	if len(s) != len(lower) {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
