package search

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

const (
	// mostValue is how many bytes of a value, and of what it is compared with, count.
	mostValue = 1000
	// mostTerm is how many bytes of a folded value the index has. What is longer is
	// told apart when the profile is read.
	mostTerm = 96
)

// Fold gives text in the form in which it is compared: without regard to case, to
// the accents of letters, to forms that look alike (Unicode NFKD), and to the kind
// and amount of white space. Only the first 1,000 bytes of the text count.
func Fold(s string) string {
	s = head(s)
	if plain(s) {
		return strings.ToLower(s)
	}
	// Folding and decomposing each make work for the other once more. Cherokee is folded
	// to its other case each time, so lower case has the last word.
	s = unaccented(norm.NFKD.String(strings.ToLower(cases.Fold().String(norm.NFKD.String(s)))))
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
}

// head is the part of a text that counts, in whole characters.
func head(s string) string {
	if len(s) <= mostValue {
		return s
	}
	n := mostValue
	for n > mostValue-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// plain reports whether lower case is all that folding does to a text.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c >= 0x7f || c == ' ' && (i == 0 || i == len(s)-1 || s[i-1] == ' ') {
			return false
		}
	}
	return true
}

// unaccented takes the marks off the letters of alphabets that can be read without
// them. Marks of other scripts, which may be vowels, stay.
func unaccented(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 0x300 && r <= 0x36f || r == utf8.RuneError {
			return -1
		}
		return r
	}, s)
}

// term is as much of a folded text as the index has.
func term(folded string) string {
	if len(folded) > mostTerm {
		return folded[:mostTerm]
	}
	return folded
}
