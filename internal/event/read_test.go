package event

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// compareReadWithParse holds Read against Split, which gave b, and Parse.
func compareReadWithParse(t *testing.T, body []byte, b Batch) {
	t.Helper()
	env := Envelope{ReceivedAt: received, Limits: Limits{BatchMessages: 20}}
	got, items, err := Read(body, env, false, nil)
	if err != nil || !reflect.DeepEqual(got.Context, b.Context) || got.SentAt != b.SentAt || got.WriteKey != b.WriteKey || !reflect.DeepEqual(got.Messages, b.Messages) || len(items) != len(b.Messages) {
		t.Fatalf("Read(%q) = %+v, %d items, %v; Split gave %+v", body, got, len(items), err, b)
	}
	env.SentAt, env.sentOdd = b.SentAt, b.sentOdd
	_, inherited, err := Read(body, env, true, items[:0:0])
	if err != nil || len(inherited) != len(items) {
		t.Fatalf("Read(%q) with inheritance: %d items, %v", body, len(inherited), err)
	}
	for i, raw := range b.Messages {
		compareItem(t, items[i], raw, raw, env)
		whole := b.Inherit(raw)
		if _, err := Parse(whole, env); err != nil {
			whole = raw
		}
		compareItem(t, inherited[i], whole, raw, env)
	}
}

func compareItem(t *testing.T, item Item, parsed, raw []byte, env Envelope) {
	t.Helper()
	want, err := Parse(parsed, env)
	if m := &item.Message; m.Inherited != nil {
		if n := m.Size(); n < len(parsed) {
			t.Fatalf("%q: Size is %d, the body has %d bytes", parsed, n, len(parsed))
		}
		m.Body, m.Inherited = m.AppendBody([]byte("before"))[len("before"):], nil
	}
	if err == nil {
		if item.Refusal != nil || !reflect.DeepEqual(item.Message, want) {
			t.Fatalf("%q: Read gives %+v, %v; Parse gives %+v", parsed, item.Message, item.Refusal, want)
		}
		return
	}
	if item.Refusal == nil || !reflect.DeepEqual(item.Refusal, err) || !reflect.DeepEqual(item.Message, Message{Body: raw}) {
		t.Fatalf("%q: Read gives %+v, %v; Parse gives %v", parsed, item.Message, item.Refusal, err)
	}
}

// TestReadMarshalled: what encoding/json makes of a batch, Read gives back.
func TestReadMarshalled(t *testing.T) {
	type message struct {
		Type        string         `json:"type"`
		MessageID   string         `json:"messageId,omitempty"`
		UserID      string         `json:"userId,omitempty"`
		AnonymousID string         `json:"anonymousId"`
		Event       string         `json:"event"`
		Properties  map[string]any `json:"properties,omitempty"`
	}
	type batch struct {
		Batch  []message `json:"batch"`
		SentAt string    `json:"sentAt"`
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(0, 20, 60)
		something := rapid.Custom(func(t *rapid.T) string { return "x" + text.Draw(t, "text") + "x" })
		sent := batch{SentAt: "2024-05-01T11:00:00Z", Batch: []message{}}
		for range rapid.IntRange(0, 8).Draw(t, "messages") {
			m := message{Type: "track", MessageID: text.Draw(t, "messageId"), UserID: something.Draw(t, "userId"), AnonymousID: something.Draw(t, "anonymousId"), Event: something.Draw(t, "event")}
			if rapid.Bool().Draw(t, "has properties") {
				m.Properties = map[string]any{text.Draw(t, "key"): text.Draw(t, "value")}
			}
			sent.Batch = append(sent.Batch, m)
		}
		body, err := json.Marshal(sent)
		if err != nil {
			t.Fatal(err)
		}
		_, items, err := Read(body, Envelope{ReceivedAt: received}, rapid.Bool().Draw(t, "inherit"), nil)
		if err != nil || len(items) != len(sent.Batch) {
			t.Fatalf("%s: %d items, %v", body, len(items), err)
		}
		for i, want := range sent.Batch {
			got := items[i].Message
			if items[i].Refusal != nil || got.MessageID != strings.TrimFunc(want.MessageID, oracleUnseen) || got.UserID != want.UserID || got.AnonymousID != want.AnonymousID || got.Name != want.Event {
				t.Fatalf("%s: item %d is %+v, %v", body, i, got, items[i].Refusal)
			}
			for key, value := range want.Properties {
				if text, ok := Text(Lookup(got.Properties, key)); !ok || text != value {
					t.Fatalf("%s: property %q is %q", body, key, text)
				}
			}
		}
	})
}

func TestReadKeepsGoodMessages(t *testing.T) {
	body := `{"batch":[
		{"type":"page","userId":"u1","timestamp":"2024-05-01T10:00:00Z"},
		{"type":"page"},
		{"type":"page","userId":"` + "\xff" + `"},
		{"type":"page","userId":"u2","x":` + strings.Repeat("[", 500) + strings.Repeat("]", 500) + `},
		{"type":"page","userId":"u3","x":"` + strings.Repeat("x", 40_000) + `"},
		{"type":"page","userId":"u4","timestamp":"?"},
		[],
		{"type":"page","userId":"u5"}
	],"sentAt":"2024-05-01T11:00:00Z"}`
	_, items, err := Read([]byte(body), Envelope{ReceivedAt: received}, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, it := range items {
		if it.Refusal != nil {
			got = append(got, string(it.Refusal.Code))
			if len(it.Message.Body) == 0 || it.Message.UserID != "" {
				t.Errorf("a refused item holds %+v", it.Message)
			}
		} else {
			got = append(got, it.Message.UserID)
		}
	}
	if want := "u1 missing_id bad_utf8 too_deep too_large bad_timestamp not_object u5"; strings.Join(got, " ") != want {
		t.Errorf("\n got %s\nwant %s", strings.Join(got, " "), want)
	}
	if items[0].Message.Time != at("2024-05-01T11:00:00Z") {
		t.Errorf("the batch's sentAt, behind the messages, was not used: %+v", items[0].Message)
	}
}

func TestReadAppends(t *testing.T) {
	old := []Item{{Message: Message{UserID: "old"}}}
	_, items, err := Read([]byte(`{"batch":[{"type":"page","userId":"a"}],"batch":[{"type":"page","userId":"b"},{"type":"page"}],"context":{"groupId":"g"}}`),
		Envelope{ReceivedAt: received}, true, old)
	if err != nil || len(items) != 3 || items[0].Message.UserID != "old" || items[1].Message.UserID != "b" || items[2].Message.ContextGroupID != "g" {
		t.Errorf("%+v, %v", items, err)
	}
	_, items, err = Read([]byte(`{"batch":[{"type":"page","userId":"a"}],"context":oops}`), Envelope{}, true, old)
	var r *Refusal
	if !errors.As(err, &r) || r.Code != BadJSON || len(items) != 1 {
		t.Errorf("%d items, %v", len(items), err)
	}
}
