package event

import "strings"

// bytes returns the text of a span.
func (s *scanner) bytes(v span) []byte {
	if v.to == 0 {
		return nil
	}
	return s.b[v.from:v.to:v.to]
}

// textOf reads a field that must be a string or a number, without white space
// around it, and "" when it is null or absent.
func (s *scanner) textOf(v span, field string) (string, *Refusal) {
	if v.to == 0 || s.b[v.from] == 'n' {
		return "", nil
	}
	text, ok := Text(s.bytes(v))
	if !ok {
		return "", refuse(BadField, field, "%s is %s; send a string or a number, or leave it out", field, kindOf(s.bytes(v)))
	}
	return trim(text), nil
}

// idOf is textOf for an ID; see IDText.
func (s *scanner) idOf(v span, field string) (string, *Refusal) {
	text, r := s.textOf(v, field)
	if text == "" || r != nil {
		return "", r
	}
	text, _ = IDText(s.bytes(v))
	return text, nil
}

// loose is textOf for fields where another type than string or number means
// absent.
func (s *scanner) loose(v span) string {
	if v.to == 0 {
		return ""
	}
	text, _ := Text(s.b[v.from:v.to])
	return trim(text)
}

// looseID is loose for an ID.
func (s *scanner) looseID(v span) string {
	if v.to == 0 {
		return ""
	}
	text, _ := IDText(s.b[v.from:v.to])
	return text
}

// object returns the text of a field that is an object, else nil.
func (s *scanner) object(v span) []byte {
	if v.to == 0 || s.b[v.from] != '{' {
		return nil
	}
	return s.bytes(v)
}

// needObject refuses a field that holds something and is not an object: its
// content would go nowhere.
func (s *scanner) needObject(v span, field string) *Refusal {
	if v.to == 0 || s.b[v.from] == '{' || s.b[v.from] == 'n' {
		return nil
	}
	switch b := s.bytes(v); b[0] {
	case '"':
		if s.loose(v) == "" {
			return nil
		}
	case '[':
		if _, done := s.element(int(v.from)+1, true); done {
			return nil
		}
	}
	return refuse(BadField, field, "%s is %s; send an object, or leave it out", field, kindOf(s.bytes(v)))
}

// kindOf names the kind of a JSON value, with its article.
func kindOf(value []byte) string {
	if len(value) == 0 {
		return "nothing"
	}
	switch value[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// quoteShort quotes the start of what a customer sent, for a reason.
func quoteShort(s string) string {
	const most = 40
	if len(s) > most {
		cut := most
		for cut > 0 && s[cut]&0xc0 == 0x80 {
			cut--
		}
		s = s[:cut] + "…"
	}
	return `"` + strings.ToValidUTF8(s, "?") + `"`
}
