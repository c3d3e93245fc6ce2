package search

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/profile"
)

// Kind is what a field is.
type Kind byte

// The kinds of fields, in the order in which a text is looked for in them.
const (
	Identifier Kind = 'i' // the values of one type of identifiers
	Trait      Kind = 't' // the values of one trait
	Words      Kind = 'w' // the names of people, from each of their words on; it has no name
	Computed   Kind = 'c' // the values of one computed trait
)

// Field is something that can be searched.
type Field struct {
	Kind Kind
	Name string
}

const (
	mostName  = 200 // bytes of a trait's name, with its path
	mostDepth = 4   // objects in one another
	mostTerms = 32  // of one trait
	mostWords = 6   // of one name
)

// Value is one value of a field as it is compared, folded and whole.
type Value struct {
	Field Field
	Text  string
}

// personal are the traits that hold names of people, or of companies, in the spelling
// of traits without their case, underscores and spaces.
var personal = map[string]bool{
	"name": true, "firstname": true, "lastname": true, "fullname": true, "middlename": true,
	"givenname": true, "familyname": true, "surname": true, "displayname": true, "nickname": true, "username": true,
	"companyname": true,
}

// mostPersonal is how many bytes the longest of them has.
const mostPersonal = 16

// IsName reports whether a trait holds the name of somebody, so that a text is looked
// for in it.
func IsName(trait string) bool {
	var plain [mostPersonal]byte
	n := 0
	for i := 0; i < len(trait); i++ {
		c := trait[i]
		switch {
		case c == '_' || c == '-' || c == ' ' || c == '.':
			continue
		case n == mostPersonal || c >= utf8.RuneSelf:
			return false
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		}
		plain[n] = c
		n++
	}
	return personal[string(plain[:n])]
}

// appendTrait appends the values under which a trait is found: a text, a number or
// true and false as it is; each element of a list; the entries of an object under
// trait.entry. A trait that is removed has none.
func appendTrait(dst []Value, t *profile.Trait) []Value {
	if t.Removed() {
		return dst
	}
	n := len(dst)
	if c := t.Value[0]; c == '{' || c == '[' {
		dec := json.NewDecoder(bytes.NewReader(t.Value))
		dec.UseNumber()
		var v any
		if dec.Decode(&v) == nil {
			dst = appendAny(dst, n, t.Name, v, 0)
		}
	} else {
		dst = appendScalar(dst, n, t.Name, t.Value)
	}
	if IsName(t.Name) {
		for _, v := range slices.Clone(dst[n:]) {
			dst = appendWords(dst, v.Text)
		}
	}
	return dst
}

func appendAny(dst []Value, first int, name string, v any, depth int) []Value {
	if depth > mostDepth {
		return dst
	}
	switch v := v.(type) {
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys) // which ones count must not depend on chance
		for _, k := range keys {
			dst = appendAny(dst, first, name+"."+k, v[k], depth+1)
		}
	case []any:
		for _, e := range v {
			dst = appendAny(dst, first, name, e, depth+1)
		}
	case string:
		dst = appendText(dst, first, name, v)
	case json.Number:
		dst = appendScalar(dst, first, name, []byte(v))
	case bool:
		dst = appendText(dst, first, name, map[bool]string{true: "true", false: "false"}[v])
	}
	return dst
}

func appendScalar(dst []Value, first int, name string, raw []byte) []Value {
	text, ok := event.IDText(raw)
	if !ok {
		text = string(raw) // true and false
	}
	return appendText(dst, first, name, text)
}

func appendText(dst []Value, first int, name, text string) []Value {
	v := Value{Field{Trait, name}, Fold(text)}
	if v.Text == "" || name == "" || len(name) > mostName || strings.IndexByte(name, 0) >= 0 ||
		len(dst)-first >= mostTerms || slices.Contains(dst[first:], v) {
		return dst
	}
	return append(dst, v)
}

// appendWords appends a name from each of its words on: "jane van der berg", "van
// der berg", "der berg" and "berg".
func appendWords(dst []Value, name string) []Value {
	for range mostWords {
		dst = append(dst, Value{Field{Kind: Words}, name})
		i := strings.IndexAny(name, " -'")
		if i < 0 {
			break
		}
		if name = strings.TrimLeft(name[i:], " -'"); name == "" {
			break
		}
	}
	return dst
}

// appendComputed appends the values under which a computed trait is found: as those of a
// trait that events set, but it names nobody.
func appendComputed(dst []Value, t *profile.Trait) []Value {
	for _, v := range appendTrait(nil, t) {
		if v.Field.Kind == Trait {
			v.Field.Kind = Computed
			dst = append(dst, v)
		}
	}
	return dst
}
