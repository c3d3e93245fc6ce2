package values

import (
	"errors"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// Bounds of a number that counts: significant digits and size of the exponent. With
// these every sum is exact.
const (
	mostDigits   = 40
	mostExponent = 60
)

// longestNumber bounds the digits and the exponent of a sum of such numbers.
const longestNumber = 500

// printedDigits is how many significant digits a sum or an average is rounded to, once,
// half to even: enough for every double.
const printedDigits = 17

// Exact calculates without rounding.
var Exact = apd.BaseContext

// Printed rounds for people and programs.
var Printed = apd.Context{Precision: printedDigits, MaxExponent: apd.MaxExponent, MinExponent: apd.MinExponent, Rounding: apd.RoundHalfEven}

// IsJSONNumber reports whether text is exactly a number of JSON's grammar, and whether
// it is within the bounds.
func IsJSONNumber(s string) (number, bounded bool) {
	i, digits, zeros := 0, 0, 0
	run := func() bool {
		from := i
		for i < len(s) && '0' <= s[i] && s[i] <= '9' {
			switch {
			case s[i] != '0':
				digits, zeros = digits+zeros+1, 0
			case digits > 0:
				zeros++
			}
			i++
		}
		return i > from
	}
	if i < len(s) && s[i] == '-' {
		i++
	}
	whole := i
	if !run() || s[whole] == '0' && i > whole+1 {
		return false, false
	}
	bounded = i-whole <= mostExponent
	if i < len(s) && s[i] == '.' {
		i++
		from := i
		if !run() {
			return false, false
		}
		bounded = bounded && i-from <= mostExponent
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		from, size := i, 0
		for i < len(s) && '0' <= s[i] && s[i] <= '9' {
			size = min(size*10+int(s[i]-'0'), 1000)
			i++
		}
		if i == from {
			return false, false
		}
		bounded = bounded && size <= mostExponent
	}
	return i == len(s), bounded && digits <= mostDigits
}

// ReadNumber sets d to a number that IsJSONNumber accepts.
func ReadNumber(b []byte, d *apd.Decimal) error {
	var n, point int64
	point = -1
	for i, c := range b {
		switch {
		case '0' <= c && c <= '9' && len(b) <= 18:
			n = n*10 + int64(c-'0')
		case c == '.' && point < 0:
			point = int64(len(b) - i - 1)
		case c == '-' && i == 0:
		default:
			if len(b) > longestNumber {
				return ErrCorrupt
			}
			_, _, err := d.SetString(string(b))
			if err != nil || d.Form != apd.Finite || d.Exponent < -longestNumber || d.Exponent > longestNumber {
				return ErrCorrupt
			}
			return nil
		}
	}
	if len(b) == 0 {
		return ErrCorrupt
	}
	d.SetFinite(n, int32(-max(point, 0)))
	d.Negative = b[0] == '-' && n != 0
	return nil
}

// PlainNumber is a number as text that does not depend on how it was written.
func PlainNumber(s string) string {
	if len(s) < 16 && !strings.ContainsAny(s, ".eE-") {
		return s
	}
	var d apd.Decimal
	if ReadNumber([]byte(s), &d) != nil {
		return s
	}
	return numberText(&d)
}

// numberText writes a number as JSON, shortest, in plain digits unless it is very large
// or small.
func numberText(d *apd.Decimal) string {
	var r apd.Decimal
	r.Reduce(d)
	if r.IsZero() {
		return "0"
	}
	if e := int64(r.Exponent) + r.NumDigits() - 1; e >= -7 && e < 21 {
		return r.Text('f')
	}
	return r.Text('e')
}

// roundedText is numberText of the number rounded to printedDigits.
func roundedText(d *apd.Decimal) string {
	var r apd.Decimal
	if _, err := Printed.Round(&r, d); err != nil {
		return numberText(d)
	}
	return numberText(&r)
}

// ErrCorrupt: bytes of a row, a tile or a memo are not what package compute wrote.
var ErrCorrupt = errors.New("compute: damaged bytes")
