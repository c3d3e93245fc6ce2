package event

// ForEach calls fn for every member of the valid JSON object obj, in the order
// of the text, until fn returns false. A key that is there twice is passed
// twice; the later one counts. The key is decoded, the value is raw and
// without white space around it; both share memory with obj. Anything but an
// object has no members.
func ForEach(obj []byte, fn func(key string, value []byte) bool) {
	s := scanner{b: obj, depth: unbounded, anyBytes: true}
	i := s.space(0)
	if i >= len(obj) || obj[i] != '{' {
		return
	}
	i++
	for first := true; ; first = false {
		key, from, done := s.member(i, first)
		if done || from < 0 {
			return
		}
		if i = s.skip(from, 1); i < 0 || !fn(key, obj[from:i:i]) {
			return
		}
	}
}

// ForEachElement calls fn for every element of the valid JSON array arr, in order,
// until fn returns false. An element is raw and without white space around it; it
// shares memory with arr. Anything but an array has no elements.
func ForEachElement(arr []byte, fn func(element []byte) bool) {
	s := scanner{b: arr, depth: unbounded, anyBytes: true}
	i := s.space(0)
	if i >= len(arr) || arr[i] != '[' {
		return
	}
	i++
	for first := true; ; first = false {
		from, done := s.element(i, first)
		if done || from < 0 {
			return
		}
		if i = s.skip(from, 1); i < 0 || !fn(arr[from:i:i]) {
			return
		}
	}
}

// Lookup returns the raw value of key in the valid JSON object obj, the last
// one if the key is there several times, or nil if it is not there. The value
// shares memory with obj; a JSON null is returned as such.
func Lookup(obj []byte, key string) []byte {
	var found []byte
	ForEach(obj, func(k string, value []byte) bool {
		if k == key {
			found = value
		}
		return true
	})
	return found
}

// member reads on in an object, from the byte after its opening brace (first)
// or after a member's value. It returns the next member's decoded key and the
// index of its value, or done and the index after the closing brace. The index
// is -1 on a fault.
func (s *scanner) member(i int, first bool) (key string, value int, done bool) {
	b := s.b
	i = s.space(i)
	switch {
	case i < len(b) && b[i] == '}':
		return "", i + 1, true
	case first:
	case i < len(b) && b[i] == ',':
		i = s.space(i + 1)
	default:
		return "", s.fail(i, "',' or '}'"), false
	}
	if i >= len(b) || b[i] != '"' {
		return "", s.fail(i, "a key in double quotes"), false
	}
	from := i + 1
	i, escapes := s.str(from)
	if i < 0 {
		return "", -1, false
	}
	if key = alias(b[from : i-1]); escapes {
		key = decode(b[from : i-1])
	}
	if i = s.space(i); i >= len(b) || b[i] != ':' {
		return "", s.fail(i, "':' after a key"), false
	}
	return key, s.space(i + 1), false
}

// element reads on in an array as member does in an object.
func (s *scanner) element(i int, first bool) (value int, done bool) {
	b := s.b
	i = s.space(i)
	switch {
	case i < len(b) && b[i] == ']':
		return i + 1, true
	case first:
		return i, false
	case i < len(b) && b[i] == ',':
		return s.space(i + 1), false
	}
	return s.fail(i, "',' or ']'"), false
}
