package duplicates

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/profile"
)

// Kind is by what two profiles are alike. Smaller kinds say more.
type Kind uint8

// The kinds.
const (
	Email        Kind = 1 // addresses that one mailbox receives
	Phone        Kind = 2 // one phone number
	NamePostcode Kind = 3 // one name at one postcode
)

var kindWords = map[Kind]string{Email: "email", Phone: "phone", NamePostcode: "name_postcode"}

func (k Kind) String() string { return kindWords[k] }

// ParseKind reads the word of a kind.
func ParseKind(word string) (Kind, bool) {
	for k, w := range kindWords {
		if w == word {
			return k, true
		}
	}
	return 0, false
}

// Sign is something by which a person can be recognised, in a form in which equal
// means the same: {Phone, "+41791234567"}.
type Sign struct {
	Kind  Kind
	Value string
}

// mostSigns bounds the signs of one profile.
const mostSigns = 50

// mostSignBytes bounds what is looked at: longer is no name and no number.
const mostSignBytes = 320

// Signs lists what a profile of a user can be recognised by, distinct and in order.
// ids are its external IDs.
func Signs(ids []identity.ID, traits profile.Traits) []Sign {
	var out []Sign
	add := func(k Kind, v string) {
		if s := (Sign{k, v}); v != "" && !slices.Contains(out, s) && len(out) < mostSigns {
			out = append(out, s)
		}
	}
	address := object(traits, "address")
	country := first(address["country"], text(traits, "country"))
	for _, id := range ids {
		switch id.Type {
		case "email":
			add(Email, mailbox(id.Value))
		case "phone":
			add(Phone, phone(id.Value, country))
		}
	}
	add(Email, mailbox(text(traits, "email")))
	for _, name := range []string{"phone", "phone_number", "phoneNumber", "mobile"} {
		add(Phone, phone(text(traits, name), country))
	}
	name := first(text(traits, "name"), strings.TrimSpace(first(text(traits, "first_name"), text(traits, "firstName"))+" "+first(text(traits, "last_name"), text(traits, "lastName"))))
	postcode := first(address["postalCode"], address["postal_code"], address["postcode"], address["zip"],
		text(traits, "postalCode"), text(traits, "postal_code"), text(traits, "postcode"), text(traits, "zip"))
	if n, p := words(name), compact(postcode); strings.Contains(n, " ") && p != "" {
		add(NamePostcode, n+"|"+p)
	}
	slices.SortFunc(out, func(a, b Sign) int {
		if a.Kind != b.Kind {
			return int(a.Kind) - int(b.Kind)
		}
		return strings.Compare(a.Value, b.Value)
	})
	return out
}

// signTrait reports whether a trait can be part of a sign.
func signTrait(name string) bool {
	switch name {
	case "email", "phone", "phone_number", "phoneNumber", "mobile", "country", "address",
		"name", "first_name", "firstName", "last_name", "lastName", "postalCode", "postal_code", "postcode", "zip":
		return true
	}
	return false
}

// text is a trait that is a text or a number; "" if it is neither.
func text(traits profile.Traits, name string) string {
	t, ok := traits.Get(name)
	if !ok || t.Removed() {
		return ""
	}
	return plain(t.Value)
}

func plain(value json.RawMessage) string {
	var s string
	if len(value) > 4*mostSignBytes || len(value) == 0 {
		return ""
	}
	switch c := value[0]; {
	case c == '"':
		if json.Unmarshal(value, &s) != nil {
			return ""
		}
	case c >= '0' && c <= '9':
		s = string(value)
	}
	if len(s) > mostSignBytes {
		return ""
	}
	return strings.TrimSpace(s)
}

// object is a trait that is an object, with those of its fields that are texts or
// numbers.
func object(traits profile.Traits, name string) map[string]string {
	t, ok := traits.Get(name)
	if !ok || t.Removed() || len(t.Value) > 8<<10 {
		return nil
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(t.Value, &fields) != nil {
		return nil
	}
	out := make(map[string]string, len(fields))
	for k, v := range fields {
		out[k] = plain(v)
	}
	return out
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// phone is a number in E.164. A number without its country is taken to be of the
// country of the profile; if that is not known either, it is its digits, which are
// equal only to a number that was written in the same way.
func phone(number, country string) string {
	if number == "" {
		return ""
	}
	region := "ZZ" // unknown
	if len(country) == 2 {
		region = strings.ToUpper(country)
	}
	if n, err := phonenumbers.Parse(number, region); err == nil && phonenumbers.IsValidNumber(n) {
		return phonenumbers.Format(n, phonenumbers.E164)
	}
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, number)
	if region != "ZZ" || strings.HasPrefix(number, "+") || len(digits) < 8 || len(digits) > 15 || strings.Count(digits, digits[:1]) == len(digits) {
		return "" // no number at all, or 00000000
	}
	return digits
}

// words are the words of a name in small letters without accents, in the order of
// the alphabet: which of them is the family's differs from form to form.
func words(name string) string {
	folded, _, err := transform.String(transform.Chain(norm.NFKD, runes.Remove(runes.In(unicode.Mn)), norm.NFC), name)
	if err != nil {
		return ""
	}
	list := strings.FieldsFunc(strings.ToLower(folded), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	slices.Sort(list)
	return strings.Join(list, " ")
}

// compact is a postcode in capitals without spaces.
func compact(code string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToUpper(r)
		}
		return -1
	}, code)
}
