package event

import (
	"bufio"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

// at reads an RFC 3339 time for a test.
func at(s string) int64 {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return t.UnixNano()
}

var received = at("2024-05-01T12:00:00Z")

func TestParseFields(t *testing.T) {
	raw := `{
		"type": "Track", "event": " Order Completed ", "messageId": "m-1", "writeKey": "wk",
		"userId": 12345678901234567890, "anonymousId": "\t anon_1 \u00a0", "timestamp": "2024-05-01T11:00:00Z",
		"properties": {"email": "P@example.com", "total": 1e2},
		"context": {
			"app": {"name": "SegKicks", "version": "1"},
			"device": {"id": "d1", "type": "iOS", "advertisingId": "ad1", "token": "t1", "adTrackingEnabled": true},
			"traits": {"email": "c@example.com", "crossDomainId": "x1", "plan": "pro"},
			"integrations": {"Google Analytics": {"clientId": 17.5}},
			"Braze": {"braze_id": "b1"},
			"groupId": "acme",
			"externalIds": [
				{"id": "555", "type": "Phone", "collection": "users", "encoding": "none"},
				{"id": "no-encoding", "type": "phone", "collection": "users"},
				{"id": "odd", "type": "phone", "collection": "robots", "encoding": "none"},
				{"id": 9, "type": "site", "collection": "accounts", "encoding": "none"},
				"not an entry"
			]
		}
	}`
	m, err := Parse([]byte(raw), Envelope{ReceivedAt: received})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []struct{ name, got, want string }{
		{"Type", m.Type.String(), "track"},
		{"MessageID", m.MessageID, "m-1"},
		{"UserID", m.UserID, "12345678901234567890"},
		{"AnonymousID", m.AnonymousID, "anon_1"},
		{"Name", m.Name, "Order Completed"},
		{"WriteKey", m.WriteKey, "wk"},
		{"App", m.App, "SegKicks"},
		{"Device.ID", m.Device.ID, "d1"},
		{"Device.Type", m.Device.Type, "ios"},
		{"Device.AdvertisingID", m.Device.AdvertisingID, "ad1"},
		{"Device.Token", m.Device.Token, "t1"},
		{"GAClientID", m.GAClientID, "17.5"},
		{"CrossDomainID", m.CrossDomainID, "x1"},
		{"BrazeID", m.BrazeID, "b1"},
		{"ContextGroupID", m.ContextGroupID, "acme"},
		{"PropertiesEmail", m.PropertiesEmail, "P@example.com"},
		{"ContextTraitsEmail", m.ContextTraitsEmail, "c@example.com"},
		{"ContextTraits", string(m.ContextTraits), `{"email": "c@example.com", "crossDomainId": "x1", "plan": "pro"}`},
		{"Properties", string(m.Properties), `{"email": "P@example.com", "total": 1e2}`},
		{"Traits", string(m.Traits), ""},
		{"Body", string(m.Body), raw},
	} {
		if f.got != f.want {
			t.Errorf("%s is %q, want %q", f.name, f.got, f.want)
		}
	}
	if len(m.ExternalIDs) != 2 || m.ExternalIDs[0] != (ExternalID{"555", "phone", "users"}) || m.ExternalIDs[1] != (ExternalID{"9", "site", "accounts"}) {
		t.Errorf("ExternalIDs are %v", m.ExternalIDs)
	}
	if !m.Device.AdTrackingEnabled || m.Time != at("2024-05-01T11:00:00Z") || m.ReceivedAt != received {
		t.Errorf("%+v", m)
	}
}

// TestParseVerdicts lists messages and what becomes of them: "" is accepted,
// otherwise "code field".
func TestParseVerdicts(t *testing.T) {
	for _, c := range []struct{ raw, want string }{
		// Whom it is about.
		{`{"type":"track","event":"e","userId":"u"}`, ""},
		{`{"type":"track","event":"e","anonymousId":"a"}`, ""},
		{`{"type":"track","event":"e","userId":7}`, ""},
		{`{"type":"track","event":"e"}`, "missing_id userId"},
		{`{"type":"track","event":"e","userId":null,"anonymousId":""}`, "missing_id userId"},
		{`{"type":"track","event":"e","userId":" \n"}`, "missing_id userId"},
		{`{"type":"track","event":"e","userId":{}}`, "bad_field userId"},
		{`{"type":"track","event":"e","userId":true}`, "bad_field userId"},
		{`{"type":"track","event":"e","userId":"u","anonymousId":["a"]}`, "bad_field anonymousId"},
		{`{"type":"track","event":"e","context":{"device":{"id":"d","type":"android"}}}`, ""},
		{`{"type":"track","event":"e","context":{"device":{"id":"d","type":"desktop"}}}`, "missing_id userId"},
		{`{"type":"track","event":"e","context":{"device":{"advertisingId":"d","type":"ios","adTrackingEnabled":true}}}`, ""},
		{`{"type":"track","event":"e","context":{"device":{"advertisingId":"d","type":"ios","adTrackingEnabled":"true"}}}`, "missing_id userId"},
		{`{"type":"track","event":"e","context":{"groupId":"acme"}}`, ""},
		{`{"type":"track","event":"e","context":{"traits":{"email":"e@x.org"}}}`, ""},
		{`{"type":"track","event":"e","context":{"externalIds":[{"id":"1","type":"phone","collection":"users","encoding":"none"}]}}`, ""},
		{`{"type":"track","event":"e","context":{"externalIds":[{"id":"1","type":"phone","collection":"users","encoding":"sha256"}]}}`, "missing_id userId"},
		{`{"type":"track","event":"e","properties":{"email":"e@x.org"}}`, ""},
		{`{"type":"identify","traits":{"email":"e@x.org"}}`, ""},
		{`{"type":"group","groupId":"acme","traits":{"email":"info@acme.com"}}`, ""},
		{`{"type":"track","event":"e","traits":{"email":"e@x.org"}}`, "missing_id userId"},

		// Which call it is.
		{`{"event":"e","userId":"u"}`, "missing_type type"},
		{`{"type":"","event":"e","userId":"u"}`, "missing_type type"},
		{`{"type":"tracked","event":"e","userId":"u"}`, "unknown_type type"},
		{`{"type":["track"],"event":"e","userId":"u"}`, "bad_field type"},
		{`{"type":"SCREEN","userId":"u"}`, ""},

		// What the call needs.
		{`{"type":"track","userId":"u"}`, "missing_event event"},
		{`{"type":"track","userId":"u","event":null}`, "missing_event event"},
		{`{"type":"track","userId":"u","event":false}`, "bad_field event"},
		{`{"type":"track","userId":"u","event":404}`, ""},
		{`{"type":"group","userId":"u"}`, "missing_group_id groupId"},
		{`{"type":"group","userId":"u","groupId":{}}`, "bad_field groupId"},
		{`{"type":"alias","userId":"u"}`, "missing_previous_id previousId"},
		{`{"type":"alias","previousId":"p","anonymousId":"a"}`, "missing_user_id userId"},
		{`{"type":"alias","previousId":"p","userId":"u"}`, ""},
		{`{"type":"page","userId":"u","name":[1]}`, ""},

		// Objects that are none.
		{`{"type":"identify","userId":"u","traits":"name=Jane"}`, "bad_field traits"},
		{`{"type":"identify","userId":"u","traits":[1]}`, "bad_field traits"},
		{`{"type":"identify","userId":"u","traits":[ ]}`, ""},
		{`{"type":"identify","userId":"u","traits":null}`, ""},
		{`{"type":"track","event":"e","userId":"u","properties":""}`, ""},
		{`{"type":"track","event":"e","userId":"u","properties":3}`, "bad_field properties"},
		{`{"type":"track","event":"e","userId":"u","traits":3}`, ""},
		{`{"type":"track","event":"e","userId":"u","context":"web"}`, ""},
		{`{"type":"track","event":"e","userId":"u","context":{"device":"iPhone","app":[],"traits":1,"externalIds":{}}}`, ""},

		// Message IDs.
		{`{"type":"page","userId":"u","messageId":"` + strings.Repeat("é", 100) + `"}`, ""},
		{`{"type":"page","userId":"u","messageId":"` + strings.Repeat("x", 101) + `"}`, "bad_message_id messageId"},
		{`{"type":"page","userId":"u","messageId":{}}`, "bad_field messageId"},

		// Times.
		{`{"type":"page","userId":"u","timestamp":"yesterday"}`, "bad_timestamp timestamp"},
		{`{"type":"page","userId":"u","timestamp":{}}`, "bad_timestamp timestamp"},
		{`{"type":"page","userId":"u","timestamp":"1969-12-31T23:59:59Z"}`, "bad_timestamp timestamp"},
		{`{"type":"page","userId":"u","originalTimestamp":"2024-13-01"}`, "bad_timestamp originalTimestamp"},
		{`{"type":"page","userId":"u","sentAt":"garbage","receivedAt":[]}`, ""},

		// Text that is no message.
		{``, "bad_json "},
		{`{`, "bad_json "},
		{`{"type":"page","userId":"u"`, "bad_json "},
		{`{"type":"page","userId":"u"} x`, "bad_json "},
		{`{"type":"page","userId":"u",}`, "bad_json "},
		{`{"type":"page" "userId":"u"}`, "bad_json "},
		{`{'type':'page'}`, "bad_json "},
		{`{"type":"page","userId":"u","x":01}`, "bad_json "},
		{`{"type":"page","userId":"u","x":nul}`, "bad_json "},
		{`{"type":"page","userId":"u","x":[1,]}`, "bad_json "},
		{`{"type":"page","userId":"u","x":[1}}`, "bad_json "},
		{`{"type":"page","userId":"u","x":"a` + "\n" + `b"}`, "bad_json "},
		{`{"type":"page","userId":"u","x":"\q"}`, "bad_json "},
		{`{"type":"page","userId":"u","x":"\u12g4"}`, "bad_json "},
		{`{"a":1{"b":2}}`, "bad_json "},
		{"\xef\xbb\xbf{}", "bad_json "},
		{`[1,2]`, "not_object "},
		{`"track"`, "not_object "},
		{`null`, "not_object "},
		{`{"type":"page","userId":"u` + "\xff" + `"}`, "bad_utf8 "},
		{`{"type":"page","userId":"u","x":` + strings.Repeat("[", 99) + strings.Repeat("]", 99) + `}`, ""},
		{`{"type":"page","userId":"u","x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, "too_deep "},
		{`{"type":"page","userId":"u","x":"` + strings.Repeat("x", 32<<10) + `"}`, "too_large "},

		// The last of equal keys counts, whatever the others were.
		{`{"type":"page","userId":{},"userId":"u"}`, ""},
		{`{"type":"page","userId":"u","userId":null}`, "missing_id userId"},
		{`{"type":"page","context":{"groupId":"g"},"context":{}}`, "missing_id userId"},
	} {
		_, err := Parse([]byte(c.raw), Envelope{ReceivedAt: received})
		got := ""
		var r *Refusal
		if errors.As(err, &r) {
			got = string(r.Code) + " " + r.Field
		}
		if got != c.want {
			t.Errorf("%.120s\n got %q (%v)\nwant %q", c.raw, got, err, c.want)
		}
		compareWithOracle(t, []byte(c.raw), Envelope{ReceivedAt: received})
	}
}

// TestReasons shows what customers read.
func TestReasons(t *testing.T) {
	for _, c := range []struct{ raw, want string }{
		{`{"type":"track","event":"e","userId":{}}`, "userId is an object; send a string or a number, or leave it out"},
		{`{"type":"trak","userId":"u"}`, `type is "trak"; send one of identify, track, page, screen, group, alias`},
		{`{"type":"page","timestamp":"soon","userId":"u"}`, `timestamp is "soon", which is not a time; send ISO 8601 such as 2019-11-15T14:00:05.000Z, or leave it out`},
		{`{"type":"page","userId":'u'}`, `the message is not valid JSON: at byte 24 expected a value (a string, number, object, array, true, false or null) but found '''`},
		{`{"type":"page"`, `the message is not valid JSON: at byte 14 expected ',' or '}' but the text ends`},
		{`{"type":"page","userId":"` + "\xe9" + `"}`, `the message is not valid UTF-8 at byte 25 (0xe9); encode text as UTF-8 before sending it`},
		{`{"type":"page"}`, "nothing says who this page call is about; send userId or anonymousId (or another external ID, in context)"},
	} {
		if _, err := Parse([]byte(c.raw), Envelope{ReceivedAt: received}); err == nil || err.Error() != c.want {
			t.Errorf("%s\n got %v\nwant %s", c.raw, err, c.want)
		}
	}
}

func TestEndpointDecidesType(t *testing.T) {
	for _, c := range []struct {
		raw     string
		implied Type
		want    Type
	}{
		{`{"userId":"u"}`, Page, Page},
		{`{"userId":"u","type":"identify"}`, Page, Page},
		{`{"userId":"u","type":{}}`, Page, Page},
		{`{"userId":"u","type":"identify"}`, 0, Identify},
	} {
		m, err := Parse([]byte(c.raw), Envelope{Type: c.implied, ReceivedAt: received})
		if err != nil || m.Type != c.want {
			t.Errorf("%s at %s: %s, %v", c.raw, c.implied, m.Type, err)
		}
	}
}

// TestTimeRule walks through SEGMENT.md §2, "Time of an event".
func TestTimeRule(t *testing.T) {
	for _, c := range []struct {
		why, fields, batchSentAt, want string
		own                            bool
	}{
		{why: "nothing is known", want: "12:00:00"},
		{why: "the timestamp, when no sentAt is known", fields: `"timestamp":"2024-05-01T11:00:00Z"`, want: "11:00:00"},
		{why: "the original, when it is all there is", fields: `"originalTimestamp":"2024-05-01T11:00:00Z"`, want: "11:00:00"},
		{why: "the timestamp goes before the original without a sentAt", fields: `"timestamp":"2024-05-01T11:00:00Z","originalTimestamp":"2024-05-01T10:00:00Z"`, want: "11:00:00"},
		{why: "a clock 1 h slow is set right", fields: `"timestamp":"2024-05-01T10:30:00Z","sentAt":"2024-05-01T11:00:00Z"`, want: "11:30:00"},
		{why: "a clock 1 h fast is set right", fields: `"timestamp":"2024-05-01T12:30:00Z","sentAt":"2024-05-01T13:00:00Z"`, want: "11:30:00"},
		{why: "the original goes before the timestamp", fields: `"timestamp":"2024-05-01T09:00:00Z","originalTimestamp":"2024-05-01T10:00:00Z","sentAt":"2024-05-01T11:00:00Z"`, want: "11:00:00"},
		{why: "the batch's sentAt serves", fields: `"timestamp":"2024-05-01T10:30:00Z"`, batchSentAt: "2024-05-01T11:00:00Z", want: "11:30:00"},
		{why: "the message's own sentAt goes before it", fields: `"timestamp":"2024-05-01T10:30:00Z","sentAt":"2024-05-01T10:31:00Z"`, batchSentAt: "2024-05-01T11:00:00Z", want: "11:59:00"},
		{why: "never after receipt", fields: `"timestamp":"2024-05-01T13:00:00Z"`, want: "12:00:00"},
		{why: "year 9999 neither", fields: `"timestamp":"9999-12-31T23:59:59Z"`, want: "12:00:00"},
		{why: "sent before it happened", fields: `"timestamp":"2024-05-01T11:30:00Z","sentAt":"2024-05-01T11:00:00Z"`, want: "12:00:00"},
		{why: "a sentAt that is no time corrects nothing", fields: `"timestamp":"2024-05-01T11:00:00Z","sentAt":"soon"`, want: "11:00:00"},
		{why: "nor one in year 1", fields: `"timestamp":"2024-05-01T11:00:00Z","sentAt":"0001-01-01T00:00:00Z"`, want: "11:00:00"},
		{why: "nor one in year 9999", fields: `"timestamp":"2024-05-01T11:00:00Z","sentAt":"9999-01-01T00:00:00Z"`, want: "11:00:00"},
		{why: "a Go zero time is no timestamp", fields: `"timestamp":"0001-01-01T00:00:00Z"`, want: "12:00:00"},
		{why: "a phone whose clock began in 1969", fields: `"timestamp":"1969-12-31T16:00:00Z","sentAt":"1969-12-31T16:10:00Z"`, want: "11:50:00"},
		{why: "milliseconds since 1970", fields: `"timestamp":1714561200000`, want: "11:00:00"},
		{why: "a sentAt without an original", fields: `"sentAt":"2024-05-01T11:00:00Z"`, want: "12:00:00"},
		{why: "a client's receivedAt counts for nothing", fields: `"timestamp":"2024-05-01T11:00:00Z","receivedAt":"2024-05-01T10:00:00Z"`, want: "11:00:00"},
		{why: "an archive's does", fields: `"timestamp":"2024-05-01T11:00:00Z","receivedAt":"2024-05-01T10:00:00Z"`, own: true, want: "10:00:00"},
	} {
		raw := `{"type":"page","userId":"u"`
		if c.fields != "" {
			raw += "," + c.fields
		}
		env := Envelope{ReceivedAt: received, OwnReceipt: c.own}
		if c.batchSentAt != "" {
			env.SentAt = at(c.batchSentAt)
		}
		m, err := Parse([]byte(raw+"}"), env)
		if err != nil {
			t.Errorf("%s: %v", c.why, err)
			continue
		}
		if got := time.Unix(0, m.Time).UTC().Format("15:04:05"); got != c.want || m.Time > m.ReceivedAt {
			t.Errorf("%s: %s, want %s", c.why, got, c.want)
		}
		compareWithOracle(t, []byte(raw+"}"), env)
	}
}

func TestRefusalsAreTyped(t *testing.T) {
	_, err := Parse([]byte(`{"type":"page"} x`), Envelope{})
	var r *Refusal
	if !errors.As(err, &r) || r.Code != BadJSON || r.Offset != 16 {
		t.Errorf("%#v", err)
	}
	_, err = Parse([]byte(`{"type":"page"}`), Envelope{})
	if !errors.As(err, &r) || r.Code != MissingID || r.Offset != -1 || r.Field != "userId" {
		t.Errorf("%#v", err)
	}
}

// TestJane reads the story that the documentation tells.
func TestJane(t *testing.T) {
	f, err := os.Open("../../examples/jane.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := 0
	for sc := bufio.NewScanner(f); sc.Scan(); lines++ {
		m, err := Parse(sc.Bytes(), Envelope{ReceivedAt: received})
		if err != nil {
			t.Fatalf("line %d: %v", lines+1, err)
		}
		if m.MessageID == "" || m.Device.ID == "" || m.App == "" || m.AnonymousID == "" {
			t.Errorf("line %d: %+v", lines+1, m)
		}
		compareWithOracle(t, sc.Bytes(), Envelope{ReceivedAt: received})
	}
	if lines != 27 {
		t.Errorf("%d messages, want 27", lines)
	}
}
