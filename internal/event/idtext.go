package event

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// IDText is Text for a value that is an ID: a string without white space and
// invisible characters around it (TrimID), or a number. A whole number of up to
// 40 digits is the same ID however it is written: 42, 42.0 and 4.2e1 are "42",
// -0 is "0". Other numbers keep their JSON text. ok is false for every value that
// is neither a string nor a number.
func IDText(value []byte) (text string, ok bool) {
	text, ok = Text(value)
	if !ok {
		return "", false
	}
	if value[0] == '"' {
		return TrimID(text), true
	}
	return wholeNumber(text), true
}

// TrimID cuts what nobody sees off both ends of an ID: white space, and
// characters that are ignored by default when text is shown (Unicode's
// Default_Ignorable_Code_Point), such as a byte order mark or a zero-width space
// that was copied along. What is inside an ID stays.
func TrimID(s string) string {
	if s == "" {
		return s
	}
	// An ID rarely has any: look before the general way.
	first, last := s[0], s[len(s)-1]
	if first > ' ' && first < utf8.RuneSelf && last > ' ' && last < utf8.RuneSelf {
		return s
	}
	return strings.TrimFunc(s, unseen)
}

// unseen reports whether a character at an end of an ID is no part of it.
func unseen(r rune) bool { return unicode.IsSpace(r) || defaultIgnorable(r) }

// defaultIgnorable is the Unicode property Default_Ignorable_Code_Point, derived
// as DerivedCoreProperties.txt does it: package unicode has only its parts.
func defaultIgnorable(r rune) bool {
	switch {
	case r < 0xad:
		return false
	case unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r), unicode.Is(unicode.Variation_Selector, r):
		return true
	case !unicode.Is(unicode.Cf, r), unicode.Is(unicode.Prepended_Concatenation_Mark, r):
		return false
	}
	// Annotation marks and the joiners of hieroglyphs are formats that show.
	return (r < 0xfff9 || r > 0xfffb) && (r < 0x13430 || r > 0x1343f)
}

// mostDigits is how long a whole number may be to be one ID in all its forms.
const mostDigits = 40

// wholeNumber gives a JSON number that is whole and has at most mostDigits digits
// as its digits, and any other as it is written.
func wholeNumber(s string) string {
	body, negative := s, false
	if body[0] == '-' {
		body, negative = body[1:], true
	}
	point, exp := -1, -1
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '.':
			point = i
		case 'e', 'E':
			exp = i
		}
		if exp >= 0 {
			break
		}
	}
	if point < 0 && exp < 0 && body != "0" {
		return s // the rule: an integer, which JSON writes without leading zeroes
	}
	end, power := len(body), 0
	if exp >= 0 {
		end = exp
		// An exponent that moves the point further than the text is long, plus
		// what is allowed, makes nothing whole and short; never build its zeroes.
		if power = exponent(body[exp+1:], len(body)+mostDigits); power == notBounded {
			return zeroOr(body[:end], s)
		}
	}
	whole := body[:end]
	digits := whole
	if point >= 0 && point < end {
		whole = body[:point]
		digits = whole + body[point+1:end]
	}
	// The number is digits with the point after so many of them.
	place := len(whole) + power
	digits = strings.TrimRight(digits, "0")
	lead := len(digits) - len(strings.TrimLeft(digits, "0"))
	digits, place = digits[lead:], place-lead
	switch {
	case digits == "":
		return "0"
	case len(digits) > place || place > mostDigits:
		return s
	}
	out := digits + strings.Repeat("0", place-len(digits))
	if negative {
		out = "-" + out
	}
	return out
}

// notBounded is an exponent beyond the bound.
const notBounded = 1 << 30

// exponent reads a JSON exponent that is at most bound, up or down.
func exponent(s string, bound int) int {
	negative := s[0] == '-'
	if negative || s[0] == '+' {
		s = s[1:]
	}
	n := 0
	for i := 0; i < len(s); i++ {
		if n = n*10 + int(s[i]-'0'); n > bound {
			return notBounded
		}
	}
	if negative {
		return -n
	}
	return n
}

// zeroOr is "0" if there are no other digits, for zero is zero at any power.
func zeroOr(digits, s string) string {
	if strings.Trim(digits, "0.") == "" {
		return "0"
	}
	return s
}
