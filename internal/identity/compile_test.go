package identity_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/selfsame-id/selfsame/internal/identity"
)

// documented is the example of the configuration file.
const documented = `
order: person_first
alias: ignore
max_merges: 100
exclude: [{type: email, event: Invitation Sent}]
max_identifiers: 1000
defaults: {limit: 5, window: ever, blocked: ["-1", "null", "anonymous", "undefined"], blocked_patterns: ["^[0-]*$"]}
identifiers:
  - {type: user_id, limit: 1, window: ever}
  - {type: email, limit: 5, window: annually}
  - {type: app_id, key: app_id, limit: 1}
  - {type: anonymous_id, limit: 5, window: weekly, blocked: ["test"]}
`

func read(t testing.TB, text string) identity.Rules {
	t.Helper()
	var r identity.Rules
	if err := yaml.Unmarshal([]byte(text), &r); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return r
}

func TestCompileTheDocumentedExample(t *testing.T) {
	rs := compile(t, read(t, documented))
	if rs.Arrival() || rs.MaxMerges() != 100 || rs.MaxIdentifiers() != 1000 {
		t.Errorf("arrival %v, %d merges, %d identifiers", rs.Arrival(), rs.MaxMerges(), rs.MaxIdentifiers())
	}
	if got := rs.Limit(identity.Users, "email"); got.Values != 5 || got.WindowWord() != "annually" {
		t.Errorf("email: %d %s", got.Values, got.WindowWord())
	}
	if rs.Blocked(identity.ID{Type: "user_id", Value: "guest"}) {
		t.Error("guest is not on the list that the file gives")
	}
}

