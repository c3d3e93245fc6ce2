package identity_test

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/selfsame-id/selfsame/internal/identity"
)

func TestBlocked(t *testing.T) {
	long := strings.Repeat("x", 200)
	for _, c := range []struct{ rules, blocked, free string }{
		{``,
			"user_id:-1 user_id:null anonymous_id:anonymous email:null user_id:NULL phone:undefined x:nil x:None x:NaN x:true x:false x:guest x:unknown x:distinct_id " +
				"ios.idfa:00000000-0000-0000-0000-000000000000 x:0 x:- email:none email:nan",
			"user_id:Nan user_id:Null user_id:1 user_id:none user_id:Anonymous user_id:-10 x:0a x:guest1 x:Guest email:guest@x.com"},
		{`defaults: {blocked: [nobody]}`, "user_id:nobody x:000", "user_id:null user_id:guest user_id:Nobody"},
		{`defaults: {blocked_patterns: ["^test-"]}`, "user_id:test-1 x:null", "x:000 x:a-test-1"},
		{`defaults: {blocked: [], blocked_patterns: []}`, "", "x:000 x:null user_id:-1"},
		{`identifiers: [{type: anonymous_id, blocked: [test], blocked_patterns: ["bot"]}]`,
			"anonymous_id:test anonymous_id:a-robot anonymous_id:null anonymous_id:0000 user_id:null",
			"user_id:test user_id:robot anonymous_id:tests"},
		{`{defaults: {blocked: [nobody]}, identifiers: [{type: x, blocked: [test]}]}`, "x:nobody x:test y:nobody", "x:null y:test"},
		{`identifiers: [{type: email, blocked: [" Test@Example.com "], blocked_patterns: ["@Example\\.org$"]}]`,
			"email:test@example.com email:jane@example.org email:null email:none", "email:jane@example.com x:test@example.com"},
		{`{defaults: {blocked: [Shared], blocked_patterns: ["^Kiosk"]}}`, "email:shared email:kiosk-1 x:Shared x:Kiosk-1", "x:shared x:kiosk-1"},
		{`{defaults: {blocked: [` + long + `]}}`, "x:" + long, "x:" + long + "x"},
	} {
		rs := compile(t, read(t, c.rules))
		for want, list := range map[bool]string{true: c.blocked, false: c.free} {
			for _, one := range strings.Fields(list) {
				idType, value, _ := strings.Cut(one, ":")
				if rs.Blocked(identity.ID{Type: idType, Value: value}) != want {
					t.Errorf("%s\n%s: blocked is not %v", c.rules, one, want)
				}
			}
		}
	}
	if !compile(t, identity.Rules{}).Blocked(identity.ID{Type: "user_id", Value: "[object Object]"}) {
		t.Error("[object Object] is not blocked")
	}
}

// TestZeroesPattern: the short way around the built-in pattern leads to the same
// place as a pattern that means it and is written otherwise.
func TestZeroesPattern(t *testing.T) {
	fast := compile(t, identity.Rules{})
	slow := regexp.MustCompile(`^[0-]*$`)
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.StringMatching(`[0-]{0,3}[0a\n-]{0,2}[0-]{1,3}`).Draw(t, "value")
		if v == "-1" {
			return
		}
		if got := fast.Blocked(identity.ID{Type: "user_id", Value: v}); got != slow.MatchString(v) {
			t.Fatalf("%q: %v", v, got)
		}
	})
}
