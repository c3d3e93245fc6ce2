package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"
)

// FuzzParse holds Parse against encoding/json: what one accepts the other
// accepts, with equal fields; see compareWithOracle.
func FuzzParse(f *testing.F) {
	for _, e := range trackEvents(3) {
		f.Add(e, uint8(0), int64(0))
	}
	for _, seed := range []string{
		`{"type":"identify","userId":"u","traits":{"email":"a@b.c","a":{"b":[1,2.5e-3,true,null]}}}`,
		`{"type":"group","groupId":7,"context":{"groupId":"g","app":{"name":"x"},"device":{"id":"d","type":"IOS","token":"t","adTrackingEnabled":true}}}`,
		`{"type":"alias","userId":"a","previousId":"b","context":{"traits":{"crossDomainId":"x","email":"e"},"integrations":{"Google Analytics":{"clientId":1}},"Braze":{"braze_id":"z"}}}`,
		`{"type":"page","context":{"externalIds":[{"id":"1","type":"T","collection":"users","encoding":"none"},1]},"timestamp":"2019-11-15T14:00:05+0100","sentAt":1573826405000}`,
		`{"\u0074ype":"screen","anonymousId":"\ud83d\ude00\ud83d","x":"\\\"\/","x":"` + "é你😀" + `"}`,
		`{"type":"track","event":"e","userId":"u","timestamp":"0001-01-01T00:00:00Z","originalTimestamp":"9999-12-31","receivedAt":"2020-01-01"}`,
		`{"type":"page","userId":"u","x":` + strings.Repeat(`[{"y":`, 80) + "1" + strings.Repeat("}]", 80) + `}`,
		`[null]`, `"`, "\"\x8a", `{"a":1{"b":2}}`, "{\"type\":\"\xff\"}", ` { } `,
	} {
		f.Add([]byte(seed), uint8(0), int64(0))
		f.Add([]byte(seed), uint8(2), at("2020-01-01T00:00:00Z"))
	}
	f.Fuzz(func(t *testing.T, raw []byte, kind uint8, sentAt int64) {
		env := Envelope{ReceivedAt: received, SentAt: sentAt, Type: Type(kind & 31 % 7), OwnReceipt: kind&64 != 0, Live: kind&32 != 0}
		if kind&128 != 0 {
			env.Limits = Limits{MessageBytes: 300, MessageID: 5, Depth: 4}
		}
		compareWithOracle(t, raw, env)
		// Both readers stay calm on anything.
		ForEach(raw, func(string, []byte) bool { return true })
		Text(raw)
	})
}

// FuzzSplit holds Split against encoding/json.
func FuzzSplit(f *testing.F) {
	f.Add(batchOf(trackEvents(2)))
	for _, seed := range []string{
		`{"batch":[{"type":"page"},1,"x",[],null],"sentAt":"2019-11-15T14:00:05Z","writeKey":"k","context":{"a":{"b":1}},"integrations":{}}`,
		`{"batch":[{"context":{"a":1}}],"batch":[{"context":null}],"context":{"a":2,"b":3}}`,
		`{"batch":[{}{}]}`, "{\"batch\":[\"\xff\"]}", `{"batch":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`, `[]`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		b, err := Split(body, Limits{BatchMessages: 20})
		if !bytes.Equal(before, body) {
			t.Fatalf("Split changed %q", before)
		}
		var r *Refusal
		if err != nil && (!errors.As(err, &r) || r.Code == BadUTF8 || r.Code == TooDeep) {
			t.Fatalf("Split(%q): %#v", body, err)
		}
		if valid := json.Valid(body); !valid {
			// encoding/json stops at 10,000 levels, Split at the end of the text.
			if err == nil && oracleDepth(body) <= 10_000 || err != nil && r.Code != BadJSON {
				t.Fatalf("Split(%q): %v, but it is not JSON", body, err)
			}
			return
		}
		var top map[string]json.RawMessage
		var elements []json.RawMessage
		isBatch := json.Unmarshal(body, &top) == nil && json.Unmarshal(top["batch"], &elements) == nil && elements != nil
		if isBatch != (err == nil) && (r == nil || r.Code != TooMany || len(elements) <= 20) {
			t.Fatalf("Split(%q): %v, but encoding/json finds a batch: %v", body, err, isBatch)
		}
		if err != nil {
			return
		}
		if len(elements) != len(b.Messages) {
			t.Fatalf("Split(%q): %d messages, want %d", body, len(b.Messages), len(elements))
		}
		compareReadWithParse(t, body, b)
		var defaults map[string]any
		_ = json.Unmarshal(b.Context, &defaults)
		for i, raw := range b.Messages {
			if !bytes.Equal(raw, elements[i]) {
				t.Fatalf("Split(%q): message %d is %q", body, i, raw)
			}
			_, err := Parse(raw, Envelope{ReceivedAt: received, SentAt: b.SentAt})
			if errors.As(err, &r) && r.Code == BadJSON {
				t.Fatalf("Split(%q): Parse does not take message %d for JSON: %v", body, i, err)
			}
			inherited := b.Inherit(raw)
			if !json.Valid(inherited) {
				t.Fatalf("Split(%q): message %d inherits to %q", body, i, inherited)
			}
			var m map[string]any
			if json.Unmarshal(inherited, &m) != nil || m == nil || defaults == nil {
				continue
			}
			if context, isObject := m["context"].(map[string]any); isObject {
				for key := range defaults {
					if _, there := context[key]; !there {
						t.Fatalf("Split(%q): message %d inherits to %q, without %q", body, i, inherited, key)
					}
				}
			}
		}
	})
}

// strictRFC3339 leaves out what package time reads beyond the standard: hours of
// one digit, offsets of 24 hours or with a 60th minute.
var strictRFC3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([.,]\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

// FuzzTime holds ParseTime against package time, on all that package time reads
// as RFC 3339.
func FuzzTime(f *testing.F) {
	for _, seed := range []string{
		"2019-11-15T14:00:05.123Z", "2019-11-15T14:00:05+01:00", "2019-11-15 14:00:05 +0000", "20191115T140005Z", "2019-11-15", "1573826405123",
		"1573826405.5", "+012019-11-15T14:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "2016-12-31T23:59:60Z", "1677-09-21T00:12:44Z", "0000-01-01T0:00:00+00:00",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := ParseTime(text)
		if !ok && got != 0 {
			t.Fatalf("ParseTime(%q) = %d, false", text, got)
		}
		want, err := time.Parse(time.RFC3339Nano, text)
		if err != nil || !strictRFC3339.MatchString(text) || want.Year() >= firstBuddhist && want.Year() <= lastBuddhist {
			return
		}
		if !ok {
			t.Fatalf("ParseTime(%q) refuses what time.Parse reads as %s", text, want)
		}
		switch near := want.Unix(); {
		case near > math.MaxInt64/second-2:
			if got < math.MaxInt64/second*second-2*second {
				t.Fatalf("ParseTime(%q) = %d, want the end of int64", text, got)
			}
		case near < math.MinInt64/second+2:
			if got > math.MinInt64/second*second+2*second {
				t.Fatalf("ParseTime(%q) = %d, want the start of int64", text, got)
			}
		default:
			if got != want.UnixNano() {
				t.Fatalf("ParseTime(%q) = %d, want %d", text, got, want.UnixNano())
			}
		}
	})
}
