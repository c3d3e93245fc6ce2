package identity_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
)

// drawMessage draws a message of any call with IDs in any of the places, some
// under one value, some empty.
func drawMessage(t *rapid.T) event.Message {
	value := func(place string) string {
		return rapid.SampledFrom([]string{"", "", "", "a", "B", " b ", "null", "x@Y.z", "0"}).Draw(t, place)
	}
	object := func(place string) []byte {
		m := map[string]any{}
		for _, key := range []string{"app_id", "appId", "phone", "email", "other"} {
			if v := value(place + "." + key); v != "" {
				m[key] = v
			}
		}
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	m := event.Message{
		Type:   event.Type(rapid.IntRange(int(event.Identify), int(event.Alias)).Draw(t, "call")),
		Name:   rapid.SampledFrom([]string{"", "Signed Up", "Invitation Sent"}).Draw(t, "name"),
		UserID: value("userId"), AnonymousID: value("anonymousId"), GroupID: value("groupId"),
		ContextGroupID: value("context.groupId"), PreviousID: value("previousId"),
		TraitsEmail: value("traits.email"), ContextTraitsEmail: value("context.traits.email"), PropertiesEmail: value("properties.email"),
		GAClientID: value("clientId"), CrossDomainID: value("crossDomainId"), BrazeID: value("braze_id"),
		Device: event.Device{
			Type: rapid.SampledFrom([]string{"", "ios", "android", "tvos"}).Draw(t, "device"),
			ID:   value("device.id"), AdvertisingID: value("advertisingId"), Token: value("token"),
			AdTrackingEnabled: rapid.Bool().Draw(t, "tracking"),
		},
		Traits: object("traits"), ContextTraits: object("context.traits"), Properties: object("properties"),
	}
	for range rapid.IntRange(0, 6).Draw(t, "externalIds") {
		m.ExternalIDs = append(m.ExternalIDs, event.ExternalID{
			Type: rapid.SampledFrom([]string{"phone", "email", "user_id", "app_id", "crm"}).Draw(t, "type"), ID: value("id"),
			Collection: rapid.SampledFrom([]string{"users", "accounts"}).Draw(t, "collection"),
		})
	}
	return m
}

// wellFormed checks what holds of every promotion.
func wellFormed(p identity.Promotion) string {
	for _, ids := range [][]identity.ID{p.Users, p.Accounts} {
		if ids != nil && len(ids) == 0 {
			return "an empty list that is not nil"
		}
		for i, id := range ids {
			switch {
			case i > 0 && ids[i-1].Compare(id) >= 0:
				return "not distinct or out of order at " + id.String()
			case id.Type == "" || id.Value == "" || id.Value != strings.TrimSpace(id.Value):
				return "an empty or untrimmed ID " + id.String()
			case id.Type == "email" && id.Value != strings.ToLower(id.Value):
				return "not in lower case " + id.String()
			case strings.Contains(id.Type, ":") || len(id.Type)+len(id.Value) > identity.MaxIDBytes:
				return "an ID that must not be promoted " + id.String()
			}
		}
	}
	if len(p.Users)+len(p.Accounts) > identity.MaxPromoted {
		return "more IDs than allowed"
	}
	return ""
}

var customTypes = []identity.Identifier{{Type: "app_id", Key: "app_id"}, {Type: "phone", Key: "phone"}}

func TestPromoteIsWellFormed(t *testing.T) {
	rs := compile(t, identity.Rules{Identifiers: customTypes, Alias: "link"})
	rapid.Check(t, func(t *rapid.T) {
		m := drawMessage(t)
		p := rs.Promote(&m, "web")
		if wrong := wellFormed(p); wrong != "" || p.LeftOut != nil {
			t.Fatalf("%s; left out %v", wrong, p.LeftOut)
		}
		// The order of externalIds says nothing.
		slices.Reverse(m.ExternalIDs)
		if q := rs.Promote(&m, "web"); !reflect.DeepEqual(p, q) {
			t.Fatalf("%s and, reversed, %s", written(p), written(q))
		}
	})
}

// TestValueRulesChangeNoPromotion: a strand's hash must not depend on blocked
// values, limits, order or the place in the list.
func TestValueRulesChangeNoPromotion(t *testing.T) {
	plain := compile(t, identity.Rules{Identifiers: customTypes})
	rapid.Check(t, func(t *rapid.T) {
		ids := append(slices.Clone(customTypes), identity.Identifier{Type: "email"}, identity.Identifier{Type: "crm"}, identity.Identifier{Type: "anonymous_id"})
		for i := range ids {
			ids[i].Limit = rapid.IntRange(0, 3).Draw(t, "limit")
			ids[i].Blocked = rapid.SliceOfN(rapid.SampledFrom([]string{"a", "B", "null"}), 0, 2).Draw(t, "blocked")
		}
		rs, err := identity.Compile(identity.Rules{
			Order:          rapid.SampledFrom([]string{"", "arrival"}).Draw(t, "order"),
			MaxIdentifiers: rapid.IntRange(0, 5).Draw(t, "cap"),
			Defaults:       &identity.Defaults{Limit: 2, Blocked: identity.Blocklist{"x@y.z"}},
			Identifiers:    rapid.Permutation(ids).Draw(t, "identifiers"),
		})
		if err != nil {
			t.Fatal(err)
		}
		m := drawMessage(t)
		if a, b := plain.Promote(&m, "web"), rs.Promote(&m, "web"); !reflect.DeepEqual(a, b) {
			t.Fatalf("%s became %s", written(a), written(b))
		}
	})
}

// TestExclusionsOnlyTake: an exclusion takes all IDs of its type from where it
// holds, and nothing else from anywhere.
func TestExclusionsOnlyTake(t *testing.T) {
	all := compile(t, identity.Rules{Identifiers: customTypes})
	rapid.Check(t, func(t *rapid.T) {
		x := identity.Exclusion{
			Type:   rapid.SampledFrom([]string{"email", "user_id", "app_id", "phone", "group_id", "ios.id", "nothing"}).Draw(t, "excluded"),
			Event:  rapid.SampledFrom([]string{"", "Signed Up", "identify", "Page Viewed"}).Draw(t, "event"),
			Source: rapid.SampledFrom([]string{"", "web", "shop"}).Draw(t, "source"),
		}
		if x.Event == "" && x.Source == "" {
			x.Source = "web"
		}
		rs, err := identity.Compile(identity.Rules{Identifiers: customTypes, Exclude: []identity.Exclusion{x}})
		if err != nil {
			t.Fatal(err)
		}
		m := drawMessage(t)
		source := rapid.SampledFrom([]string{"web", "shop"}).Draw(t, "from")
		isEvent := x.Event == "" ||
			x.Event == "identify" && m.Type == event.Identify ||
			x.Event == "Page Viewed" && m.Type == event.Page ||
			x.Event == m.Name && (m.Type == event.Track || m.Type == event.Page || m.Type == event.Screen)
		want := all.Promote(&m, source)
		if isEvent && (x.Source == "" || x.Source == source) {
			gone := func(id identity.ID) bool { return id.Type == x.Type }
			want.Users, want.Accounts = without(want.Users, gone), without(want.Accounts, gone)
		}
		if got := rs.Promote(&m, source); !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v on %s %q from %s: got %s, want %s", x, m.Type, m.Name, source, written(got), written(want))
		}
	})
}

