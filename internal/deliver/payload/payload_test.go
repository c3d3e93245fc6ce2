package payload_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/internal/deliver"
	"github.com/selfsame-id/selfsame/internal/deliver/payload"
)

const at = 1_573_891_200_123_000_000

func message(what deliver.What, class deliver.Class, key, value string, id deliver.Identifier) *deliver.Message {
	m := &deliver.Message{ID: "msg_1", What: what, Profile: "use_1", Identifier: id, Key: key, Class: class, At: at}
	if value != "" {
		m.Value = json.RawMessage(value)
	}
	return m
}

var (
	jane = deliver.Identifier{Type: "user_id", Value: "abc123def"}
	anon = deliver.Identifier{Type: "anonymous_id", Value: "anon_123"}
	mail = deliver.Identifier{Type: "email", Value: "jane@example.com"}
)

func TestPayloads(t *testing.T) {
	set := message(deliver.TraitSet, deliver.Trait, "orders", "2", jane)
	set.Before = json.RawMessage("1")
	merged := &deliver.Message{ID: "msg_2", What: deliver.Merged, Profile: "use_1", From: "use_2", At: at}
	event := &deliver.Message{ID: "msg_3", What: deliver.Event, Profile: "use_1", At: at, Event: json.RawMessage(`{"type":"track","context":{"ip":"::1"}}`)}
	standard := func(m *deliver.Message) ([]byte, error) { return payload.Standard("prod", m) }
	track := func(m *deliver.Message) ([]byte, error) { return payload.Segment("prod", m, payload.Track) }
	identify := func(m *deliver.Message) ([]byte, error) { return payload.Segment("prod", m, payload.Identify) }
	personas := func(class, key string) string {
		return `"personas":{"computation_class":"` + class + `","computation_id":"` + key + `","computation_key":"` + key + `","namespace":"prod","segment_id":"use_1","space_id":"prod"}`
	}
	for _, c := range []struct {
		name string
		of   func(*deliver.Message) ([]byte, error)
		m    *deliver.Message
		want string
	}{
		{"entered", standard, message(deliver.Entered, deliver.Audience, "vip", "true", jane),
			`{"type":"audience.entered","timestamp":"2019-11-16T08:00:00.123Z","data":{"space":"prod","segment_id":"use_1","identifier":{"type":"user_id","id":"abc123def"},"audience":"vip"}}`},
		{"trait", standard, set,
			`{"type":"trait.set","timestamp":"2019-11-16T08:00:00.123Z","data":{"space":"prod","segment_id":"use_1","identifier":{"type":"user_id","id":"abc123def"},"trait":"orders","value":2,"previous":1}}`},
		{"removed", standard, message(deliver.TraitRemoved, deliver.Trait, "orders", "", anon),
			`{"type":"trait.removed","timestamp":"2019-11-16T08:00:00.123Z","data":{"space":"prod","segment_id":"use_1","identifier":{"type":"anonymous_id","id":"anon_123"},"trait":"orders","value":null}}`},
		{"merged", standard, merged,
			`{"type":"profile.merged","timestamp":"2019-11-16T08:00:00.123Z","data":{"space":"prod","segment_id":"use_1","from_segment_id":"use_2"}}`},
		{"event", standard, event,
			`{"type":"event","timestamp":"2019-11-16T08:00:00.123Z","data":{"space":"prod","segment_id":"use_1","event":{"type":"track","context":{"ip":"::1"}}}}`},
		{"track entered", track, message(deliver.Entered, deliver.Audience, "vip", "true", jane),
			`{"type":"track","event":"Audience Entered","messageId":"msg_1","userId":"abc123def","timestamp":"2019-11-16T08:00:00.123Z","properties":{"audience_key":"vip","vip":true},"context":{` + personas("audience", "vip") + `}}`},
		{"track exited", track, message(deliver.Exited, deliver.Audience, "vip", "", anon),
			`{"type":"track","event":"Audience Exited","messageId":"msg_1","anonymousId":"anon_123","timestamp":"2019-11-16T08:00:00.123Z","properties":{"audience_key":"vip","vip":false},"context":{` + personas("audience", "vip") + `}}`},
		{"track trait", track, set,
			`{"type":"track","event":"Trait Computed","messageId":"msg_1","userId":"abc123def","timestamp":"2019-11-16T08:00:00.123Z","properties":{"orders":2,"trait_key":"orders"},"context":{` + personas("trait", "orders") + `}}`},
		{"identify exited", identify, message(deliver.Exited, deliver.Audience, "vip", "", mail),
			`{"type":"identify","messageId":"msg_1","timestamp":"2019-11-16T08:00:00.123Z","traits":{"vip":false},"context":{"externalIds":[{"collection":"users","encoding":"none","id":"jane@example.com","type":"email"}],` + personas("audience", "vip") + `,"traits":{"email":"jane@example.com"}}}`},
		{"identify removed", identify, message(deliver.TraitRemoved, deliver.Trait, "orders", "", jane),
			`{"type":"identify","messageId":"msg_1","userId":"abc123def","timestamp":"2019-11-16T08:00:00.123Z","traits":{"orders":null},"context":{` + personas("trait", "orders") + `}}`},
		{"an event", track, event, `{"context":{"ip":"::1","personas":{"segment_id":"use_1","space_id":"prod"}},"type":"track"}`},
	} {
		got, err := c.of(c.m)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %v\n got %s\nwant %s", c.name, err, got, c.want)
		}
	}
}

