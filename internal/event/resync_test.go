package event

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// readBroken gives what Read makes of the elements of a batch: the user of a good
// one, the code of another.
func readBroken(t testing.TB, body string) string {
	t.Helper()
	b, items, err := Read([]byte(body), Envelope{ReceivedAt: received}, true, nil)
	if err != nil {
		return err.(*Refusal).Reason
	}
	var got []string
	for i, it := range items {
		if it.Refusal == nil {
			got = append(got, it.Message.UserID)
			continue
		}
		got = append(got, string(it.Refusal.Code))
		if string(b.Messages[i]) != string(it.Message.Body) || it.Refusal.Reason == "" {
			t.Errorf("element %d is %q, its item has %q, %+v", i, b.Messages[i], it.Message.Body, it.Refusal)
		}
	}
	return strings.Join(got, " ")
}

func page(user string) string {
	return `{"type":"page","userId":"` + user + `","properties":{"a":[1,{"b":"}],{"}]}}`
}

// TestReadBroken: whatever is wrong with one message, the others are taken.
func TestReadBroken(t *testing.T) {
	const head, tail = `{"type":"track","event":"E","userId":"x","properties":{"price":`, `}}`
	for what, broken := range map[string]string{
		"NaN":                       head + `NaN` + tail,
		"Infinity":                  head + `-Infinity` + tail,
		"NaN in an array":           head + `[{"a":1},{"b":NaN},{"c":[1]}]` + tail,
		"no value":                  head + tail,
		"a trailing comma":          head + `1,` + tail,
		"single quotes":             `{'type':'track','event':'E','userId':'x'}`,
		"a bare word":               head + `undefined` + tail,
		"a control character":       head + "\"a\nb\"" + tail,
		"a bad escape":              head + `"C:\users\x41"` + tail,
		"an escaped closing quote":  head + `"C:\dir\","x":"y"` + tail,
		"a quote in a string":       head + `"5" screen"` + tail,
		"quotes in a string":        head + `"the "big" one"` + tail,
		"a quote and brackets":      head + `"a"b}],{"` + tail,
		"a string without end":      head + `"x` + tail,
		"no closing brace":          head + `1}`,
		"no closing braces":         head + `1`,
		"no closing bracket":        head + `[1,2` + tail,
		"no closing bracket at all": head + `[{"a":[1,2`,
		"a brace too many":          head + `1}` + tail,
		"a bracket too many":        head + `1]` + tail,
		"a wrong bracket":           head + `[1}` + tail,
		"no colon":                  `{"type":"track","userId" "x"}`,
		"no quote before a key":     `{type":"track","userId":"x"}`,
		"no opening brace":          `"type":"track","userId":"x","properties":{"a":1}}`,
		"text behind it":            `{"type":"page","userId":"x"} oops`,
		"a word":                    `oops`,
		"a comment":                 head + `1 /* "one */` + tail,
		"an envelope's end within":  head + `NaN],"x":{"a":1` + tail,
		"nested messages":           head + `NaN,"sent":[` + page("n1") + `,` + page("n2") + `]` + tail,
	} {
		body := `{"sentAt":"2024-05-01T11:00:00Z","batch":[` + page("u1") + `,` + broken + ` , ` + page("u2") + "\n,\n" + page("u3") + `],"context":{"locale":"no"}}`
		if got := readBroken(t, body); got != "u1 bad_json u2 u3" {
			t.Errorf("%s: %s\n%s", what, got, body)
		}
		body = `{"batch":[` + broken + `,` + broken + `,` + page("u1") + `,` + broken + `],"sentAt":"2024-05-01T11:00:00Z"}`
		if got := readBroken(t, body); !strings.Contains(got, "u1") || strings.Contains(got, "n1") || !strings.HasPrefix(got, "bad_json") || !strings.HasSuffix(got, "bad_json") {
			t.Errorf("%s: %s\n%s", what, got, body)
		}
	}
	for body, want := range map[string]string{
		`{"batch":[` + page("u1") + page("u2") + `]}`:          "u1 u2",
		`{"batch":[,` + page("u1") + `,,` + page("u2") + `,]}`: "u1 u2",
		`{"batch":[` + page("u1") + `,` + page("u2")[:30]:      "u1 bad_json",
		`{"batch":[` + page("u1") + `,`:                        "u1 bad_json",
		`{"batch":[` + page("u1") + `,` + page("u2"):           "u1 u2 bad_json",
		`{"batch":[`: "bad_json",
		`{"batch":[` + page("u1") + `,{"type":"page","userId":"u2"}`:                           "u1 u2 bad_json",
		`{"batch":[{"type":NaN}],"batch":[` + page("u1") + `]}`:                                "u1",
		`{"batch":[{"type":"page","x":NaN}],"context":{"groupId":"g"}}`:                        "bad_json",
		`{"batch":[{"type":"page","userId":"u1","x":NaN}],"context":{"traits":{"email":"e"}}}`: "bad_json",
		`{"batch":[` + page("u1") + `],"context":{"a":NaN}}`:                                   "the request is not valid JSON: at byte 92 expected a value (a string, number, object, array, true, false or null) but found 'N'",
		`{"batch":[` + page("u1") + `,{"x":NaN},` + page("u2") + `]`:                           "u1 bad_json u2 bad_json",
		`{"batch":[{"type":"page","x":"\ud83d","userId":"u1"},{"x":0x1},` + page("u2") + `]}`:  "u1 bad_json u2",
	} {
		if got := readBroken(t, body); got != want {
			t.Errorf("%s\n got %s\nwant %s", body, got, want)
		}
	}
}