func without(ids []identity.ID, gone func(identity.ID) bool) []identity.ID {
	if ids = slices.DeleteFunc(ids, gone); len(ids) == 0 {
		return nil
	}
	return ids
}

// FuzzPromote gives whatever the parser lets through.
func FuzzPromote(f *testing.F) {
	for _, body := range []string{
		`{"type":"identify","userId":" u ","traits":{"email":"A@B.c","app_id":1,"appId":"x","phone":"\u0031"}}`,
		`{"type":"group","groupId":"g","anonymousId":"a","traits":{"app_id":"x"},"context":{"traits":{"phone":"1"},"groupId":"h"}}`,
		`{"type":"alias","userId":"u","previousId":"p"}`,
		`{"type":"screen","context":{"device":{"type":"iOS","id":"D","token":"T","advertisingId":"A","adTrackingEnabled":true}}}`,
		`{"type":"page","context":{"externalIds":[{"id":"1","type":"a:B","collection":"users","encoding":"none"},{"id":"\u0130@x","type":"EMAIL","collection":"accounts","encoding":"none"}]}}`,
		`{"type":"track","event":"Invitation Sent","userId":"u","properties":{"email":"f@x.com"}}`,
	} {
		f.Add([]byte(body))
	}
	rs := compile(f, identity.Rules{Identifiers: customTypes, Alias: "link", Exclude: []identity.Exclusion{{Type: "email", Event: "Invitation Sent"}}})
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := event.Parse(body, event.Envelope{ReceivedAt: 1e18})
		if err != nil {
			return
		}
		p := rs.Promote(&m, "web")
		if wrong := wellFormed(p); wrong != "" {
			t.Fatalf("%s: %s", body, wrong)
		}
		for _, id := range append(p.Users, p.Accounts...) {
			rs.Blocked(id)
		}
	})
}
