package compute

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/internal/event"
)

// parsed is an event of a source's message.
func parsed(t testing.TB, text string) event.Message {
	t.Helper()
	m, err := event.Parse([]byte(text), event.Envelope{ReceivedAt: nanos(t, "2025-06-01T12:00:00Z")})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// takenOf says what a set takes from an event: values, and what was skipped.
func takenOf(t testing.TB, set *Set, text string) string {
	t.Helper()
	m := parsed(t, text)
	var taken Taken
	set.Extract(&m, "web", &taken)
	var out []string
	for _, r := range taken.Rows {
		var values []string
		if err := eachValue(r.Value, func(v []byte) error {
			values = append(values, string(v))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		account := ""
		if r.Account {
			account = "account "
		}
		out = append(out, account+"["+strings.Join(values, "|")+"]")
	}
	for _, s := range taken.Skipped {
		out = append(out, s.Problem.String())
	}
	return strings.Join(out, " ")
}

func TestWhatIsTaken(t *testing.T) {
	long, digits := strings.Repeat("x", 2000), strings.Repeat("7", 41)
	for _, c := range []struct{ trait, properties, want string }{
		{"kind: count", `{}`, "[]"},
		{"kind: sum, property: properties.x", `{"x":6.20}`, "[6.20]"},
		{"kind: sum, property: properties.x", `{"x":"6.2"}`, "[6.2]"},
		{"kind: sum, property: properties.x", `{"x":"+6.2"}`, "wrong type"},
		{"kind: sum, property: properties.x", `{"x":"6.2 "}`, "wrong type"},
		{"kind: sum, property: properties.x", `{"x":"06"}`, "wrong type"},
		{"kind: sum, property: properties.x", `{"x":"0x10"}`, "wrong type"},
		{"kind: sum, property: properties.x", `{"x":"NaN"}`, "wrong type"},
		{"kind: sum, property: properties.x", `{"x":-0}`, "[-0]"},
		{"kind: sum, property: properties.x", `{"x":` + digits + `}`, "too long"},
		{"kind: sum, property: properties.x", `{"x":1e60}`, "[1e60]"},
		{"kind: sum, property: properties.x", `{"x":1e61}`, "too long"},
		{"kind: sum, property: properties.x", `{"x":1E+400}`, "too long"},
		{"kind: sum, property: properties.x", `{"x":true}`, "wrong type"},
		{"kind: sum, property: properties.x", `{"x":null}`, ""},
		{"kind: sum, property: properties.x", `{"y":1}`, ""},
		{"kind: sum, property: properties.x", `{"x":1,"x":2}`, "[2]"},
		{"kind: sum, property: properties.x", `{"x":[1,"2",null,"z"]}`, "[1|2] wrong type"},
		{"kind: sum, property: properties.x", `{"x":[[1]]}`, "wrong type"},
		{"kind: sum, property: properties.x.y", `{"x":{"y":3}}`, "[3]"},
		{"kind: sum, property: properties.x.y", `{"x":3}`, ""},
		{"kind: sum, property: 'properties.x[].y'", `{"x":[{"y":1},{"z":2},3,{"y":[4,5]}]}`, "[1|4|5]"},
		{"kind: sum, property: 'properties.x[].y'", `{"x":{"y":1}}`, ""},
		{"kind: sum, property: 'properties[\"a b\"].y'", `{"a b":{"y":1}}`, "[1]"},
		{"kind: unique_list, property: properties.x", `{"x":"a\u0062"}`, "[ab]"},
		{"kind: unique_list, property: properties.x", `{"x":42.0}`, "[42]"},
		{"kind: unique_list, property: properties.x", `{"x":4.2e1}`, "[42]"},
		{"kind: unique_list, property: properties.x", `{"x":false}`, "[false]"},
		{"kind: unique_list, property: properties.x", `{"x":{}}`, "wrong type"},
		{"kind: unique_list, property: properties.x", `{"x":"` + long + `"}`, "too long"},
		{"kind: last, property: properties.x", `{"x":[1, {"a":2}]}`, `[[1, {"a":2}]]`},
		{"kind: last, property: properties.x", `{"x":"` + strings.Repeat(long, 5) + `"}`, "too long"},
		{"kind: count, property: properties.x", `{"x":[1,2,null]}`, "[|]"},
		{"kind: count, where: properties.x > 3", `{"x":4}`, "[]"},
		{"kind: count, where: properties.x > 3", `{"x":3}`, ""},
		{"kind: count, where: properties.x > 3", `{}`, "missing"},
		{"kind: count, where: properties.x > 3", `{"x":null}`, "missing"},
		{"kind: count, where: properties.x != 3", `{}`, "missing"},
		{"kind: count, where: properties.x > 3", `{"x":"4"}`, "wrong type"},
		{"kind: count, where: properties.x", `{"x":"4"}`, "wrong type"},
		{"kind: count, where: properties.x", `{"x":true}`, "[]"},
		{"kind: count, where: properties.x / properties.y > 1", `{"x":1,"y":0}`, "division by zero"},
		{"kind: count, where: properties.x * 2 == 5", `{"x":2.5}`, "[]"},
		{"kind: count, where: 1 + properties.x == 3.5", `{"x":2.5}`, "[]"},
		{"kind: count, where: properties.x == 12345678901234567", `{"x":12345678901234567}`, "[]"},
		{"kind: count, where: 'has(properties.x)'", `{"x":null}`, ""},
		{"kind: count, where: 'has(properties.x) && has(properties.x.y)'", `{"x":{"y":1}}`, "[]"},
		{"kind: count, where: 'properties.x > 1 || properties.y == \"a\"'", `{"y":"a"}`, "[]"},
		{"kind: count, where: 'properties.x in [\"a\", \"b\"]'", `{"x":"b"}`, "[]"},
		{"kind: count, where: '\"b\" in properties.x'", `{"x":["a","b"]}`, "[]"},
		{"kind: count, where: 'properties.x.contains(\"b\") && properties.x.startsWith(\"a\")'", `{"x":"abc"}`, "[]"},
		{"kind: count, where: 'properties.x.exists(p, p.y == \"s\")'", `{"x":[{"y":1},{"y":"s"}]}`, "[]"},
		{"kind: count, where: 'properties.x.all(k, properties.x[k] > 0)'", `{"x":{"a":1,"b":2}}`, "[]"},
		{"kind: count, where: 'properties.x == properties.y'", `{"x":{"a":[1]},"y":{"a":[1]}}`, "[]"},
		{"kind: count, where: 'size(properties.x) == 2'", `{"x":{"a":1,"b":2,"c":null}}`, "[]"},
		{"kind: count, where: 'time(properties.x) < time(\"2025-02-01\")'", `{"x":"2025-01-31T23:59:59Z"}`, "[]"},
		{"kind: count, where: 'time(properties.x) < time(\"2025-02-01\")'", `{"x":"soon"}`, "wrong type"},
		{"kind: count, where: 'context.page.url.endsWith(\"/a\") && page.url == context.page.url'", `{}`, "[]"},
		{"kind: count, where: 'source == \"web\" && type == \"track\" && event == \"A\"'", `{}`, "[]"},
		{"kind: count, where: 'identifiers.user_id == \"u1\"'", `{}`, "[]"},
		{"kind: count, where: 'identifiers.email == \"x\"'", `{}`, "missing"},
		{"kind: last, property: context.page.url", `{}`, `["https://x.example/a"]`},
		{"kind: last, property: user_id", `{}`, `["u1"]`},
		{"kind: unique_list, property: source", `{}`, `[web]`},
		{"for: accounts, kind: count", `{}`, "account []"},
	} {
		set := compiled(t, "traits: {a: {event: A, "+c.trait+"}}")
		body := fmt.Sprintf(`{"type":"track","event":"A","userId":"u1","context":{"groupId":"g","page":{"url":"https://x.example/a"}},"properties":%s}`, c.properties)
		if got := takenOf(t, set, body); got != c.want {
			t.Errorf("%s of %.100s: took %.100s, want %s", c.trait, c.properties, got, c.want)
		}
	}
}

func TestWhichEventsAreTaken(t *testing.T) {
	for _, c := range []struct{ trait, text, want string }{
		{`event: "* Clicked"`, `{"type":"track","event":"ShoeA Clicked","userId":"u"}`, "[]"},
		{`event: "* Clicked"`, `{"type":"track","event":"Clicked","userId":"u"}`, ""},
		{`event: "*"`, `{"type":"track","event":"x","userId":"u"}`, "[]"},
		{`event: "a*b*c"`, `{"type":"track","event":"abbc","userId":"u"}`, "[]"},
		{`event: "a*b*c"`, `{"type":"track","event":"abcb","userId":"u"}`, ""},
		{`event: "ab*bc"`, `{"type":"track","event":"abc","userId":"u"}`, ""},
		{`event: [B, A]`, `{"type":"track","event":"A","userId":"u"}`, "[]"},
		{`event: A`, `{"type":"page","name":"A","userId":"u"}`, ""},
		{`type: page`, `{"type":"page","userId":"u"}`, "[]"},
		{`type: page, event: Home`, `{"type":"page","name":"Home","userId":"u"}`, "[]"},
		{`type: [page, screen], where: 'page_name == "Home" || screen_name == "Home"'`, `{"type":"screen","name":"Home","userId":"u"}`, "[]"},
		{`type: identify, where: 'traits.plan == "pro"'`, `{"type":"identify","userId":"u","traits":{"plan":"pro"}}`, "[]"},
		{`type: any`, `{"type":"group","groupId":"g","userId":"u"}`, "[]"},
		{`type: any`, `{"type":"alias","previousId":"g","userId":"u"}`, ""},
	} {
		set := compiled(t, "traits: {a: {"+c.trait+", kind: count}}")
		if got := takenOf(t, set, c.text); got != c.want {
			t.Errorf("%s of %s: took %q, want %q", c.trait, c.text, got, c.want)
		}
	}
}

// What stands beside the batch belongs to the events in it.
func TestInheritedContextIsTaken(t *testing.T) {
	set := compiled(t, `traits: {a: {event: A, kind: count, where: 'context.locale == "de" && page.path == "/"'}}`)
	_, items, err := event.Read([]byte(`{"batch":[{"type":"track","event":"A","userId":"u"}],"context":{"locale":"de","page":{"path":"/"}}}`),
		event.Envelope{ReceivedAt: nanos(t, "2025-06-01T12:00:00Z")}, true, nil)
	if err != nil || items[0].Refusal != nil {
		t.Fatal(err, items)
	}
	var taken Taken
	set.Extract(&items[0].Message, "", &taken)
	if len(taken.Rows) != 1 {
		t.Errorf("%+v", taken)
	}
}

// Rows keep nothing of an event's memory, and an extraction that takes nothing has none
// of its own.
func TestExtractKeepsNothing(t *testing.T) {
	set := compiled(t, `traits: {a: {event: A, kind: last, property: properties.x}, b: {event: "* B", kind: unique_list, property: properties.x}}`)
	text := []byte(`{"type":"track","event":"A","userId":"u","properties":{"x":"value"}}`)
	m, err := event.Parse(text, event.Envelope{ReceivedAt: 1e18})
	if err != nil {
		t.Fatal(err)
	}
	var taken Taken
	set.Extract(&m, "", &taken)
	for i := range text {
		text[i] = 'z'
	}
	if len(taken.Rows) != 1 || !bytes.Contains(taken.Rows[0].Value, []byte(`"value"`)) {
		t.Errorf("%+v", taken.Rows)
	}
	other := parsed(t, `{"type":"track","event":"C","userId":"u"}`)
	if n := testing.AllocsPerRun(100, func() { set.Extract(&other, "", &taken) }); n > 0 {
		t.Errorf("%v allocations for an event that nobody wants", n)
	}
}

// A condition that would go through a very long list stops, and does not hold.
func TestLongListsCostNoMoreThanAllowed(t *testing.T) {
	set := compiled(t, `traits: {a: {event: A, kind: count, where: 'properties.x.all(p, p > 0 && p < 9 && p != 5)'}}`)
	for _, c := range []struct {
		n    int
		want string
	}{{100, "[]"}, {14000, "too costly"}} {
		list := strings.TrimSuffix(strings.Repeat("1,", c.n), ",")
		if got := takenOf(t, set, `{"type":"track","event":"A","userId":"u","properties":{"x":[`+list+`]}}`); got != c.want {
			t.Errorf("%d elements: %s, want %s", c.n, got, c.want)
		}
	}
}

// Equal streams of several definitions are one, and numbers stay.
func TestStreamsAreShared(t *testing.T) {
	first := `traits:
  a: {event: [A, B], kind: sum, property: properties.x, where: 'properties.y == "1"'}
  b: {event: [B, A], kind: average, property: 'properties["x"]', where: "(properties.y==\"1\")", window: 7d}
  c: {event: A, kind: count}
audiences:
  d: {when: 'events(["B","A"], properties.y == "1").maximum("properties.x") > 3.0'}
`
	set := compiled(t, first)
	if n := len(set.InUse()); n != 2 {
		for _, s := range set.InUse() {
			t.Log(s.Text)
		}
		t.Fatalf("%d streams, want 2", n)
	}
	doc, err := Parse([]byte("traits: {z: {event: Z, kind: count}, c: {event: A, kind: count}}"))
	if err != nil {
		t.Fatal(err)
	}
	next, err := Compile(doc, set.Streams(), Names{})
	if err != nil {
		t.Fatal(err)
	}
	byText := map[string]StreamID{}
	for _, s := range set.InUse() {
		byText[s.Text] = s.ID
	}
	for _, s := range next.InUse() {
		old, there := byText[s.Text]
		if there && old != s.ID || !there && s.ID != 3 {
			t.Errorf("%s has number %d", s.Text, s.ID)
		}
	}
	if last := next.Streams(); last.Last != 3 || len(last.Numbers) != 3 {
		t.Errorf("%+v", last)
	}
}
