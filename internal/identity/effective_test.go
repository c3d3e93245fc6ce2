package identity_test

import (
	"reflect"
	"testing"

	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/selfsame-id/selfsame/internal/identity"
)

func TestEffectiveOfNothing(t *testing.T) {
	want := read(t, `
order: person_first
alias: ignore
max_identifiers: 1000
defaults:
  blocked: ["-1", "null", anonymous, "NULL", undefined, nil, None, NaN, "true", "false", guest, unknown, distinct_id, "[object Object]"]
  blocked_patterns: ["^[0-]*$"]
`)
	if got := compile(t, identity.Rules{}).Effective(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v %+v\nwant %+v %+v", got, got.Defaults, want, want.Defaults)
	}
}

func TestEffectiveSpellsOut(t *testing.T) {
	got := compile(t, read(t, `{order: arrival, alias: link, defaults: {window: daily, blocked: []}, identifiers: [{type: user_id}, {type: phone, key: phone, limit: 2}]}`)).Effective()
	want := read(t, `{order: arrival, alias: link, max_merges: 100, max_identifiers: 1000, defaults: {limit: 5, window: daily, blocked: [], blocked_patterns: ["^[0-]*$"]},
		identifiers: [{type: user_id, limit: 1, window: ever}, {type: phone, key: phone, limit: 2, window: daily}]}`)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v %+v\nwant %+v %+v", got, got.Defaults, want, want.Defaults)
	}
}

func drawWrittenRules(t *rapid.T) identity.Rules {
	limit := func() int { return rapid.IntRange(0, 4).Draw(t, "limit") }
	window := func() string {
		return rapid.SampledFrom([]string{"", "ever", "daily", "weekly"}).Draw(t, "window")
	}
	list := func() identity.Blocklist {
		l := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "B", "null", "^0*$"}), 0, 3).Draw(t, "blocked")
		if rapid.Bool().Draw(t, "no list") {
			return nil
		}
		return append(identity.Blocklist{}, l...)
	}
	r := identity.Rules{
		Order:     rapid.SampledFrom([]string{"", "person_first", "arrival"}).Draw(t, "order"),
		Alias:     rapid.SampledFrom([]string{"", "ignore", "link"}).Draw(t, "alias"),
		MaxMerges: limit(), MaxIdentifiers: limit(),
	}
	if rapid.Bool().Draw(t, "defaults") {
		r.Defaults = &identity.Defaults{Limit: limit(), Window: window(), Blocked: list(), BlockedPatterns: list()}
	}
	known := []string{"user_id", "email", "phone", "anonymous_id", "ios.id"}
	for _, idType := range rapid.Permutation(known).Draw(t, "listed")[:rapid.IntRange(0, len(known)).Draw(t, "n")] {
		r.Identifiers = append(r.Identifiers, identity.Identifier{Type: idType, Limit: limit(), Window: window(), Blocked: list(), BlockedPatterns: list()})
	}
	return r
}

// TestEffectiveMeansTheSame: rules spelled out, through YAML and back, decide
// everything as the rules that were written, and are spelled out already.
func TestEffectiveMeansTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, err := identity.Compile(drawWrittenRules(t))
		if err != nil {
			t.Fatal(err)
		}
		text, err := yaml.Marshal(a.Effective())
		if err != nil {
			t.Fatal(err)
		}
		var back identity.Rules
		if err := yaml.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		b, err := identity.Compile(back)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if x, y := a.Effective(), b.Effective(); !reflect.DeepEqual(x, y) {
			t.Fatalf("not spelled out:\n%+v\n%+v", x, y)
		}
		if x, y := a.Types("new", "ios.new"), b.Types("new", "ios.new"); !reflect.DeepEqual(x, y) {
			t.Fatalf("%s\n%+v\n%+v", text, x, y)
		}
		if a.Arrival() != b.Arrival() || a.MaxIdentifiers() != b.MaxIdentifiers() || a.Arrival() && a.MaxMerges() != b.MaxMerges() {
			t.Fatalf("%s", text)
		}
		for _, idType := range []string{"user_id", "email", "phone", "new"} {
			for _, value := range []string{"a", "b", "B", "null", "0", "00-", "guest"} {
				if id := (identity.ID{Type: idType, Value: value}); a.Blocked(id) != b.Blocked(id) {
					t.Fatalf("%s\n%s: %v", text, id, a.Blocked(id))
				}
			}
		}
	})
}
