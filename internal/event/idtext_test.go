package event

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestIDText(t *testing.T) {
	for _, c := range []struct{ value, want string }{
		{`42`, "42"}, {`42.0`, "42"}, {`4.2e1`, "42"}, {`4.2E+1`, "42"}, {`420e-1`, "42"}, {`0.042e3`, "42"}, {`42.000e0`, "42"},
		{`-42.0`, "-42"}, {`-4.2e1`, "-42"}, {`0`, "0"}, {`-0`, "0"}, {`0.0`, "0"}, {`-0e5`, "0"}, {`0e9999999`, "0"}, {`0.0e-9999999999999999999`, "0"},
		{`100`, "100"}, {`1e2`, "100"}, {`1.0e2`, "100"}, {`1000e-1`, "100"},
		{`9007199254740993`, "9007199254740993"}, {`9.007199254740993e15`, "9007199254740993"},
		{`1e39`, "1" + strings.Repeat("0", 39)}, {`1e40`, "1e40"}, {`-1e39`, "-1" + strings.Repeat("0", 39)},
		{`1e9999999`, "1e9999999"}, {`1e-9999999`, "1e-9999999"}, {`1e99999999999999999999999`, "1e99999999999999999999999"},
		{`4.25e1`, "4.25e1"}, {`42.5`, "42.5"}, {`1e-1`, "1e-1"}, {`12345678901234567890123456789012345678901.0`, "12345678901234567890123456789012345678901.0"},
		{`12345678901234567890123456789012345678901`, "12345678901234567890123456789012345678901"},
		{`"42.0"`, "42.0"}, {`"4.2e1"`, "4.2e1"}, {`" 42 "`, "42"}, {`"\ufeffjane@example.com\u200b"`, "jane@example.com"},
		{"\"\u200b \ufeff\"", ""}, {`"a\u200bb"`, "a\u200bb"}, {`"\u2060\u00ad x \ufe0f"`, "x"},
	} {
		if got, ok := IDText([]byte(c.value)); !ok || got != c.want {
			t.Errorf("IDText(%s) = %q, %v; want %q", c.value, got, ok, c.want)
		}
	}
	for _, value := range []string{`true`, `null`, `{}`, `[1]`, ``} {
		if got, ok := IDText([]byte(value)); ok || got != "" {
			t.Errorf("IDText(%s) = %q, %v", value, got, ok)
		}
	}
}

// A number with a huge exponent or mantissa must cost no more than its text.
func TestIDTextIsBounded(t *testing.T) {
	long := "1" + strings.Repeat("0", 5000)
	for _, c := range []struct{ value, want string }{
		{long + "e-5000", "1"}, {"0." + strings.Repeat("0", 5000) + "7e5001", "7"}, {long, long}, {"1e5000", "1e5000"},
	} {
		if got, _ := IDText([]byte(c.value)); got != c.want {
			t.Errorf("IDText(%.20s…) = %.40q", c.value, got)
		}
	}
}

func TestDefaultIgnorable(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		want := slices.ContainsFunc(ignorable, func(p [2]rune) bool { return p[0] <= r && r <= p[1] })
		if got := defaultIgnorable(r); got != want {
			t.Errorf("defaultIgnorable(%U) = %v", r, got)
		}
	}
}

func FuzzIDText(f *testing.F) {
	for _, seed := range []string{`42.0`, `4.2e1`, `-0e-0`, `1e40`, `0.1e1`, `100e-2`, `1e9999999`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		v := oracleDecode([]byte(value))
		if _, isError := v.(error); isError || strings.TrimSpace(value) != value || !utf8.ValidString(value) || len(value) > 1000 {
			return
		}
		if got, _ := IDText([]byte(value)); got != oracleID(v) {
			t.Fatalf("IDText(%s) = %q, want %q", value, got, oracleID(v))
		}
	})
}
