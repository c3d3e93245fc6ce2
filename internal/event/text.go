package event

import (
	"bytes"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// Text is the text of a valid JSON value: a string decoded, or a number as its
// JSON text, exactly as written (1e3 stays "1e3"). ok is false for every other
// value. The text shares memory with value unless an escape had to be decoded;
// a surrogate without its other half becomes U+FFFD.
func Text(value []byte) (text string, ok bool) {
	if len(value) == 0 {
		return "", false
	}
	switch c := value[0]; {
	case c == '"':
		if len(value) < 2 || value[len(value)-1] != '"' {
			return "", false
		}
		return decode(value[1 : len(value)-1]), true
	case c == '-' || '0' <= c && c <= '9':
		return alias(value), true
	}
	return "", false
}

// alias returns b as a string that shares its memory. It is right only because
// nothing changes a body once it was given to this package; see Message.
func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// decode returns what a valid string's inside means.
func decode(inside []byte) string {
	at := bytes.IndexByte(inside, '\\')
	if at < 0 {
		return alias(inside)
	}
	// Decoding never makes text longer: the shortest escape for three bytes of
	// UTF-8 has six.
	out := make([]byte, 0, len(inside))
	for {
		out = append(out, inside[:at]...)
		inside = inside[at:]
		out, inside = decodeEscape(out, inside)
		if at = bytes.IndexByte(inside, '\\'); at < 0 {
			return alias(append(out, inside...))
		}
	}
}

// decodeEscape appends what the escape at the start of in means and returns
// what follows it. A broken escape, which a valid string has not, is dropped.
func decodeEscape(out, in []byte) (_, rest []byte) {
	if len(in) < 2 {
		return out, nil
	}
	switch c := in[1]; c {
	case 'u':
		r, rest := unit(in)
		if utf16.IsSurrogate(r) {
			if low, after := unit(rest); after != nil {
				if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
					return utf8.AppendRune(out, pair), after
				}
			}
			r = utf8.RuneError
		}
		return utf8.AppendRune(out, r), rest
	case 'b':
		return append(out, '\b'), in[2:]
	case 'f':
		return append(out, '\f'), in[2:]
	case 'n':
		return append(out, '\n'), in[2:]
	case 'r':
		return append(out, '\r'), in[2:]
	case 't':
		return append(out, '\t'), in[2:]
	default:
		return append(out, c), in[2:]
	}
}

// unit reads one \uXXXX at the start of in; rest is nil when there is none.
func unit(in []byte) (r rune, rest []byte) {
	if len(in) < 6 || in[0] != '\\' || in[1] != 'u' {
		return utf8.RuneError, nil
	}
	for _, c := range in[2:6] {
		r = r<<4 | hexDigit(c)
	}
	return r, in[6:]
}

// trim cuts white space off both ends.
func trim(s string) string {
	if s == "" {
		return s
	}
	first, last := s[0], s[len(s)-1]
	if first > ' ' && first < utf8.RuneSelf && last > ' ' && last < utf8.RuneSelf {
		return s
	}
	return strings.TrimSpace(s)
}
