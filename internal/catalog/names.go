package catalog

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// checkID checks the ID of a space or source. It stands in URLs, file names
// and metric labels.
func checkID(what, id string) error {
	switch {
	case id == "":
		return fmt.Errorf("%w: %s has no id", ErrInvalid, what)
	case len(id) > 64:
		return fmt.Errorf("%w: the id of %s has %d characters, the limit is 64", ErrInvalid, what, len(id))
	}
	for i := 0; i < len(id); i++ {
		c := id[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !letter && (i == 0 || !strings.ContainsRune("-_.", rune(c))) {
			return fmt.Errorf("%w: the id %q of %s has a character that it cannot have; use letters, digits, and - _ . after the first character", ErrInvalid, id, what)
		}
	}
	return nil
}

// checkName checks what people read.
func checkName(what, name string) error {
	if n := utf8.RuneCountInString(name); n > 200 {
		return fmt.Errorf("%w: the name of %s has %d characters, the limit is 200", ErrInvalid, what, n)
	}
	if !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return fmt.Errorf("%w: the name of %s holds characters that cannot be shown", ErrInvalid, what)
	}
	return nil
}

// checkSecret checks a write key or token that somebody chose.
func checkSecret(what, secret string) error {
	switch {
	case len(secret) < 4:
		return fmt.Errorf("%w: %s is shorter than 4 characters; anybody could guess it", ErrInvalid, what)
	case len(secret) > 200:
		return fmt.Errorf("%w: %s has %d characters, the limit is 200", ErrInvalid, what, len(secret))
	}
	for _, r := range secret {
		// A colon would end the user name of HTTP Basic.
		if r <= ' ' || r > '~' || r == ':' || r == '/' {
			return fmt.Errorf("%w: %s holds a character other than ASCII letters, digits and punctuation without : and /", ErrInvalid, what)
		}
	}
	return nil
}
