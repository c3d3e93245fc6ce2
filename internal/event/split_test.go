package event

import (
	"errors"
	"runtime"
	"strings"
	"testing"
)

func TestSplit(t *testing.T) {
	deep := strings.Repeat(`[{"a":`, 300) + "1" + strings.Repeat("}]", 300)
	odd := "{\"userId\":\"\xff\"}"
	body := ` { "sentAt":"2024-05-01T11:00:00Z", "batch" : [ {"type":"page"} , 7 , [ ] , null,` + deep + `,` + odd + ` ],
		"writeKey":"wk_1", "context":{"ip":"1.2.3.4"}, "integrations":{"All":true}, "other":[{}] } `
	b, err := Split([]byte(body), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`{"type":"page"}`, "7", "[ ]", "null", deep, odd}
	if len(b.Messages) != len(want) {
		t.Fatalf("%d messages, want %d", len(b.Messages), len(want))
	}
	for i, m := range b.Messages {
		if string(m) != want[i] {
			t.Errorf("message %d is %.80q, want %.80q", i, m, want[i])
		}
	}
	if b.SentAt != at("2024-05-01T11:00:00Z") || b.WriteKey != "wk_1" || string(b.Context) != `{"ip":"1.2.3.4"}` || string(b.Integrations) != `{"All":true}` {
		t.Errorf("%+v", b)
	}
}

func TestSplitVerdicts(t *testing.T) {
	lim := Limits{BatchBytes: 200, BatchMessages: 3}
	for _, c := range []struct{ body, want string }{
		{`{"batch":[]}`, ""},
		{`{"batch":[1,2,3],"sentAt":{},"writeKey":4,"context":"x","integrations":[]}`, ""},
		{`{"batch":[1,2,3,4]}`, "too_many batch: the batch has 4 messages, the limit is 3; send smaller batches"},
		{`{"batch":[` + strings.Repeat(" ", 200) + `]}`, "too_large : the request has 212 bytes, the limit is 200; send smaller batches"},
		{`{}`, `bad_batch batch: the request has no batch; send an object such as {"batch":[…]}`},
		{`{"batch":{}}`, "bad_batch batch: batch is an object; send an array of messages"},
		{`{"batch":[],"batch":null}`, "bad_batch batch: batch is null; send an array of messages"},
		{`[{}]`, `not_object : the request is an array; send an object such as {"batch":[…]}`},
		{``, "bad_json : the request is not valid JSON: at byte 0 expected a value but the text ends"},
		{`batch=1`, "bad_json : the request is not valid JSON: at byte 0 expected a value (a string, number, object, array, true, false or null) but found 'b'"},
		{`{"batch":[{}, oops, {}]}`, "bad_json : the request is not valid JSON: at byte 14 expected a value (a string, number, object, array, true, false or null) but found 'o'"},
		{`{"batch":[{} {}]}`, "bad_json : the request is not valid JSON: at byte 13 expected ',' or ']' but found '{'"},
		{`{"batch":[{}]`, "bad_json : the request is not valid JSON: at byte 13 expected ',' or '}' but the text ends"},
		{`{"batch":[{}]} {}`, "bad_json : the request is not valid JSON: at byte 15 expected the end of the text but found '{'"},
		{"{\"batch\":[\"\x01\"]}", "bad_json : the request is not valid JSON: at byte 11 expected no control character inside a string (write it as an escape) but found byte 0x01"},
	} {
		_, err := Split([]byte(c.body), lim)
		got := ""
		var r *Refusal
		if errors.As(err, &r) {
			got = string(r.Code) + " " + r.Field + ": " + r.Reason
		}
		if got != c.want {
			t.Errorf("%.80s\n got %s\nwant %s", c.body, got, c.want)
		}
	}
}

// TestSplitBoundsMemory: messages beyond the limit are counted, not kept.
func TestSplitBoundsMemory(t *testing.T) {
	body := []byte(`{"batch":[1` + strings.Repeat(",1", 200_000) + `]}`)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := Split(body, Limits{}); err == nil {
		t.Fatal("accepted")
	}
	runtime.ReadMemStats(&after)
	// What 2,500 messages need, and not what 200,000 would.
	if n := after.TotalAlloc - before.TotalAlloc; n > 400<<10 {
		t.Errorf("%d bytes allocated", n)
	}
}