// TestReadMutated: a byte more, less or another one in one message costs no other.
func TestReadMutated(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 5).Draw(t, "messages")
		hurt := rapid.IntRange(0, n-1).Draw(t, "hurt")
		var parts []string
		for i := range n {
			text := page(fmt.Sprint("u", i))
			if i == hurt {
				// A bracket before the first makes an array of all, which is valid.
				at := rapid.IntRange(1, len(text)-1).Draw(t, "at")
				by := rapid.SampledFrom([]string{"", `"`, "\\", "{", "}", "[", "]", ",", ":", "x", "\x00", `""`, `},`}).Draw(t, "by")
				keep := rapid.IntRange(0, 1).Draw(t, "keep")
				text = text[:at] + by + text[at+1-keep:]
			}
			parts = append(parts, text)
		}
		body := `{"batch":[` + strings.Join(parts, ",") + `],"sentAt":"2024-05-01T11:00:00Z"}`
		_, items, err := Read([]byte(body), Envelope{ReceivedAt: received}, false, nil)
		if err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		found := map[string]int{}
		for _, it := range items {
			if it.Refusal == nil {
				found[string(it.Message.Body)]++
			}
		}
		for i, text := range parts {
			if i != hurt && found[text] != 1 {
				t.Fatalf("message %d is found %d times: %s", i, found[text], body)
			}
		}
	})
}

// TestReadHostile: broken texts that try to make the search long take time that
// grows with their length only.
func TestReadHostile(t *testing.T) {
	lim := Limits{BatchBytes: 4 << 20, BatchMessages: 1 << 20}
	for what, unit := range map[string]string{
		"openings":       `{"a":[0,`,
		"nested":         `,{"type":"page","userId":"u","x":[`,
		"strings":        `,{"`,
		"quotes":         `"`,
		"ends":           `],"a":1,`,
		"ends of texts":  `]}`,
		"commas":         `,{`,
		"broken":         `{"a":NaN},`,
		"almost good":    `,{"type":"page","userId":"u"}x`,
		"closing braces": `}`,
	} {
		times := func(n int) time.Duration {
			body := []byte(`{"batch":[{"a":NaN` + strings.Repeat(unit, n/len(unit)) + `]}`)
			best := time.Hour
			for range 3 {
				began := time.Now()
				_, _, _ = Read(body, Envelope{ReceivedAt: received, Limits: lim}, true, nil)
				best = min(best, time.Since(began))
			}
			return best
		}
		if small, large := times(50_000), times(800_000); large > 100*small+200*time.Millisecond {
			t.Errorf("%s: 50 KB take %v, 800 KB %v", what, small, large)
		}
	}
}

// FuzzReadBroken: nothing is lost, made up or out of place, and what is valid is
// read as encoding/json reads it.
func FuzzReadBroken(f *testing.F) {
	for _, seed := range []string{
		`{"batch":[` + page("u1") + `,{"a":NaN},` + page("u2") + `],"sentAt":1}`, `{"batch":[{"a":"b"c},{"d":[`, `{"batch":[,]}`, `{"batch":[{}{}]}`, `{"batch":[1]]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		b, items, err := Read(body, Envelope{ReceivedAt: received}, false, nil)
		if err != nil {
			return
		}
		if len(items) != len(b.Messages) {
			t.Fatalf("%q: %d items of %d elements", body, len(items), len(b.Messages))
		}
		broken := false
		for i, it := range items {
			valid := json.Valid(it.Message.Body)
			bad := it.Refusal != nil && it.Refusal.Code == BadJSON
			if broken = broken || bad; valid == bad && oracleDepth(it.Message.Body) < 5000 {
				t.Fatalf("%q: element %d is %q, %v", body, i, it.Message.Body, it.Refusal)
			}
		}
		if json.Valid(body) && broken {
			t.Fatalf("%q is valid, but %+v", body, items)
		}
		// A good message between whatever this is is found.
		good := page("sentinel")
		mixed := append(append([]byte(`{"batch":[`+good+`,`), body...), (`,` + good + `]}`)...)
		_, items, err = Read(mixed, Envelope{ReceivedAt: received, Limits: Limits{BatchBytes: len(mixed), BatchMessages: len(mixed)}}, false, nil)
		if err != nil || len(items) == 0 || items[0].Message.UserID != "sentinel" {
			t.Fatalf("%q: %v", mixed, err)
		}
	})
}
