package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestStrict(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`{"a":"\ud83d"}`, `{"a":"\ufffd"}`},
		{`{"a":"\uD83D\uDE00"}`, `{"a":"\uD83D\uDE00"}`},
		{`{"a":"\ude00\ud83d"}`, `{"a":"\ufffd\ufffd"}`},
		{`{"a":"\ud83d\ud83d\ude00\ud83d"}`, `{"a":"\ufffd\ud83d\ude00\ufffd"}`},
		{`{"a":"\\ud83d"}`, `{"a":"\\ud83d"}`},
		{`{"a":"\\\ud83d"}`, `{"a":"\\\ufffd"}`},
		{`{"\ud83d":[{"b":"x\udFFF"}]}`, `{"\ufffd":[{"b":"x\ufffd"}]}`},
		{`{"a":1,"b":2,"a":3}`, `{"b":2,"a":3}`},
		{`{"a":1, "\u0061":2 , "a" : 3}`, `{"a" : 3}`},
		{`[{"a":{"x":1,"x":2},"a":{"y":1,"y":2}}]`, `[{"a":{"y":2}}]`},
		{`{"a":{"x":1,"x":2},"b":{}}`, `{"a":{"x":2},"b":{}}`},
		{`{"\ud83d":1,"\ud83e":2}`, `{"\ufffd":2}`},
		{`"\ud83d`, `"\ufffd`},
		{`1e999`, `1e999`},
		{"[\"a\xff\xfeb\"]", "[\"a\ufffdb\"]"},
	} {
		if got := Strict([]byte(c.text)); string(got) != c.want {
			t.Errorf("Strict(%s) = %s, want %s", c.text, got, c.want)
		}
	}
	var many strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&many, `,"k%d":%d`, i%2500, i)
	}
	got := Strict([]byte("{" + many.String()[1:] + "}"))
	if n := bytes.Count(got, []byte(`"k`)); n != 2500 || !bytes.HasPrefix(got, []byte(`{"k0":2500,`)) {
		t.Errorf("%d members of 2500 are left: %.60s…", n, got)
	}
}

func TestStrictCopiesNothing(t *testing.T) {
	text := []byte(`{"a":"é\ud83d\ude00","b":[{"a":1},{"a":1}],"c":{"a":"\n"}}`)
	if got := Strict(text); &got[0] != &text[0] {
		t.Error("text that is strict was copied")
	}
}

// FuzzStrict: what goes out means what came in, has no key twice and no half of
// a surrogate pair.
func FuzzStrict(f *testing.F) {
	for _, seed := range []string{`{"a":"\ud83d\ude00\ud83d","a":[{"b":1,"b":{"c":1,"c":2}}]}`, `[{"\u0061":1,"a":2}]`, `"\ud83d"`, `{"a":1,"a":2`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		before := bytes.Clone(text)
		got := Strict(text)
		if !bytes.Equal(text, before) {
			t.Fatalf("Strict changed %q", before)
		}
		if !json.Valid(text) {
			return
		}
		if !json.Valid(got) || !utf8.Valid(got) || utf8.Valid(text) && !reflect.DeepEqual(oracleDecode(got), oracleDecode(text)) {
			t.Fatalf("Strict(%q) = %q", text, got)
		}
		checkStrict(t, got)
	})
}

// checkStrict reads JSON token by token.
func checkStrict(t *testing.T, text []byte) {
	t.Helper()
	for i := 0; i+5 < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		if text[i+1] == 'u' {
			var one string
			end := i + 6
			if end+6 <= len(text) && text[end] == '\\' && text[end+1] == 'u' {
				end += 6
			}
			_ = json.Unmarshal([]byte(`"`+string(text[i:i+6])+`"`), &one)
			var two string
			_ = json.Unmarshal([]byte(`"`+string(text[i:end])+`"`), &two)
			if one == "\ufffd" && !strings.EqualFold(string(text[i:i+6]), `\ufffd`) {
				if utf8.RuneCountInString(two) != 1 || end == i+6 {
					t.Fatalf("half of a pair in %q", text)
				}
				i += 6
			}
		}
		i++
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var read func()
	read = func() {
		token, err := d.Token()
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		delim, _ := token.(json.Delim)
		switch delim {
		case '{':
			seen := map[any]bool{}
			for d.More() {
				key, _ := d.Token()
				if seen[key] {
					t.Fatalf("%q is there twice in %q", key, text)
				}
				seen[key] = true
				read()
			}
			_, _ = d.Token()
		case '[':
			for d.More() {
				read()
			}
			_, _ = d.Token()
		}
	}
	read()
}