// TestCompileMistakes has every mistake that Compile knows.
func TestCompileMistakes(t *testing.T) {
	for _, c := range []struct{ rules, want string }{
		{`order: random`, `order: "random" is not one of person_first, arrival`},
		{`alias: merge`, `alias: "merge" is not one of ignore, link`},
		{`max_merges: -1`, `max_merges: -1 is too small; write 1 or more, or leave it out`},
		{`max_identifiers: -5`, `max_identifiers: -5 is too small; write 1 or more, or leave it out`},
		{`max_identifiers: 1000001`, `max_identifiers: 1000001 is too large; write 1000000 at most`},
		{`exclude: [{type: email}]`, `exclude[0]: it names neither event nor source; say from which of them the ID is not to be taken`},
		{`exclude: [{event: E}]`, `exclude[0].type: is missing; write the ID type, such as user_id`},
		{`exclude: [{event: E, type: Email}]`, `exclude[0].type: "Email" has upper-case letters; write "email"`},
		{`defaults: {limit: -1}`, `defaults.limit: -1 is too small; write 1 or more, or leave it out`},
		{`defaults: {window: hourly}`, `defaults.window: "hourly" is not one of ever, daily, weekly, monthly, annually`},
		{`defaults: {blocked: ["a", " "]}`, `defaults.blocked[1]: is empty; an empty value is never an ID`},
		{`defaults: {blocked_patterns: ["(a"]}`, "defaults.blocked_patterns[0]: \"(a\" is not a regular expression: missing closing ): `(a`"},
		{`defaults: {blocked_patterns: [""]}`, `defaults.blocked_patterns[0]: is empty, which would match every value`},
		{`identifiers: [{limit: 1}]`, `identifiers[0].type: is missing; write the ID type, such as user_id`},
		{`identifiers: [{type: User_ID}]`, `identifiers[0].type: "User_ID" has upper-case letters; write "user_id"`},
		{`identifiers: [{type: "a:b"}]`, `identifiers[0].type: "a:b" has a colon, a space or a sign that cannot be printed; write one word such as app_id`},
		{`identifiers: [{type: "a b"}]`, `identifiers[0].type: "a b" has a colon, a space or a sign that cannot be printed; write one word such as app_id`},
		{`identifiers: [{type: ` + strings.Repeat("x", 101) + `}]`, `identifiers[0].type: has 101 bytes; write 100 at most`},
		{`identifiers: [{type: email}, {type: user_id}, {type: email}]`, `identifiers[2].type: email is listed already, as identifiers[0]; leave one of them`},
		{`identifiers: [{type: email, limit: -2}]`, `identifiers[0].limit: -2 is too small; write 1 or more, or leave it out`},
		{`identifiers: [{type: email, window: weakly}]`, `identifiers[0].window: "weakly" is not one of ever, daily, weekly, monthly, annually`},
		{`identifiers: [{type: group_id, limit: 2}]`, `identifiers[0].limit: an account has one group_id, ever; leave limit and window out`},
		{`identifiers: [{type: group_id, window: daily}]`, `identifiers[0].limit: an account has one group_id, ever; leave limit and window out`},
		{`identifiers: [{type: email, key: mail}]`, `identifiers[0].key: email is found in places of its own; leave key out, or list a type of your own with this key`},
		{`identifiers: [{type: a, key: " k"}]`, `identifiers[0].key: " k" cannot be a key; write the name of a trait or property, 100 bytes at most and no space around it`},
		{`identifiers: [{type: a, key: email}]`, `identifiers[0].key: what traits and properties have under email is the built-in type email already`},
		{`identifiers: [{type: a, key: cross_domain_id}]`, `identifiers[0].key: what traits and properties have under cross_domain_id is the built-in type cross_domain_id already`},
		{`identifiers: [{type: a, key: app_id}, {type: b, key: appId}]`, `identifiers[1].key: appId is the key of identifiers[0] already; one value cannot be of two types`},
		{`identifiers: [{type: a, blocked: [""]}]`, `identifiers[0].blocked[0]: is empty; an empty value is never an ID`},
		{`identifiers: [{type: a, blocked_patterns: ["[z-a]"]}]`, "identifiers[0].blocked_patterns[0]: \"[z-a]\" is not a regular expression: invalid character class range: `z-a`"},
		{"{order: x, defaults: {window: y}, identifiers: [{type: B, window: z}]}", "order: \"x\" is not one of person_first, arrival\n" +
			"defaults.window: \"y\" is not one of ever, daily, weekly, monthly, annually\n" +
			"identifiers[0].type: \"B\" has upper-case letters; write \"b\"\n" +
			"identifiers[0].window: \"z\" is not one of ever, daily, weekly, monthly, annually"},
	} {
		rs, err := identity.Compile(read(t, c.rules))
		if err == nil || err.Error() != c.want || rs != nil {
			t.Errorf("%s\n got %v\nwant %s", c.rules, err, c.want)
		}
		var m *identity.Mistake
		if !errors.As(err, &m) {
			t.Errorf("%s: no Mistake in %v", c.rules, err)
		}
	}
	if _, err := identity.Compile(identity.Rules{Identifiers: make([]identity.Identifier, 501)}); err == nil || err.Error() != "identifiers: there are 501 types; list 500 at most" {
		t.Errorf("501 types: %v", err)
	}
}

