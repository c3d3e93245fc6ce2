package space_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/overrides"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

// gone checks that nobody is found under an ID.
func gone(t *testing.T, s *space.Space, ref space.Ref) {
	t.Helper()
	if v, err := query.New(s).Profile(t.Context(), ref); !errors.Is(err, space.ErrNotFound) {
		t.Errorf("%s:%s is of %+v, %v", ref.Type, ref.Value, v, err)
	}
}

// has checks the traits and the number of events of whoever an ID belongs to.
func has(t *testing.T, s *space.Space, ref space.Ref, want string) query.Profile {
	t.Helper()
	v, err := query.New(s).Profile(t.Context(), ref)
	if err != nil {
		t.Errorf("%s:%s: %v", ref.Type, ref.Value, err)
		return v
	}
	events, err := query.New(s).CountEvents(t.Context(), ref, 100)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, id := range v.Identifiers {
		got = append(got, id.Type+":"+id.Value)
	}
	for _, tr := range v.Traits {
		got = append(got, fmt.Sprintf("%s=%s", tr.Name, tr.Value))
	}
	if text := fmt.Sprintf("%s, %d events", strings.Join(got, " "), events); text != want {
		t.Errorf("%s:%s has\n%s\nwant\n%s", ref.Type, ref.Value, text, want)
	}
	return v
}

// Whoever loses an address keeps what their other IDs carry, and so it stays for
// events to come, until the address is given back.
func TestIsolatedAddressLeavesThePerson(t *testing.T) {
	for _, order := range []string{"", "arrival"} {
		t.Run("order "+order, func(t *testing.T) {
			s := newSpace(t, space.Config{Rules: &identity.Rules{Order: order}})
			ingest(t, s,
				`{"type":"identify","messageId":"1","anonymousId":"c1","traits":{"email":"ann@shop.com","name":"Ann"},"timestamp":"2020-01-01T00:00:00Z"}`,
				`{"type":"track","event":"Looked","messageId":"2","anonymousId":"c1","timestamp":"2020-01-02T00:00:00Z"}`,
				`{"type":"track","event":"Opened","messageId":"3","properties":{"email":"ann@shop.com"},"context":{"externalIds":[{"id":"b1","type":"braze_id","collection":"users","encoding":"none"}]},"timestamp":"2020-01-03T00:00:00Z"}`)
			cookie, address, braze := user("anonymous_id", "c1"), user("email", "ann@shop.com"), user("braze_id", "b1")
			was := has(t, s, cookie, `anonymous_id:c1 email:ann@shop.com braze_id:b1 email="ann@shop.com" name="Ann", 3 events`)
			g := apply(t, s, overrides.Undo{Kind: codec.Isolate, IDs: ids("email:ann@shop.com"), Profile: address})
			verify(t, s)
			gone(t, s, address)
			if v := has(t, s, cookie, `anonymous_id:c1 email="ann@shop.com" name="Ann", 2 events`); v.ID != was.ID {
				t.Errorf("the visitor is %s now, and was %s", v.ID, was.ID)
			}
			has(t, s, braze, `braze_id:b1, 1 events`)

			ingest(t, s,
				`{"type":"identify","messageId":"4","anonymousId":"c1","traits":{"email":"ann@shop.com","plan":"pro"},"timestamp":"2020-01-04T00:00:00Z"}`,
				`{"type":"identify","messageId":"5","anonymousId":"c2","traits":{"email":"ann@shop.com"},"timestamp":"2019-01-04T00:00:00Z"}`)
			verify(t, s)
			gone(t, s, address)
			has(t, s, cookie, `anonymous_id:c1 email="ann@shop.com" name="Ann" plan="pro", 3 events`)
			has(t, s, user("anonymous_id", "c2"), `anonymous_id:c2 email="ann@shop.com", 1 events`)

			apply(t, s, overrides.Undo{Remove: g.Override.ID})
			verify(t, s)
			v := has(t, s, address, `anonymous_id:c2 email:ann@shop.com anonymous_id:c1 braze_id:b1 email="ann@shop.com" name="Ann" plan="pro", 5 events`)
			if v.ID != was.ID {
				t.Errorf("taken back it is %s, and was %s", v.ID, was.ID)
			}
		})
	}
}

