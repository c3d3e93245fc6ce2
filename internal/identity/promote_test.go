package identity_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
)

// compile makes the ruleset of rules that must be right.
func compile(t testing.TB, r identity.Rules) *identity.Ruleset {
	t.Helper()
	rs, err := identity.Compile(r)
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

// promoted parses a message and writes what it says about who it is: users, then
// accounts after a bar.
func promoted(t testing.TB, rs *identity.Ruleset, source, body string) string {
	t.Helper()
	m, err := event.Parse([]byte(body), event.Envelope{ReceivedAt: 1e18})
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return written(rs.Promote(&m, source))
}

func written(p identity.Promotion) string {
	var b strings.Builder
	for i, id := range p.Users {
		if i > 0 {
			b.WriteString(" ")
		}
		b.WriteString(id.String())
	}
	for i, id := range p.Accounts {
		if i == 0 {
			b.WriteString(" |")
		}
		b.WriteString(" " + id.String())
	}
	return strings.TrimPrefix(b.String(), " ")
}

// TestPromoteRows has each place of Segment's "Identity Resolution ExternalIDs"
// with its conditions, under no rules but two custom types' keys.
func TestPromoteRows(t *testing.T) {
	rs := compile(t, identity.Rules{Identifiers: []identity.Identifier{{Type: "app_id", Key: "app_id"}, {Type: "crm", Key: "crmNumber"}, {Type: "loose"}}})
	for _, c := range []struct{ what, body, want string }{
		{"user_id and anonymous_id, on every call",
			`{"type":"track","event":"E","userId":"u","anonymousId":"a"}`, "anonymous_id:a user_id:u"},
		{"page", `{"type":"page","userId":"u","anonymousId":"a"}`, "anonymous_id:a user_id:u"},
		{"screen", `{"type":"screen","anonymousId":"a"}`, "anonymous_id:a"},
		{"a whole number is one ID however it is written", `{"type":"page","userId":4.2e1,"anonymousId":42.0,"context":{"groupId":42,"device":{"type":"ios","id":420e-1,"token":4.2E+1},
			"externalIds":[{"id":-42.0,"type":"t","collection":"users","encoding":"none"}]},"properties":{"app_id":42.00}}`,
			"anonymous_id:42 app_id:42 ios.id:42 ios.push_token:42 t:-42 user_id:42 | group_id:42"},
		{"another number is an ID as it is written", `{"type":"page","userId":4.25e1,"anonymousId":1e9999999}`, "anonymous_id:1e9999999 user_id:4.25e1"},
		{"what nobody sees is trimmed", `{"type":"identify","userId":"\ufeffu\u200b","anonymousId":"\u2060","traits":{"email":"\u200bJ@x.com\ufeff"},"context":{"groupId":"\ufeff g",
			"device":{"type":"ios","id":"d\u00ad"},"externalIds":[{"id":"\u200d1","type":"\ufefft","collection":"users","encoding":"none"}],"traits":{"app_id":"a\u200b","email":"j@x.com"}}}`,
			"app_id:a email:j@x.com ios.id:d t:1 user_id:u | group_id:g"},
		{"values are trimmed and keep their case", `{"type":"page","userId":" Jane\t","anonymousId":"  "}`, "user_id:Jane"},

		{"email in the traits of identify", `{"type":"identify","userId":"u","traits":{"email":" JaneDoe@Example.COM "}}`, "email:janedoe@example.com user_id:u"},
		{"not in the traits of another call", `{"type":"track","event":"E","userId":"u","traits":{"email":"j@x.com"}}`, "user_id:u"},
		{"not in the traits of a group call", `{"type":"group","userId":"u","groupId":"g","traits":{"email":"info@acme.com"}}`, "user_id:u | group_id:g"},
		{"email in context.traits of any call", `{"type":"track","event":"E","context":{"traits":{"email":"J@x.com"}}}`, "email:j@x.com"},
		{"context.traits of a group call are the user's", `{"type":"group","userId":"u","groupId":"g","context":{"traits":{"email":"J@x.com","app_id":7}}}`, "app_id:7 email:j@x.com user_id:u | group_id:g"},
		{"email in properties", `{"type":"track","event":"E","userId":"u","properties":{"email":"J@x.com"}}`, "email:j@x.com user_id:u"},
		{"several addresses, one twice", `{"type":"identify","userId":"u","traits":{"email":"a@x.com"},"context":{"traits":{"email":"A@x.com"}},"properties":{"email":"b@x.com"}}`, "email:a@x.com email:b@x.com user_id:u"},
		{"an email that is no text", `{"type":"identify","userId":"u","traits":{"email":{"a":1}},"context":{"traits":{"email":null}}}`, "user_id:u"},
		{"Email is another trait", `{"type":"identify","userId":"u","traits":{"Email":"a@x.com"}}`, "user_id:u"},

		{"ios.id", `{"type":"screen","context":{"device":{"id":"D","type":"ios"}}}`, "ios.id:D"},
		{"android.id, in any case", `{"type":"screen","context":{"device":{"id":"D","type":"Android"}}}`, "android.id:D"},
		{"iOS, in any case", `{"type":"screen","context":{"device":{"id":"D","type":"iOS"}}}`, "ios.id:D"},
		{"another device", `{"type":"screen","userId":"u","context":{"device":{"id":"D","type":"tvos","token":"T","advertisingId":"A","adTrackingEnabled":true}}}`, "user_id:u"},
		{"a device without type", `{"type":"screen","userId":"u","context":{"device":{"id":"D"}}}`, "user_id:u"},
		{"ios.idfa with leave to track", `{"type":"screen","context":{"device":{"type":"ios","advertisingId":"A","adTrackingEnabled":true}}}`, "ios.idfa:A"},
		{"android.idfa with leave to track", `{"type":"screen","context":{"device":{"type":"android","advertisingId":"A","adTrackingEnabled":true}}}`, "android.idfa:A"},
		{"no idfa without", `{"type":"screen","userId":"u","context":{"device":{"type":"ios","advertisingId":"A"}}}`, "user_id:u"},
		{"nor when it is refused", `{"type":"screen","userId":"u","context":{"device":{"type":"ios","advertisingId":"A","adTrackingEnabled":false}}}`, "user_id:u"},
		{"nor for the word true", `{"type":"screen","userId":"u","context":{"device":{"type":"android","advertisingId":"A","adTrackingEnabled":"true"}}}`, "user_id:u"},
		{"ios.push_token", `{"type":"screen","context":{"device":{"type":"ios","token":"T"}}}`, "ios.push_token:T"},
		{"android.push_token", `{"type":"screen","context":{"device":{"type":"android","token":"T","adTrackingEnabled":false}}}`, "android.push_token:T"},
		{"a device with all", `{"type":"screen","context":{"device":{"type":"ios","id":"D","token":"T","advertisingId":"A","adTrackingEnabled":true}}}`, "ios.id:D ios.idfa:A ios.push_token:T"},

		{"ga_client_id", `{"type":"page","context":{"integrations":{"Google Analytics":{"clientId":"1.2"}}}}`, "ga_client_id:1.2"},
		{"not of another integration", `{"type":"page","userId":"u","context":{"integrations":{"GA4":{"clientId":"1.2"}}}}`, "user_id:u"},
		{"not in integrations beside context", `{"type":"page","userId":"u","integrations":{"Google Analytics":{"clientId":"1.2"}}}`, "user_id:u"},
		{"cross_domain_id", `{"type":"page","context":{"traits":{"crossDomainId":"x"}}}`, "cross_domain_id:x"},
		{"not in traits", `{"type":"identify","userId":"u","traits":{"crossDomainId":"x"}}`, "user_id:u"},
		{"braze_id", `{"type":"page","context":{"Braze":{"braze_id":"b"}}}`, "braze_id:b"},
		{"not in small letters", `{"type":"page","userId":"u","context":{"braze":{"braze_id":"b"}}}`, "user_id:u"},

		{"group_id of a group call", `{"type":"group","groupId":"g","anonymousId":"a"}`, "anonymous_id:a | group_id:g"},
		{"group_id of context", `{"type":"track","event":"E","userId":"u","context":{"groupId":" g "}}`, "user_id:u | group_id:g"},
		{"both", `{"type":"group","groupId":"g","userId":"u","context":{"groupId":"h"}}`, "user_id:u | group_id:g group_id:h"},
		{"groupId at the top of another call", `{"type":"track","event":"E","userId":"u","groupId":"g"}`, "user_id:u"},

		{"external IDs", `{"type":"page","context":{"externalIds":[
			{"id":"1","type":"Phone","collection":"users","encoding":"none"},
			{"id":"2","type":"crm_account","collection":"accounts","encoding":"none"},
			{"id":"A@X.com","type":"email","collection":"users","encoding":"none"}]}}`, "email:a@x.com phone:1 | crm_account:2"},
		{"one type:value in both collections", `{"type":"page","context":{"externalIds":[
			{"id":"1","type":"t","collection":"users","encoding":"none"},
			{"id":"1","type":"t","collection":"accounts","encoding":"none"}]}}`, "t:1 | t:1"},
		{"incomplete ones", `{"type":"page","userId":"u","context":{"externalIds":[
			{"type":"phone","collection":"users","encoding":"none"},
			{"id":"1","collection":"users","encoding":"none"},
			{"id":"1","type":"phone","encoding":"none"},
			{"id":"1","type":"phone","collection":"users"},
			{"id":"1","type":"phone","collection":"users","encoding":"base64"},
			{"id":"1","type":"phone","collection":"Users","encoding":"none"},
			{"id":"  ","type":"phone","collection":"users","encoding":"none"},7]}}`, "user_id:u"},
		{"what userId has too", `{"type":"page","userId":"u","context":{"externalIds":[{"id":"u","type":"user_id","collection":"users","encoding":"none"}]}}`, "user_id:u"},

		{"a custom type in traits", `{"type":"identify","userId":"u","traits":{"app_id":"x"}}`, "app_id:x user_id:u"},
		{"in camelCase, a number", `{"type":"identify","userId":"u","traits":{"appId":42}}`, "app_id:42 user_id:u"},
		{"in context.traits and properties", `{"type":"track","event":"E","userId":"u","context":{"traits":{"app_id":"x"}},"properties":{"appId":"y"}}`, "app_id:x app_id:y user_id:u"},
		{"both forms at once", `{"type":"identify","userId":"u","traits":{"app_id":"x","appId":"y"}}`, "app_id:x app_id:y user_id:u"},
		{"the last of two equal keys", `{"type":"identify","userId":"u","traits":{"app_id":"x","app_id":" y "}}`, "app_id:y user_id:u"},
		{"even when that is null", `{"type":"identify","userId":"u","traits":{"app_id":"x","app_id":null}}`, "user_id:u"},
		{"a key given in camelCase", `{"type":"identify","userId":"u","traits":{"crm_number":1},"context":{"traits":{"crmNumber":2}}}`, "crm:1 crm:2 user_id:u"},
		{"not in a group call's traits", `{"type":"group","userId":"u","groupId":"g","traits":{"app_id":"x"}}`, "user_id:u | group_id:g"},
		{"no text", `{"type":"identify","userId":"u","traits":{"app_id":["x"]},"properties":{"app_id":true,"appId":"  "}}`, "user_id:u"},
		{"not inside other objects", `{"type":"identify","userId":"u","traits":{"a":{"app_id":"x"}}}`, "user_id:u"},
		{"not in another spelling", `{"type":"identify","userId":"u","traits":{"App_Id":"x","appID":"x"}}`, "user_id:u"},
		{"a listed type without a key has no place", `{"type":"identify","userId":"u","traits":{"loose":"x"}}`, "user_id:u"},

		{"alias: its own IDs, not the previous one", `{"type":"alias","userId":"u","anonymousId":"a","previousId":"p"}`, "anonymous_id:a user_id:u"},
		{"blocked values are promoted", `{"type":"page","userId":"null","anonymousId":"a"}`, "anonymous_id:a user_id:null"},
	} {
		t.Run(c.what, func(t *testing.T) {
			if got := promoted(t, rs, "web", c.body); got != c.want {
				t.Errorf("%s\n got %s\nwant %s", c.body, got, c.want)
			}
		})
	}
}

func TestPromoteAliasLink(t *testing.T) {
	rs := compile(t, identity.Rules{Alias: "link"})
	for body, want := range map[string]string{
		`{"type":"alias","userId":"u","anonymousId":"a","previousId":"p"}`: "anonymous_id:a anonymous_id:p user_id:u",
		`{"type":"alias","userId":"u","previousId":"u"}`:                   "anonymous_id:u user_id:u",
		`{"type":"page","userId":"u","previousId":"p"}`:                    "user_id:u",
	} {
		if got := promoted(t, rs, "web", body); got != want {
			t.Errorf("%s\n got %s\nwant %s", body, got, want)
		}
	}
}

func TestPromoteExclusions(t *testing.T) {
	const body = `{"type":"%s","userId":"u","previousId":"p","groupId":"g",%s"context":{"traits":{"email":"a@x.com"}}}`
	const all, without = "email:a@x.com user_id:u", "user_id:u"
	for _, c := range []struct {
		ex           identity.Exclusion
		source       string
		call, fields string
		want         string
	}{
		{identity.Exclusion{Type: "email", Event: "Invitation Sent"}, "web", "track", `"event":"Invitation Sent",`, without},
		{identity.Exclusion{Type: "email", Event: "Invitation Sent"}, "web", "track", `"event":"invitation sent",`, all},
		{identity.Exclusion{Type: "email", Event: "Invitation Sent"}, "web", "track", `"event":"Signed Up",`, all},
		{identity.Exclusion{Type: "email", Event: "Invitation Sent"}, "web", "identify", `"event":"Invitation Sent",`, all},
		{identity.Exclusion{Type: "user_id", Event: "Invitation Sent"}, "web", "track", `"event":"Invitation Sent",`, "email:a@x.com"},
		{identity.Exclusion{Type: "email", Source: "shop"}, "shop", "identify", "", without},
		{identity.Exclusion{Type: "email", Source: "shop"}, "web", "identify", "", all},
		{identity.Exclusion{Type: "email", Event: "E", Source: "shop"}, "shop", "track", `"event":"E",`, without},
		{identity.Exclusion{Type: "email", Event: "E", Source: "shop"}, "web", "track", `"event":"E",`, all},
		{identity.Exclusion{Type: "email", Event: "E", Source: "shop"}, "shop", "track", `"event":"F",`, all},
		{identity.Exclusion{Type: "email", Event: "identify"}, "web", "identify", "", without},
		{identity.Exclusion{Type: "email", Event: "identify"}, "web", "page", "", all},
		{identity.Exclusion{Type: "email", Event: "alias"}, "web", "alias", "", without},
		{identity.Exclusion{Type: "email", Event: "group"}, "web", "group", "", without + " | group_id:g"},
		{identity.Exclusion{Type: "group_id", Event: "group"}, "web", "group", "", all},
		{identity.Exclusion{Type: "email", Event: "Page Viewed"}, "web", "page", `"name":"Home",`, without},
		{identity.Exclusion{Type: "email", Event: "Home"}, "web", "page", `"name":"Home",`, without},
		{identity.Exclusion{Type: "email", Event: "Home"}, "web", "page", `"name":"Shop",`, all},
		{identity.Exclusion{Type: "email", Event: "Screen Viewed"}, "web", "screen", "", without},
		{identity.Exclusion{Type: "email", Event: "Screen Viewed"}, "web", "page", "", all},
	} {
		rs := compile(t, identity.Rules{Exclude: []identity.Exclusion{{Type: "other", Source: "web"}, c.ex}})
		if got := promoted(t, rs, c.source, fmt.Sprintf(body, c.call, c.fields)); got != c.want {
			t.Errorf("%+v, %s %sfrom %s: got %s, want %s", c.ex, c.call, c.fields, c.source, got, c.want)
		}
	}
	rs := compile(t, identity.Rules{Exclude: []identity.Exclusion{{Type: "phone", Source: "web"}}})
	if got := promoted(t, rs, "web", `{"type":"page","userId":"u","context":{"externalIds":[{"id":"1","type":"phone","collection":"users","encoding":"none"}]}}`); got != without {
		t.Errorf("an excluded type from externalIds: %s", got)
	}
}

// TestPromoteBounds: what is too much is handed back, and what comes first stays.
func TestPromoteBounds(t *testing.T) {
	rs := compile(t, identity.Rules{})
	m := event.Message{Type: event.Track, UserID: "u", AnonymousID: strings.Repeat("a", 5000), PropertiesEmail: "a@x.com"}
	for i := range 300 {
		m.ExternalIDs = append(m.ExternalIDs, event.ExternalID{ID: fmt.Sprint(i / 2), Type: "phone", Collection: "users"})
	}
	m.ExternalIDs = append(m.ExternalIDs, event.ExternalID{ID: "1", Type: "a:b", Collection: "accounts"})
	p := rs.Promote(&m, "web")
	if len(p.Users) != identity.MaxPromoted || p.Accounts != nil || !strings.HasPrefix(written(p), "email:a@x.com phone:0 ") || !strings.HasSuffix(written(p), " phone:97 user_id:u") {
		t.Errorf("%d users: %s", len(p.Users), written(p))
	}
	why := map[string]int{}
	for _, l := range p.LeftOut {
		why[l.Why]++
	}
	// 98 numbers fit beside two IDs; 52 are left, each of them there twice.
	if len(p.LeftOut) != 2+2*52 || len(why) != 3 {
		t.Errorf("%d left out: %v", len(p.LeftOut), why)
	}
	if l := p.LeftOut[0]; l.ID.Type != "anonymous_id" || l.Collection != identity.Users {
		t.Errorf("first left out: %v %s", l.Collection, l.ID.Type)
	}
	if l := p.LeftOut[len(p.LeftOut)-1]; l.ID.String() != "a:b:1" || l.Collection != identity.Accounts {
		t.Errorf("last left out: %v %s", l.Collection, l.ID)
	}
}

func TestPromoteNothing(t *testing.T) {
	p := compile(t, identity.Rules{}).Promote(&event.Message{Type: event.Track}, "")
	if p.Users != nil || p.Accounts != nil || p.LeftOut != nil {
		t.Errorf("%+v", p)
	}
}