func TestInherit(t *testing.T) {
	for _, c := range []struct{ beside, raw, want string }{
		{``, `{"a":1,"context":{"x":1}}`, `{"a":1,"context":{"x":1}}`},
		{`,"context":{"ip":"1"}`, `{"a": [1, 2]}`, `{"a":[1, 2],"context":{"ip":"1"}}`},
		{`,"context":{"ip":"1"}`, `{}`, `{"context":{"ip":"1"}}`},
		{`,"context":{"ip":"1"}`, `{"context":null,"b":2}`, `{"b":2,"context":{"ip":"1"}}`},
		{`,"context":{"ip":"1","device":{"id":"d"}}`, `{"context":{"ip":"2","l":"en"}}`, `{"context":{"ip":"2","l":"en","device":{"id":"d"}}}`},
		{`,"context":{"ip":"1"}`, `{"context":"odd"}`, `{"context":"odd"}`},
		{`,"integrations":{"All":false}`, `{"k\u0022":1,"integrations":{"All":true},"context":{}}`, `{"k\"":1,"context":{},"integrations":{"All":true}}`},
		{`,"context":{"ip":"1"}`, `7`, `7`},
	} {
		b, err := Split([]byte(`{"batch":[`+c.raw+`]`+c.beside+`}`), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if got := string(b.Inherit(b.Messages[0])); got != c.want {
			t.Errorf("%s beside %s:\n got %s\nwant %s", c.raw, c.beside, got, c.want)
		}
	}
}

// TestInheritIsBounded: half a megabyte must not stand for a gigabyte.
func TestInheritIsBounded(t *testing.T) {
	context := `{"x":"` + strings.Repeat("x", 100_000) + `"}`
	few := `{"batch":[{},{}],"context":` + context + `}`
	if _, err := Split([]byte(few), Limits{}); err != nil {
		t.Error(err)
	}
	many := `{"batch":[1` + strings.Repeat(",1", 2000) + `],"context":` + context + `}`
	var r *Refusal
	if _, err := Split([]byte(many), Limits{}); !errors.As(err, &r) || r.Code != TooLarge || r.Field != "context" {
		t.Errorf("%v", err)
	}
}

func TestFromQuery(t *testing.T) {
	for _, c := range []struct {
		query map[string][]string
		want  string
	}{
		{map[string][]string{}, `{}`},
		{
			map[string][]string{"userId": {"user_1"}, "event": {"Email \"Opened\""}, "properties.subject": {"Hi\n"}, "properties.a.b": {"007"}, "writeKey": {"wk"}, "data": {"x"}},
			`{"event":"Email \"Opened\"","properties":{"a":{"b":"007"},"subject":"Hi\u000a"},"userId":"user_1","writeKey":"wk"}`,
		},
		{map[string][]string{"a": {"1", "2"}, "b": {}}, `{"a":"2"}`},
		{map[string][]string{"a": {"\xff"}}, `{"a":"` + "\ufffd" + `"}`},
		{
			map[string][]string{"context.device.adTrackingEnabled": {"true"}, "context.device.id": {"true"}},
			`{"context":{"device":{"adTrackingEnabled":true,"id":"true"}}}`,
		},
		{map[string][]string{"a": {"1"}, "a.b": {"2"}}, "bad_field"},
		{map[string][]string{"a..b": {"1"}}, "bad_field"},
		{map[string][]string{"": {"1"}}, "bad_field"},
		{map[string][]string{strings.Repeat("a.", 100) + "a": {"1"}}, "too_deep"},
	} {
		body, err := FromQuery(c.query)
		got := string(body)
		var r *Refusal
		if errors.As(err, &r) {
			got = string(r.Code)
		}
		if got != c.want {
			t.Errorf("%v:\n got %s (%v)\nwant %s", c.query, got, err, c.want)
		}
	}
	body, err := FromQuery(map[string][]string{"event": {"Email Opened"}, "userId": {"u"}})
	if err != nil {
		t.Fatal(err)
	}
	if m, err := Parse(body, Envelope{Type: Track}); err != nil || m.UserID != "u" || m.Name != "Email Opened" {
		t.Errorf("%+v %v", m, err)
	}
}