// What hung on an address alone is of nobody; the profile comes back with it.
func TestIsolatedAloneRetiresAndRevives(t *testing.T) {
	s := newSpace(t, space.Config{})
	ingest(t, s,
		`{"type":"track","event":"Opened","messageId":"1","properties":{"email":"ann@shop.com"},"context":{"externalIds":[{"id":"ann@shop.com","type":"email","collection":"users","encoding":"none"}]},"timestamp":"2020-01-01T00:00:00Z"}`,
		`{"type":"identify","messageId":"2","anonymousId":"c1","traits":{"email":"ann@shop.com"},"timestamp":"2020-01-02T00:00:00Z"}`)
	was := has(t, s, user("email", "ann@shop.com"), `email:ann@shop.com anonymous_id:c1 email="ann@shop.com", 2 events`)
	g := apply(t, s, overrides.Undo{Kind: codec.Isolate, IDs: ids("email:ann@shop.com")})
	if g.Unresolved != 1 {
		t.Errorf("%d events are said to be of nobody", g.Unresolved)
	}
	verify(t, s)
	// The profile goes on with the cookie, although its founding strand is nobody's.
	if v := has(t, s, user("anonymous_id", "c1"), `anonymous_id:c1 email="ann@shop.com", 1 events`); v.ID != was.ID {
		t.Errorf("the visitor is %s, and was %s", v.ID, was.ID)
	}
	other := apply(t, s, overrides.Undo{Kind: codec.Isolate, IDs: ids("anonymous_id:c1")})
	verify(t, s)
	gone(t, s, user("anonymous_id", "c1"))
	gone(t, s, user("segment_id", was.ID))
	if st := s.Stats(); st.Profiles != 0 {
		t.Errorf("%d profiles are left", st.Profiles)
	}
	apply(t, s, overrides.Undo{Remove: g.Override.ID})
	verify(t, s)
	if v := has(t, s, user("email", "ann@shop.com"), `email:ann@shop.com email="ann@shop.com", 2 events`); v.ID != was.ID {
		t.Errorf("the profile lives again as %s, and was %s", v.ID, was.ID)
	}
	apply(t, s, overrides.Undo{Remove: other.Override.ID})
	verify(t, s)
}

// The shop's own address, that all visitors carry, does not gather them.
func TestIsolatedShopAddress(t *testing.T) {
	s := newSpace(t, space.Config{})
	const visitors = 40
	for i := range visitors {
		ingest(t, s,
			fmt.Sprintf(`{"type":"identify","messageId":"i%d","anonymousId":"v%d","traits":{"email":"info@shop.com","n":%d},"timestamp":"2020-01-01T00:00:%02dZ"}`, i, i, i, i%60),
			fmt.Sprintf(`{"type":"track","event":"Looked","messageId":"t%d","anonymousId":"v%d","timestamp":"2020-01-02T00:00:%02dZ"}`, i, i, i%60))
	}
	before := partition(t, s, visitorLines(visitors))
	g := apply(t, s, overrides.Undo{Kind: codec.Isolate, IDs: ids("email:info@shop.com")})
	verify(t, s)
	gone(t, s, user("email", "info@shop.com"))
	seen := map[string]bool{}
	for i := range visitors {
		v := has(t, s, user("anonymous_id", fmt.Sprint("v", i)), fmt.Sprintf(`anonymous_id:v%d email="info@shop.com" n=%d, 2 events`, i, i))
		if seen[v.ID] {
			t.Errorf("two visitors are %s", v.ID)
		}
		seen[v.ID] = true
	}
	apply(t, s, overrides.Undo{Remove: g.Override.ID})
	verify(t, s)
	if after := partition(t, s, visitorLines(visitors)); after != before {
		t.Errorf("taken back it is\n%s\nit was\n%s", after, before)
	}
}

// untilWhen is the last event of a summary.
var untilWhen = regexp.MustCompile(` to \S+`)

