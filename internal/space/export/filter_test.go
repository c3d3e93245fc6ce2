package export

import (
	"encoding/json"
	"testing"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space/bulk"
)

// Nobody gets into an audience of a filter by a trait that he sent.
func TestATraitIsNoMembership(t *testing.T) {
	f, err := newProfileFilter(`audiences.vip`, identity.Users, []string{"vip"})
	if err != nil {
		t.Fatal(err)
	}
	p := &person{Profile: &bulk.Profile{Traits: []bulk.Trait{{Trait: profile.Trait{Name: "member_of_vip", Value: json.RawMessage("true")}}}}}
	for _, want := range []bool{false, true} {
		if got, err := f.holds(p, 1); err != nil || got != want {
			t.Errorf("%v, %v, want %v", got, err, want)
		}
		p.audiences = []string{"vip"}
	}
}
