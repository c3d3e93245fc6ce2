package event

import (
	"fmt"
	"strings"
	"testing"
)

func TestForEachAndLookup(t *testing.T) {
	obj := []byte(` { "a" : 1 , "b\u0020\"c" : {"x":[1, 2]} , "a" : "two", "": null } `)
	var seen []string
	ForEach(obj, func(key string, value []byte) bool {
		seen = append(seen, fmt.Sprintf("%s=%s", key, value))
		return true
	})
	if got, want := strings.Join(seen, "; "), `a=1; b "c={"x":[1, 2]}; a="two"; =null`; got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	count := 0
	ForEach(obj, func(string, []byte) bool { count++; return count < 2 })
	if count != 2 {
		t.Errorf("stopped after %d members, want 2", count)
	}
	for _, c := range []struct{ key, want string }{
		{"a", `"two"`}, {`b "c`, `{"x":[1, 2]}`}, {"", "null"}, {"A", ""}, {"x", ""},
	} {
		if got := string(Lookup(obj, c.key)); got != c.want {
			t.Errorf("Lookup %q: %q, want %q", c.key, got, c.want)
		}
	}
	for _, notObject := range []string{"", " ", "[1]", `"a"`, "null"} {
		if Lookup([]byte(notObject), "a") != nil {
			t.Errorf("%q has members", notObject)
		}
	}
}

func TestText(t *testing.T) {
	for _, c := range []struct {
		value, want string
		ok          bool
	}{
		{`"plain"`, "plain", true},
		{`""`, "", true},
		{`"a\"b\\c\/d\b\f\n\r\t"`, "a\"b\\c/d\b\f\n\r\t", true},
		{`"\u00e9 \u4f60 \ud83d\ude00"`, "é 你 😀", true},
		{`"lone \ud83d high"`, "lone \ufffd high", true},
		{`"lone \ude00 low"`, "lone \ufffd low", true},
		{`"\ud83d\ud83d\ude00"`, "\ufffd😀", true},
		{`"\ud83d\u0041"`, "\ufffdA", true},
		{`"\ud83d\n"`, "\ufffd\n", true},
		{`12`, "12", true},
		{`-1.50e+3`, "-1.50e+3", true},
		{`true`, "", false}, {`null`, "", false}, {`{}`, "", false}, {`[]`, "", false}, {``, "", false},
	} {
		if got, ok := Text([]byte(c.value)); got != c.want || ok != c.ok {
			t.Errorf("Text(%s) = %q, %v; want %q, %v", c.value, got, ok, c.want, c.ok)
		}
	}
}