// An address of thousands of visitors is let go in the background, while events
// come and over a restart, and is given back in the same way.
func TestIsolateOfVeryMany(t *testing.T) {
	t.Parallel()
	for _, order := range []string{"", "arrival"}[:seeds(2)] {
		t.Run("order "+order, func(t *testing.T) {
			t.Parallel()
			disk := pebbleDisk()
			if raced { // Pebble's own checks would take most of the time
				disk = memoryDisk()
			}
			store := disk(t)
			cfg := space.Config{Rules: &identity.Rules{Order: order}}
			s := openSpace(t, store, cfg)
			const visitors = 1200
			var lines []string
			for i := range visitors {
				lines = append(lines,
					fmt.Sprintf(`{"type":"identify","messageId":"i%d","anonymousId":"v%d","traits":{"email":"info@shop.com","n":%d},"timestamp":"2020-01-01T%02d:%02d:00Z"}`, i, i, i, i/60%24, i%60),
					fmt.Sprintf(`{"type":"track","event":"Looked","messageId":"t%d","anonymousId":"v%d","timestamp":"2020-01-02T%02d:%02d:00Z"}`, i, i, i/60%24, i%60))
			}
			ingest(t, s, lines...)
			before := partition(t, s, visitorLines(50))
			u := overrides.Undo{Kind: codec.Isolate, Collection: identity.Users, IDs: ids("email:info@shop.com")}
			foreseen, err := overrides.New(s).PreviewUndo(t.Context(), u)
			if err != nil || !foreseen.Applying || order == "" && len(foreseen.After) != visitors {
				t.Fatalf("the preview: %v, %d profiles, %v", foreseen.Applying, len(foreseen.After), err)
			}
			g, err := overrides.New(s).ApplyUndo(t.Context(), u)
			if err != nil || !g.Applied || !g.Applying || len(g.After) != len(foreseen.After) {
				t.Fatalf("%v %v, %d profiles, %v", g.Applied, g.Applying, len(g.After), err)
			}
			gone(t, s, user("email", "info@shop.com"))
			ingest(t, s, `{"type":"identify","messageId":"new","anonymousId":"new","traits":{"email":"info@shop.com"},"timestamp":"2020-01-03T00:00:00Z"}`)
			if err := s.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			store.Close()
			store = disk(t)
			s = openSpace(t, store, cfg)
			defer func() {
				s.Close(t.Context())
				store.Close()
			}()
			await(t, s)
			verify(t, s)
			gone(t, s, user("email", "info@shop.com"))
			for _, i := range []int{0, 1, visitors / 2, visitors - 1} {
				has(t, s, user("anonymous_id", fmt.Sprint("v", i)), fmt.Sprintf(`anonymous_id:v%d email="info@shop.com" n=%d, 2 events`, i, i))
			}
			has(t, s, user("anonymous_id", "new"), `anonymous_id:new email="info@shop.com", 1 events`)
			if st := s.Stats(); st.Profiles != visitors+1 {
				t.Errorf("%d profiles, want %d", st.Profiles, visitors+1)
			}
			if page, err := query.New(s).Insights(t.Context(), query.InsightQuery{Reason: "override: " + g.Override.ID, Limit: 10}); err != nil || len(page.Insights) == 0 {
				t.Errorf("nothing is put down to the override: %v", err)
			}
			if _, err := overrides.New(s).ApplyUndo(t.Context(), overrides.Undo{Remove: g.Override.ID}); err != nil {
				t.Fatal(err)
			}
			await(t, s)
			verify(t, s)
			if after := partition(t, s, visitorLines(50)); untilWhen.ReplaceAllString(after, "") != untilWhen.ReplaceAllString(before, "") {
				t.Errorf("taken back it is\n%s\nit was\n%s", after, before)
			}
		})
	}
}

func visitorLines(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf(`{"type":"track","event":"E","anonymousId":"v%d"}`, i))
	}
	return out
}

// A profile is not left without an ID, nor without what stands for a person.
func TestLastIDIsKept(t *testing.T) {
	s := newSpace(t, space.Config{})
	ingest(t, s,
		`{"type":"identify","messageId":"1","anonymousId":"c1","traits":{"email":"ann@shop.com"},"timestamp":"2020-01-01T00:00:00Z"}`,
		`{"type":"identify","messageId":"2","userId":"u1","anonymousId":"c2","timestamp":"2020-01-02T00:00:00Z"}`,
		`{"type":"group","messageId":"3","userId":"u1","groupId":"g1","context":{"externalIds":[{"id":"d1","type":"domain","collection":"accounts","encoding":"none"}]},"timestamp":"2020-01-02T00:00:00Z"}`)
	for _, c := range []struct {
		of   space.Ref
		ids  []identity.ID
		says string // "": it is done
	}{
		{user("anonymous_id", "c1"), ids("anonymous_id:c1", "email:ann@shop.com"), "no other identifier"},
		{user("user_id", "u1"), ids("user_id:u1"), "last user_id"},
		{space.Ref{Collection: identity.Accounts, Type: "group_id", Value: "g1"}, ids("group_id:g1"), "last group_id"},
		{user("user_id", "u1"), ids("anonymous_id:c2"), ""},
		{user("anonymous_id", "c1"), ids("email:ann@shop.com"), ""},
		{user("anonymous_id", "c1"), ids("anonymous_id:c1"), "no other identifier"},
		{user("anonymous_id", "c1"), ids("email:ann@shop.com"), "not found"},
	} {
		_, err := overrides.New(s).ApplyUndo(t.Context(), overrides.Undo{Kind: codec.Isolate, Collection: c.of.Collection, IDs: c.ids, Profile: c.of})
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%v off %s: %v, want %q", c.ids, c.of.Value, err, c.says)
		}
	}
	verify(t, s)
}
