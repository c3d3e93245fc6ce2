package identity_test

import (
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/selfsame-id/selfsame/internal/identity"
)

// Types that rules may list, build in, or have never heard of.
var allTypes = []string{
	"user_id", "email", "group_id", "phone", "app_id", "zebra", "anonymous_id", "ga_client_id", "cross_domain_id",
	"ios.id", "ios.idfa", "android.id", "android.new", "braze_id", "never_seen",
}

// again takes rules through YAML, as who pastes them does.
func again(t *rapid.T, r identity.Rules) *identity.Ruleset {
	text, err := yaml.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back identity.Rules
	if err := yaml.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	rs, err := identity.Compile(back)
	if err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	return rs
}

// sameEffect checks that two rulesets have the same limits and priority of every
// type, and block the same, but for one ID.
func sameEffect(t *rapid.T, a, b *identity.Ruleset, but identity.ID) {
	for i, x := range allTypes {
		if p, q := a.Limit(identity.Users, x), b.Limit(identity.Users, x); p != q {
			t.Fatalf("the limit of %s was %+v and is %+v", x, p, q)
		}
		for _, y := range allTypes[:i] {
			p, q := identity.ID{Type: x}, identity.ID{Type: y}
			if (a.ComparePriority(p, q) < 0) != (b.ComparePriority(p, q) < 0) {
				t.Fatalf("%s and %s changed places", x, y)
			}
		}
		for _, value := range []string{"a", "B", "null", "0", "guest", "kiosk"} {
			if id := (identity.ID{Type: x, Value: value}); id != but && a.Blocked(id) != b.Blocked(id) {
				t.Fatalf("%s was blocked: %v", id, a.Blocked(id))
			}
		}
	}
	if a.Arrival() != b.Arrival() || a.MaxIdentifiers() != b.MaxIdentifiers() || a.Arrival() && a.MaxMerges() != b.MaxMerges() {
		t.Fatal("order, cap or merges differ")
	}
}

func TestFullMeansTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, err := identity.Compile(drawWrittenRules(t))
		if err != nil {
			t.Fatal(err)
		}
		full := a.Full("zebra", "android.new")
		b := again(t, full)
		sameEffect(t, a, b, identity.ID{})
		for _, one := range full.Identifiers {
			if one.Limit == 0 || one.Window == "" {
				t.Fatalf("%s is not spelled out", one.Type)
			}
		}
		for _, idType := range allTypes[:len(allTypes)-1] {
			known := slices.ContainsFunc(full.Identifiers, func(i identity.Identifier) bool { return i.Type == idType })
			if b.Unlisted(idType) == known {
				t.Fatalf("%s is listed: %v", idType, known)
			}
		}
	})
}

// A suggestion changes what it says, and nothing else.
func TestSuggestionsChangeNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, err := identity.Compile(drawWrittenRules(t))
		if err != nil {
			t.Fatal(err)
		}
		id := identity.ID{Type: rapid.SampledFrom(allTypes).Draw(t, "type"), Value: "kiosk"}
		b := again(t, a.WithBlocked(id))
		sameEffect(t, a, b, id)
		if !b.Blocked(id) {
			t.Fatalf("%s is not blocked", id)
		}
		c := again(t, a.WithListed(id.Type))
		sameEffect(t, a, c, identity.ID{})
		if c.Unlisted(id.Type) {
			t.Fatalf("%s is not listed", id.Type)
		}
	})
}
