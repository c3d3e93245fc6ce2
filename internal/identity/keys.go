package identity

import (
	"strings"
	"unicode"

	"github.com/selfsame-id/selfsame/internal/event"
)

// keySearch finds the values of custom types in traits and properties.
type keySearch struct {
	types []string       // by form
	forms map[string]int // a key in one of its forms → its place in types
}

// keyForms gives the forms in which a configured key is looked for: as it was
// written, in snake_case and in camelCase, as Segment matches custom identifiers
// ("Identity Resolution ExternalIDs"). They are distinct.
//
// A name that can be neither, with spaces, dots, dashes or an underscore that
// joins no two words, is looked for only as it was written: _id must not find
// the id of a product.
func keyForms(key string) []string {
	other := func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	if strings.ContainsFunc(key, other) || strings.Contains("_"+key+"_", "__") {
		return []string{key}
	}
	words := keyWords(key)
	for i, w := range words {
		words[i] = strings.ToLower(w)
	}
	snake := strings.Join(words, "_")
	for i, w := range words {
		if i > 0 {
			r := []rune(w)
			words[i] = string(unicode.ToUpper(r[0])) + string(r[1:])
		}
	}
	camel := strings.Join(words, "")
	forms := []string{key}
	if snake != key {
		forms = append(forms, snake)
	}
	if camel != key && camel != snake {
		forms = append(forms, camel)
	}
	return forms
}

// keyWords takes a key apart at underscores and where a capital follows a small
// letter or a digit, or begins a word after several capitals (APIKey is API, Key).
func keyWords(key string) []string {
	var words []string
	for part := range strings.SplitSeq(key, "_") {
		r := []rune(part)
		from := 0
		for i := 1; i < len(r); i++ {
			if unicode.IsUpper(r[i]) && (!unicode.IsUpper(r[i-1]) || i+1 < len(r) && unicode.IsLower(r[i+1])) {
				words = append(words, string(r[from:i]))
				from = i
			}
		}
		if from < len(r) {
			words = append(words, string(r[from:]))
		}
	}
	return words
}

func (k *keySearch) add(idType, key string) {
	if k.forms == nil {
		k.forms = map[string]int{}
	}
	for _, f := range keyForms(key) {
		k.forms[f] = len(k.types)
		k.types = append(k.types, idType)
	}
}

// search passes what it finds in a JSON object to take.
func (k *keySearch) search(object []byte, take func(idType, value string)) {
	if len(object) == 0 {
		return
	}
	var buf [16][]byte
	found := buf[:]
	if len(k.types) > len(buf) {
		found = make([][]byte, len(k.types))
	}
	// A key that is there twice has its last value, so look first and take then.
	any := false
	event.ForEach(object, func(key string, value []byte) bool {
		if i, ok := k.forms[key]; ok {
			found[i], any = value, true
		}
		return true
	})
	if !any {
		return
	}
	for i, idType := range k.types {
		if text, ok := event.IDText(found[i]); ok {
			take(idType, text)
		}
	}
}
