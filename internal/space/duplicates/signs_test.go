package duplicates

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/profile"
)

func TestSigns(t *testing.T) {
	for _, c := range []struct{ traits, ids, want string }{
		{`{"email":"Jane.Doe+news@GoogleMail.com"}`, "", "email janedoe@gmail.com"},
		{`{"email":"jane.doe@example.com"}`, "email:jane.doe@example.com email:jane+x@example.com", "email jane+x@example.com; email jane.doe@example.com"},
		{`{"email":"j_d@pm.me"}`, "email:jd@proton.me", "email jd@proton.me"},
		{`{"email":"jane@hotmail.com"}`, "email:jane+a@outlook.com", "email jane@hotmail.com; email jane@outlook.com"},
		{`{"email":"no address"}`, "", ""},
		{`{"email":"+@gmail.com"}`, "", ""},
		{`{"phone":"+41 (0)79 123 45 67"}`, "", "phone +41791234567"},
		{`{"phone":"079 123 45 67","address":{"country":"ch"}}`, "", "phone +41791234567"},
		{`{"phone":"0041791234567","country":"CH"}`, "phone:+41791234567", "phone +41791234567"},
		{`{"phone":"079 123-45-67"}`, "", "phone 0791234567"},
		{`{"phone":41791234567}`, "", "phone 41791234567"},
		{`{"phone":"0000000000"}`, "", ""},
		{`{"phone":"12","mobile":"call me"}`, "", ""},
		{`{"phone":"+1 234"}`, "", ""},
		{`{"name":"Zoë  Müller","address":{"postalCode":"8001"}}`, "", "name_postcode muller zoe|8001"},
		{`{"lastName":"MULLER","firstName":"Zoe","zip":8001}`, "", "name_postcode muller zoe|8001"},
		{`{"name":"Anne-Marie O'Neill","address":{"postal_code":"sw1a 1aa"}}`, "", "name_postcode anne marie neill o|SW1A1AA"},
		{`{"name":"Zoe","zip":"8001"}`, "", ""},
		{`{"name":"Zoe Muller"}`, "", ""},
		{`{"name":{"first":"Zoe"},"address":"Main Street","phone":true,"email":null}`, "", ""},
	} {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal([]byte(c.traits), &fields); err != nil {
			t.Fatal(err)
		}
		var news []profile.Trait
		for name, v := range fields {
			news = append(news, profile.Trait{Name: name, Value: v})
		}
		traits, _ := profile.Traits(nil).Apply(news)
		var ids []identity.ID
		for _, id := range strings.Fields(c.ids) {
			k, v, _ := strings.Cut(id, ":")
			ids = append(ids, identity.ID{Type: k, Value: v})
		}
		var got []string
		for _, s := range Signs(ids, traits) {
			got = append(got, fmt.Sprint(s.Kind, " ", s.Value))
		}
		if g := strings.Join(got, "; "); g != c.want {
			t.Errorf("%s %s: %q, want %q", c.traits, c.ids, g, c.want)
		}
		for name := range fields {
			if !signTrait(name) {
				t.Errorf("a change of %s would not be seen", name)
			}
		}
	}
}

func TestSignsAreBounded(t *testing.T) {
	var ids []identity.ID
	for i := range 1000 {
		ids = append(ids, identity.ID{Type: "email", Value: fmt.Sprint("a", i, "@example.com")})
	}
	ids = append(ids, identity.ID{Type: "email", Value: strings.Repeat("a", 1000) + "@example.com"})
	signs := Signs(ids, nil)
	if len(signs) != mostSigns || !slices.IsSortedFunc(signs, func(a, b Sign) int { return strings.Compare(a.Value, b.Value) }) {
		t.Errorf("%d signs", len(signs))
	}
}
