package safetext

import (
	"encoding/json"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestWhatCannotBeSeenIsEscaped(t *testing.T) {
	for in, want := range map[string]string{
		"plain ÄÖ 日本 👍🏽":                 "plain ÄÖ 日本 👍🏽",
		"a\x1b[31mb\u009bc\x7f":          `a\u001b[31mb\u009bc\u007f`,
		"line\nnext\ttab\r":              `line\nnext\ttab\r`,
		"evil\u202egpj.exe\u2066x\u2069": `evil\u202egpj.exe\u2066x\u2069`,
		"a\u200bb\ufeffc\u061cd\u200fe":  `a\u200bb\ufeffc\u061cd\u200fe`,
		"👩\u200d👧 می\u200cخواهم":         "👩\u200d👧 می\u200cخواهم",
		"l\u2028p\u2029":                 `l\u2028p\u2029`,
		"no\xffutf\xc3":                  `no\xffutf\xc3`,
		"tag \U000e0041":                 `tag \U000e0041`,
		"\u0600123 \ufffd":               "\u0600123 \ufffd",
	} {
		if got := Line(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
	if got := Lines("a\n\tb\rc"); got != "a\n\tb\\rc" {
		t.Errorf("lines become %q", got)
	}
}

func TestJSONKeepsItsMeaning(t *testing.T) {
	in := "{\n\t\"a\u202e\": \"\u009b\U000e0041\x7f ü\", \"b\": [1]\r\n}"
	out := string(JSON([]byte(in)))
	if Hidden(out) {
		t.Errorf("still hidden: %q", out)
	}
	var before, after any
	if err := json.Unmarshal([]byte(in), &before); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(out), &after); err != nil {
		t.Fatal(err, out)
	}
	a, _ := json.Marshal(before)
	b, _ := json.Marshal(after)
	if string(a) != string(b) {
		t.Errorf("%s became %s", a, b)
	}
}

func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", "a", "\x1b[31m", "\u202e", "\xff\xfe", "ä\xc3", "\U000e0001", "\r\n\t"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		line := Line(s)
		if !utf8.ValidString(line) {
			t.Fatalf("%q is no text", line)
		}
		for _, r := range line {
			if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
				t.Fatalf("%q still has %U", line, r)
			}
		}
		if Line(line) != line {
			t.Fatalf("%q is not stable", line)
		}
		if got := string(AppendLines(nil, []byte(s))); got != Lines(s) {
			t.Fatalf("%q and %q", got, Lines(s))
		}
		if text, err := json.Marshal(s); err == nil {
			var back, want string
			_ = json.Unmarshal(text, &want)
			if err := json.Unmarshal(JSON(text), &back); err != nil || back != want {
				t.Fatalf("%q became %q, %v", want, back, err)
			}
		}
	})
}
