package event

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"unicode/utf8"
)

// scanner checks JSON text against RFC 8259 and finds where values end. It
// works by index and never recurses: its methods take the index to start at
// and return the index after what they read, or -1 after noting a fault.
type scanner struct {
	b []byte
	// depth is the deepest nesting allowed, counted from the outermost value.
	depth int
	// anyBytes lets strings hold bytes that are not UTF-8.
	anyBytes bool

	fault fault
	// spill holds the kinds of open containers, 64 levels to a word, below the
	// word that skip works on.
	spill []uint64
}

// fault is what stopped a scanner.
type fault struct {
	code Code
	at   int
	want string
}

// unbounded is a scanner's depth when only the length of the text bounds it.
const unbounded = math.MaxInt

func (s *scanner) fail(at int, want string) int {
	s.fault = fault{BadJSON, at, want}
	return -1
}

// refusal words the fault for the customer; what names the text.
func (s *scanner) refusal(what string) *Refusal {
	f := s.fault
	r := &Refusal{Code: f.code, Offset: f.at}
	switch f.code {
	case BadUTF8:
		r.Reason = fmt.Sprintf("%s is not valid UTF-8 at byte %d (0x%02x); encode text as UTF-8 before sending it", what, f.at, s.b[f.at])
	case TooDeep:
		r.Reason = fmt.Sprintf("%s is nested deeper than %d levels at byte %d; flatten it", what, s.depth, f.at)
	default:
		found := "the text ends"
		if f.at < len(s.b) {
			found = "found " + quoteByte(s.b[f.at])
		}
		r.Reason = fmt.Sprintf("%s is not valid JSON: at byte %d expected %s but %s", what, f.at, f.want, found)
	}
	return r
}

func quoteByte(c byte) string {
	if c >= 0x20 && c < 0x7f {
		return "'" + string(rune(c)) + "'"
	}
	return fmt.Sprintf("byte 0x%02x", c)
}

// space returns the index of the first byte from i on that is not white space.
func (s *scanner) space(i int) int {
	b := s.b
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

const (
	eachByte = 0x0101010101010101
	topBits  = 0x8080808080808080
)

// str reads a string whose opening quote is at i-1 and returns the index after
// its closing quote, and whether there are escapes in it.
func (s *scanner) str(i int) (end int, escapes bool) {
	b := s.b
	for {
		// Eight bytes at a time: a byte's top bit is set in m when it is a
		// quote, a backslash, a control character or not ASCII. Borrows may
		// also mark bytes above a marked one, so only the lowest mark counts.
		for i+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[i:])
			q := w ^ (eachByte * '"')
			e := w ^ (eachByte * '\\')
			m := ((q-eachByte)&^q | (e-eachByte)&^e | (w-eachByte*0x20)&^w | w) & topBits
			if m != 0 {
				i += bits.TrailingZeros64(m) >> 3
				break
			}
			i += 8
		}
		if i >= len(b) {
			return s.fail(len(b), "the closing quote of a string"), false
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1, escapes
		case c == '\\':
			if i = s.escape(i + 1); i < 0 {
				return -1, false
			}
			escapes = true
		case c < 0x20:
			return s.fail(i, "no control character inside a string (write it as an escape)"), false
		case c < utf8.RuneSelf:
			i++
		default:
			r, n := utf8.DecodeRune(b[i:])
			if r == utf8.RuneError && n == 1 && !s.anyBytes {
				s.fault = fault{BadUTF8, i, ""}
				return -1, false
			}
			i += n
		}
	}
}

// escape reads what follows a backslash. A surrogate without its other half is
// left alone: the grammar allows it, and decoding makes U+FFFD of it.
func (s *scanner) escape(i int) int {
	b := s.b
	if i >= len(b) {
		return s.fail(i, "the rest of an escape")
	}
	switch b[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		for n := 1; n <= 4; n++ {
			if i+n >= len(b) || hexDigit(b[i+n]) < 0 {
				return s.fail(min(i+n, len(b)), "four hexadecimal digits after \\u")
			}
		}
		return i + 5
	}
	return s.fail(i, `one of " \ / b f n r t u after a backslash`)
}

