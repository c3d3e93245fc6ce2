package safetext

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Line makes text safe for one line: everything that is not seen as itself is
// escaped, line breaks and tabs too.
func Line(s string) string {
	if isPlain(s, false) {
		return s
	}
	return string(appendEscaped(nil, s, false))
}

// Lines is Line for text of several lines: line feeds and tabs stay.
func Lines(s string) string {
	if isPlain(s, true) {
		return s
	}
	return string(appendEscaped(nil, s, true))
}

// AppendLines appends text to b as Lines makes it.
func AppendLines(b []byte, s []byte) []byte {
	if isPlain(s, true) {
		return append(b, s...)
	}
	return appendEscaped(b, s, true)
}

// JSON makes valid JSON safe to show and keeps what it means: inside strings,
// where alone such characters can be, they become \u escapes. Bytes that are no
// UTF-8 become U+FFFD.
func JSON(text []byte) []byte {
	if isPlain(text, true) {
		return text
	}
	var b strings.Builder
	b.Grow(len(text) + 16)
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			b.WriteString(`\ufffd`)
		case r == '\r':
			b.WriteByte(' ') // between the tokens, where it means nothing
		case r == '\n' || r == '\t' || !hidden(r):
			b.Write(text[i : i+n])
		case r > 0xffff:
			high, low := (r-0x10000)>>10+0xd800, (r-0x10000)&0x3ff+0xdc00
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		i += n
	}
	return []byte(b.String())
}

// Hidden reports whether text has a character that Lines escapes.
func Hidden(s string) bool {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 || r != '\n' && r != '\t' && hidden(r) {
			return true
		}
		i += n
	}
	return false
}

// isPlain reports whether text is printable ASCII, as nearly all is.
func isPlain[T string | []byte](s T, lines bool) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c < 0x7f || lines && (c == '\n' || c == '\t') {
			continue
		}
		return false
	}
	return true
}

func appendEscaped[T string | []byte](b []byte, s T, lines bool) []byte {
	for i := 0; i < len(s); {
		r, n := decode(s, i)
		switch {
		case r == utf8.RuneError && n == 1:
			b = fmt.Appendf(b, `\x%02x`, s[i])
		case lines && (r == '\n' || r == '\t') || !hidden(r):
			b = append(b, s[i:i+n]...)
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r > 0xffff:
			b = fmt.Appendf(b, `\U%08x`, r)
		default:
			b = fmt.Appendf(b, `\u%04x`, r)
		}
		i += n
	}
	return b
}

func decode[T string | []byte](s T, i int) (rune, int) {
	if c := s[i]; c < utf8.RuneSelf {
		return rune(c), 1
	}
	return utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
}

// hidden reports whether a character is not seen as itself: control characters,
// separators of lines, and those that format text and have no shape (marks of
// direction among them). The joiners stay, which scripts and emoji need, and the
// marks that are printed around numbers.
func hidden(r rune) bool {
	switch {
	case r >= ' ' && r < 0x7f:
		return false
	case r == '\u200c' || r == '\u200d':
		return false
	case unicode.IsControl(r), r == '\u2028', r == '\u2029':
		return true
	}
	return unicode.Is(unicode.Cf, r) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r)
}