func TestTemplatesEscape(t *testing.T) {
	nasty := `"},"admin":true,"x":{"` + "\n\\\u2028</script>"
	quoted, _ := json.Marshal(nasty)
	p := &deliver.Profile{ID: "use_1", Traits: map[string]json.RawMessage{"firstName": quoted, "age": json.RawMessage("31"), "tags": json.RawMessage(`["a","b\""]`)}}
	m := message(deliver.Entered, deliver.Audience, "vip", "true", jane)
	for text, want := range map[string]map[string]any{
		`{"name": "{{.Profile.Traits.firstName}}"}`:                                        {"name": nasty},
		`{"name": {{json .Profile.Traits.firstName}}}`:                                     {"name": nasty},
		`{"name": {{.Profile.Traits.firstName | json}}}`:                                   {"name": nasty},
		`{"name": "{{printf "%s" .Profile.Traits.firstName}}"}`:                            {"name": nasty},
		`{"name": "{{$x := .Profile.Traits.firstName}}{{$x}}"}`:                            {"name": nasty},
		`{"name": "{{with .Profile.Traits.firstName}}{{.}}{{end}}"}`:                       {"name": nasty},
		`{{define "n"}}{{.}}{{end}}{"name": "{{template "n" .Profile.Traits.firstName}}"}`: {"name": nasty},
		`{"age": {{json .Profile.Traits.age}}, "to": "{{.Key}}"}`:                          {"age": float64(31), "to": "vip"},
		`{"none": "{{.Profile.Traits.nothing}}"}`:                                          {"none": ""},
		`{"none": "{{default "x" .Profile.Traits.nothing}}"}`:                              {"none": "x"},
		`{"tags": "{{join ", " .Profile.Traits.tags}}"}`:                                   {"tags": `a, b"`},
		`{"vip": {{.Value}}}`: {"vip": true},
	} {
		tm, err := payload.NewTemplate(text, strings.Contains(text, "{{.Value}}") == false)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		b, err := tm.Execute(payload.NewContext("prod", m, p))
		got := map[string]any{}
		if err == nil {
			err = json.Unmarshal(b, &got)
		}
		if err != nil {
			t.Errorf("%s: %v in %s", text, err, b)
			continue
		}
		for k, v := range want {
			if got[k] != v || len(got) != len(want) {
				t.Errorf("%s: %q, want %q", text, got, want)
			}
		}
	}
}

func TestBadTemplatesAreRefusedWhenSaved(t *testing.T) {
	for text, want := range map[string]string{
		`{"a": {{.Nothing}}}`:              "Nothing",
		`{"a": {{json .Value}}`:            "valid JSON",
		`{"a": {{.Profile.Traits.email}}}`: "valid JSON",
		`{{if}}`:                           "missing value",
		`{{evil "x"}}`:                     "not defined",
		`{"a": "{{range .Profile.Identifiers}}{{template "x"}}{{end}}"}{{define "x"}}{{template "x"}}{{end}}`: "",
	} {
		_, err := payload.NewTemplate(text, true)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