// hexDigit is the value of c as a hexadecimal digit, or -1.
func hexDigit(c byte) rune {
	switch {
	case '0' <= c && c <= '9':
		return rune(c - '0')
	case 'a' <= c && c <= 'f':
		return rune(c - 'a' + 10)
	case 'A' <= c && c <= 'F':
		return rune(c - 'A' + 10)
	}
	return -1
}

// number reads a number that starts at i.
func (s *scanner) number(i int) int {
	b := s.b
	if i < len(b) && b[i] == '-' {
		i++
	}
	switch {
	case i < len(b) && b[i] == '0':
		i++
	case i < len(b) && '1' <= b[i] && b[i] <= '9':
		i = s.digits(i)
	default:
		return s.fail(i, "a digit")
	}
	if i < len(b) && b[i] == '.' {
		from := i + 1
		if i = s.digits(from); i == from {
			return s.fail(i, "a digit after the decimal point")
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		from := i
		if i = s.digits(from); i == from {
			return s.fail(i, "a digit in the exponent")
		}
	}
	return i
}

func (s *scanner) digits(i int) int {
	b := s.b
	for i < len(b) && '0' <= b[i] && b[i] <= '9' {
		i++
	}
	return i
}

// literal reads true, false or null.
func (s *scanner) literal(i int) int {
	b := s.b[i:]
	switch {
	case len(b) >= 4 && string(b[:4]) == "true", len(b) >= 4 && string(b[:4]) == "null":
		return i + 4
	case len(b) >= 5 && string(b[:5]) == "false":
		return i + 5
	}
	return s.fail(i, "a value (a string, number, object, array, true, false or null)")
}

// scalar reads a value that is neither an object nor an array.
func (s *scanner) scalar(i int) int {
	if i >= len(s.b) {
		return s.fail(i, "a value")
	}
	switch c := s.b[i]; {
	case c == '"':
		end, _ := s.str(i + 1)
		return end
	case c == '-' || '0' <= c && c <= '9':
		return s.number(i)
	}
	return s.literal(i)
}

// skip reads one value of any kind that starts at i, inside outer containers.
func (s *scanner) skip(i, outer int) int {
	b := s.b
	if i >= len(b) || b[i] != '{' && b[i] != '[' {
		return s.scalar(i)
	}
	// The kinds of the open containers are the low bits of kinds, the
	// innermost lowest, 1 for an object. n counts them.
	var kinds uint64
	n := 0
	s.spill = s.spill[:0]
	for {
		// A container opens at i.
		object := b[i] == '{'
		if outer+n+1 > s.depth {
			s.fault = fault{TooDeep, i, ""}
			return -1
		}
		if n > 0 && n%64 == 0 {
			s.spill = append(s.spill, kinds)
		}
		n++
		kinds <<= 1
		if object {
			kinds |= 1
		}
		i = s.space(i + 1)
		closed := i < len(b) && (object && b[i] == '}' || !object && b[i] == ']')

		// Its values, and those of the containers around it, up to the next
		// value that is a container.
		for {
			if closed {
				i++
				n--
				if n == 0 {
					return i
				}
				kinds >>= 1
				if n%64 == 0 {
					kinds = s.spill[len(s.spill)-1]
					s.spill = s.spill[:len(s.spill)-1]
				}
				object = kinds&1 == 1
			} else {
				if object {
					if i = s.name(i); i < 0 {
						return -1
					}
				}
				if i < len(b) && (b[i] == '{' || b[i] == '[') {
					break
				}
				if i = s.scalar(i); i < 0 {
					return -1
				}
			}
			if i = s.space(i); i >= len(b) {
				return s.fail(i, "',' or the end of an object or array")
			}
			switch {
			case b[i] == ',':
				i = s.space(i + 1)
				closed = false
			case object && b[i] == '}' || !object && b[i] == ']':
				closed = true
			case object:
				return s.fail(i, "',' or '}'")
			default:
				return s.fail(i, "',' or ']'")
			}
		}
	}
}

// name reads a member's key and colon and returns where its value starts.
func (s *scanner) name(i int) int {
	b := s.b
	if i >= len(b) || b[i] != '"' {
		return s.fail(i, "a key in double quotes")
	}
	if i, _ = s.str(i + 1); i < 0 {
		return -1
	}
	if i = s.space(i); i >= len(b) || b[i] != ':' {
		return s.fail(i, "':' after a key")
	}
	return s.space(i + 1)
}
