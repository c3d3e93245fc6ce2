package event

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

// TestStoredIsReadAsAccepted: every message that Parse accepts is read back with
// the same fields.
func TestStoredIsReadAsAccepted(t *testing.T) {
	for _, raw := range []string{
		`{"type":"track","event":"Order Completed","userId":" u1 ","messageId":"m1","properties":{"email":"a@b.c"}}`,
		`{"type":"identify","anonymousId":7,"messageId":"m1","traits":{"email":"a@b.c","plan":null}}`,
		`{"type":"identify","userId":"u","messageId":"m1","traits":[]}`,
		`{"type":"page","name":"Home","userId":"u","messageId":"m1"}`,
		`{"type":"screen","name":7,"userId":"u","messageId":12}`,
		`{"type":"group","groupId":"g","userId":"u","messageId":"m\u00e9","traits":{"name":"Acme"}}`,
		`{"type":"screen","name":7,"userId":4.2e1,"messageId":12.0}`,
		`{"type":"track","event":" e ","userId":"\ufeffu\u200b","messageId":" m\u200b"}`,
		`{"type":"alias","previousId":"p","userId":"u","messageId":"m1"}`,
		`{"type":"track","event":"e","messageId":"m1","context":{"device":{"id":"d","type":"iOS","token":"t","advertisingId":"a","adTrackingEnabled":true},` +
			`"externalIds":[{"id":"x","type":"Custom","collection":"users","encoding":"none"}],"app":{"name":"Shop"},"groupId":"g",` +
			`"integrations":{"Google Analytics":{"clientId":"1.2"}},"Braze":{"braze_id":"b"},"traits":{"email":"c@d.e","crossDomainId":"x"}}}`,
		`{"type":"track","event":"e","userId":"u","userId":"v","messageId":"m1","messageId":"m2","timestamp":"2019-11-15T14:00:05Z"}`,
	} {
		want, err := Parse([]byte(raw), Envelope{ReceivedAt: 2_000_000_000_000_000_000})
		if err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		got, err := ParseStored([]byte(raw), Stored{Type: want.Type, Time: want.Time, ReceivedAt: want.ReceivedAt, MessageID: given(&want)})
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v (%v)\nwant %+v", raw, got, err, want)
		}
	}
}

// TestStoredIsNotJudgedAgain: what Parse would refuse today was accepted once.
func TestStoredIsNotJudgedAgain(t *testing.T) {
	deep := strings.Repeat("[", 500) + strings.Repeat("]", 500)
	for _, raw := range []string{
		`{"type":"track","event":"e","userId":"u","messageId":"m","timestamp":"1969-12-31T23:00:00Z"}`,
		`{"type":"track","event":"e","userId":"u","messageId":"m","timestamp":"no time at all"}`,
		`{"event":"e","userId":"u","messageId":"m"}`,
		`{"type":"unheard","event":"e","userId":"u","messageId":"m"}`,
		`{"event":"e","messageId":"m"}`,
		`{"event":"e","messageId":"m","properties":` + deep + `}`,
		`{"event":"e","messageId":"m","properties":"` + strings.Repeat("x", 100_000) + `"}`,
		"{\"event\":\"e\",\"messageId\":\"m\",\"properties\":\"\xff\"}",
		` {"event":"e","messageId":"m"} `,
	} {
		m, err := ParseStored([]byte(raw), Stored{Type: Track, Time: 5, ReceivedAt: 7})
		if err != nil || m.Type != Track || m.Time != 5 || m.ReceivedAt != 7 || m.Name != "e" || m.MessageID != "m" || string(m.Body) != raw {
			t.Errorf("%.80s: %+v, %v", raw, m, err)
		}
	}
	m, err := ParseStored([]byte(`{"messageId":null,"event":"e"}`), Stored{Type: Track, MessageID: "given"})
	if err != nil || m.MessageID != "given" || !m.MessageIDGiven {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestStoredThatIsDamaged(t *testing.T) {
	for _, raw := range []string{``, ` `, `[]`, `"x"`, `{`, `{"a":1`, `{"a":}`, `{"a":1}}`, `{"a":1}{`, "\x00{}"} {
		if m, err := ParseStored([]byte(raw), Stored{Type: Track}); !errors.Is(err, ErrDamaged) {
			t.Errorf("%q is read as %+v, %v", raw, m, err)
		}
	}
}

// FuzzParseStored: any bytes give an error or a message, and what Parse accepts is
// read with the same fields.
func FuzzParseStored(f *testing.F) {
	f.Add([]byte(`{"type":"track","event":"e","userId":"u","messageId":" m "}`))
	f.Add([]byte(`{"type":"identify","userId":4.2e1,"traits":{"email":"\ud83d"}}`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		want, err := Parse(raw, Envelope{ReceivedAt: 1})
		got, serr := ParseStored(raw, Stored{Type: want.Type, Time: want.Time, ReceivedAt: want.ReceivedAt, MessageID: given(&want)})
		if err != nil {
			return
		}
		if serr != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%q:\n got %+v (%v)\nwant %+v", raw, got, serr, want)
		}
	})
}

// given is what is kept beside a message's body of its ID.
func given(m *Message) string {
	if m.MessageIDGiven {
		return m.MessageID
	}
	return ""
}
