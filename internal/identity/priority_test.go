package identity_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/selfsame-id/selfsame/internal/identity"
)

func typesInOrder(rs *identity.Ruleset, seen ...string) string {
	var names []string
	for _, t := range rs.Types(seen...) {
		names = append(names, t.Type)
	}
	return strings.Join(names, " ")
}

func TestPriority(t *testing.T) {
	const devices = " android.id android.idfa android.push_token anonymous_id cross_domain_id ga_client_id"
	for _, c := range []struct{ rules, want string }{
		{``, "user_id email group_id app_id braze_id zip" + devices + " ios.id ios.idfa ios.other ios.push_token"},
		{`identifiers: [{type: zip}, {type: ios.id}, {type: email}]`, "zip ios.id email user_id group_id app_id braze_id" + devices + " ios.idfa ios.other ios.push_token"},
	} {
		rs := compile(t, read(t, c.rules))
		if got := typesInOrder(rs, "zip", "app_id", "ios.other", "zip"); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.rules, got, c.want)
		}
	}
	rs := compile(t, identity.Rules{})
	if rs.ComparePriority(identity.ID{Type: "email", Value: "a"}, identity.ID{Type: "email", Value: "b"}) >= 0 {
		t.Error("ties go by value")
	}
}

func TestNamesPerson(t *testing.T) {
	rs := compile(t, identity.Rules{Identifiers: []identity.Identifier{{Type: "anonymous_id"}}})
	for idType, want := range map[string]bool{
		"user_id": true, "email": true, "braze_id": true, "group_id": true, "phone": true, "ios": true, "iosx.id": true,
		"anonymous_id": false, "ga_client_id": false, "cross_domain_id": false, "ios.id": false, "ios.idfa": false,
		"android.push_token": false, "android.anything": false,
	} {
		if rs.NamesPerson(idType) != want {
			t.Errorf("%s: %v", idType, !want)
		}
	}
}

// TestPriorityIsAnOrder: it is total, and types that come along change no place.
func TestPriorityIsAnOrder(t *testing.T) {
	known := []string{"user_id", "email", "group_id", "braze_id", "app_id", "phone", "anonymous_id", "ga_client_id", "ios.id", "android.id"}
	rapid.Check(t, func(t *rapid.T) {
		var r identity.Rules
		for _, idType := range rapid.Permutation(known).Draw(t, "listed")[:rapid.IntRange(0, len(known)).Draw(t, "n")] {
			r.Identifiers = append(r.Identifiers, identity.Identifier{Type: idType})
		}
		rs, err := identity.Compile(r)
		if err != nil {
			t.Fatal(err)
		}
		ids := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) identity.ID {
			return identity.ID{Type: rapid.SampledFrom(known).Draw(t, "type"), Value: rapid.StringMatching(`[ab]{1,2}`).Draw(t, "value")}
		}), 0, 12).Draw(t, "ids")
		slices.SortFunc(ids, rs.ComparePriority)
		for i := range ids {
			for j := range ids {
				c := rs.ComparePriority(ids[i], ids[j])
				if i < j && c > 0 || i > j && c < 0 || (c == 0) != (ids[i] == ids[j]) {
					t.Fatalf("%v and %v: %d", ids[i], ids[j], c)
				}
			}
		}
		before := strings.Fields(typesInOrder(rs))
		after := strings.Fields(typesInOrder(rs, "new", "ios.new"))
		after = slices.DeleteFunc(after, func(s string) bool { return s == "new" || s == "ios.new" })
		if !slices.Equal(before, after) {
			t.Fatalf("%v became %v", before, after)
		}
	})
}
