package compute

import (
	"strings"
	"testing"
)

func TestDestinationsAreLeftOut(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"traits: {}\n", "traits: {}\n"},
		{"# mine\ntraits:\n  a: {kind: count} # all\ndestinations:\n  x: {secret: s}\n", "# mine\ntraits:\n  a: {kind: count} # all\n"},
		{"destinations:\n  x: {secret: s}\n", ""},
		{`{"destinations":{"x":{"secret":"s"}},"traits":{"a":{"kind":"count"}}}`, `{"traits": {"a": {"kind": "count"}}}`},
	} {
		got, err := WithoutDestinations([]byte(c.text))
		if err != nil || strings.TrimSpace(string(got)) != strings.TrimSpace(c.want) {
			t.Errorf("%q is %q, %v; want %q", c.text, got, err, c.want)
		}
	}
}