func TestLimits(t *testing.T) {
	for _, c := range []struct{ rules, want string }{
		{``, "user_id 1 ever, group_id 1 ever, email 5 ever, anonymous_id 5 weekly, ga_client_id 5 weekly, ios.id 5 ever, app_id 5 ever"},
		{`defaults: {blocked: []}`, "user_id 1 ever, anonymous_id 5 weekly, app_id 5 ever"},
		{`defaults: {limit: 3}`, "user_id 1 ever, group_id 1 ever, email 3 ever, anonymous_id 3 ever, ga_client_id 3 ever, app_id 3 ever"},
		{`defaults: {window: daily}`, "user_id 1 ever, group_id 1 ever, email 5 daily, anonymous_id 5 daily, app_id 5 daily"},
		{`defaults: {limit: 2, window: monthly}`, "user_id 1 ever, email 2 monthly, anonymous_id 2 monthly"},
		{`identifiers: [{type: anonymous_id}, {type: user_id}, {type: app_id}]`, "anonymous_id 5 weekly, user_id 1 ever, app_id 5 ever"},
		{`identifiers: [{type: anonymous_id, limit: 3}, {type: user_id, limit: 2}, {type: app_id, limit: 1}]`, "anonymous_id 3 ever, user_id 2 ever, app_id 1 ever"},
		{`identifiers: [{type: anonymous_id, window: annually}, {type: user_id, window: daily}]`, "anonymous_id 5 annually, user_id 1 daily"},
		{`{defaults: {limit: 7, window: daily}, identifiers: [{type: email}, {type: app_id, limit: 2}, {type: user_id}, {type: phone, window: ever}]}`,
			"email 7 daily, app_id 2 daily, user_id 1 ever, phone 7 ever"},
		{`{defaults: {window: daily}, identifiers: [{type: group_id, limit: 1}]}`, "group_id 1 ever"},
	} {
		rs := compile(t, read(t, c.rules))
		for _, one := range strings.Split(c.want, ", ") {
			idType, want, _ := strings.Cut(one, " ")
			l := rs.Limit(identity.Users, idType)
			if got := strings.TrimSpace(strings.Join([]string{string(rune('0' + l.Values)), l.WindowWord()}, " ")); got != want {
				t.Errorf("%s: %s is %s, want %s", c.rules, idType, got, want)
			}
		}
	}
	for word, hours := range map[string]float64{"ever": 0, "daily": 24, "weekly": 7 * 24, "monthly": 30 * 24, "annually": 365 * 24} {
		rs := compile(t, identity.Rules{Defaults: &identity.Defaults{Window: word}})
		if l := rs.Limit(identity.Users, "phone"); l.Window.Hours() != hours || l.WindowWord() != word {
			t.Errorf("%s lasts %v", word, l.Window)
		}
	}
}

func TestCompileDefaults(t *testing.T) {
	rs := compile(t, identity.Rules{})
	if rs.Arrival() || rs.MaxMerges() != 100 || rs.MaxIdentifiers() != 1000 {
		t.Errorf("arrival %v, %d merges, %d identifiers", rs.Arrival(), rs.MaxMerges(), rs.MaxIdentifiers())
	}
	rs = compile(t, identity.Rules{Order: "arrival", MaxMerges: 7, MaxIdentifiers: 1})
	if !rs.Arrival() || rs.MaxMerges() != 7 || rs.MaxIdentifiers() != 1 {
		t.Errorf("arrival %v, %d merges, %d identifiers", rs.Arrival(), rs.MaxMerges(), rs.MaxIdentifiers())
	}
}

func TestCompileSharesNothing(t *testing.T) {
	r := read(t, documented)
	rs := compile(t, r)
	r.Identifiers[0].Type, r.Defaults.Limit, r.Identifiers[3].Blocked[0], r.Exclude[0].Type = "x", 9, "y", "z"
	if got, want := rs.Effective(), compile(t, read(t, documented)).Effective(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestUnlisted(t *testing.T) {
	rs := compile(t, read(t, documented))
	for idType, want := range map[string]bool{"user_id": false, "ga_client_id": false, "ios.push_token": false, "app_id": false, "phone": true, "ios.other": true} {
		if rs.Unlisted(idType) != want {
			t.Errorf("%s: %v", idType, !want)
		}
	}
}

// TestRulesRoundTrip: what people wrote comes back from YAML and JSON as it was,
// an empty list of blocked values included.
func TestRulesRoundTrip(t *testing.T) {
	for _, text := range []string{documented, ``, `{defaults: {blocked: [], blocked_patterns: []}, identifiers: [{type: a, blocked: []}]}`, `{defaults: {limit: 2}}`} {
		r := read(t, text)
		for name, f := range map[string]struct {
			encode func(any) ([]byte, error)
			decode func([]byte, any) error
		}{"yaml": {yaml.Marshal, yaml.Unmarshal}, "json": {json.Marshal, json.Unmarshal}} {
			b, err := f.encode(r)
			if err != nil {
				t.Fatal(err)
			}
			var back identity.Rules
			if err := f.decode(b, &back); err != nil || !reflect.DeepEqual(r, back) {
				t.Errorf("%s: %s\n got %+v, %v\nwant %+v", name, b, back, err, r)
			}
		}
	}
}
