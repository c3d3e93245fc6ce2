package space_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

func setRules(t *testing.T, s *space.Space, r identity.Rules) {
	t.Helper()
	if err := s.SetRules(t.Context(), r, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.AwaitRules(t.Context()); err != nil {
		t.Fatal(err)
	}
	verify(t, s)
}

func idOf(t *testing.T, s *space.Space, typ, value string) string {
	t.Helper()
	v, err := query.New(s).Profile(t.Context(), user(typ, value))
	if err != nil {
		t.Fatalf("%s:%s: %v", typ, value, err)
	}
	return v.ID
}

var loyalty = []string{
	`{"type":"track","event":"Paid","messageId":"m1","anonymousId":"till","properties":{"loyaltyCard":"L1"},"timestamp":"2025-01-01T00:00:00Z"}`,
	`{"type":"track","event":"Seen","messageId":"m2","anonymousId":"a2","timestamp":"2025-01-02T00:00:00Z"}`,
	`{"type":"identify","messageId":"m3","anonymousId":"a2","traits":{"loyalty_card":"L1","name":"Ada"},"timestamp":"2025-01-03T00:00:00Z"}`,
	`{"type":"group","messageId":"m4","groupId":"g1","anonymousId":"a2","traits":{"size":4},"timestamp":"2025-01-04T00:00:00Z"}`,
}

// Rules that begin to look for a loyalty card find it in what is stored, merge
// whom it ties together, and take it all back when they look no more.
func TestRulesThatLookForACard(t *testing.T) {
	disk := pebbleDisk()
	store := disk(t)
	s := openSpace(t, store, space.Config{})
	ingest(t, s, loyalty...)
	till, ada := idOf(t, s, "anonymous_id", "till"), idOf(t, s, "anonymous_id", "a2")
	if till == ada {
		t.Fatal("one profile before there is a reason")
	}
	before := partition(t, s, loyalty)
	end := feedEnd(t, s)

	card := identity.Rules{Identifiers: []identity.Identifier{{Type: "user_id"}, {Type: "loyalty_card", Key: "loyaltyCard", Limit: 1}}}
	setRules(t, s, card)
	if a, b := idOf(t, s, "anonymous_id", "till"), idOf(t, s, "loyalty_card", "L1"); a != min(till, ada) || b != a {
		t.Errorf("the till is of %s, the card of %s; the oldest was %s", a, b, min(till, ada))
	}
	recs, _, err := query.New(s).Feed(t.Context(), end, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, r := range recs {
		if r.Events > 0 {
			t.Errorf("a record counts %d new events", r.Events)
		}
		for _, c := range r.Changes {
			kinds = append(kinds, c.Kind.String())
			if c.Kind == feed.Merged && c.Reason != "rules: version 1" {
				t.Errorf("a merge is put down to %q", c.Reason)
			}
		}
	}
	if !slices.Contains(kinds, feed.Merged.String()) || !slices.Contains(kinds, feed.IDAdded.String()) {
		t.Errorf("the feed says %v", kinds)
	}
	links, err := query.New(s).Links(t.Context(), user("loyalty_card", "L1"), 10, "")
	if err != nil || len(links.Links) != 1 {
		t.Errorf("links %+v, %v", links, err)
	}
	// What comes now comes under the same strands, also after a restart.
	ingest(t, s, strings.NewReplacer("m1", "m5", "2025-01-01", "2025-02-01").Replace(loyalty[0]))
	s.Close(t.Context())
	store.Close()
	store = disk(t)
	s = openSpace(t, store, space.Config{})
	verify(t, s)
	if n, err := query.New(s).CountEvents(t.Context(), user("loyalty_card", "L1"), 100); err != nil || n != 5 {
		t.Errorf("%d events, %v", n, err)
	}

	setRules(t, s, identity.Rules{})
	if _, err := query.New(s).Profile(t.Context(), user("loyalty_card", "L1")); err == nil {
		t.Error("the card still is somebody's")
	}
	if a, b := idOf(t, s, "anonymous_id", "till"), idOf(t, s, "anonymous_id", "a2"); a != till || b != ada {
		t.Errorf("%s and %s came back as %s and %s", till, ada, a, b)
	}
	if after := strings.Replace(partition(t, s, loyalty), "2 events, m1 to m5", "1 events, m1 to m1", 1); after != before {
		t.Errorf("it was\n%s\nand came back as\n%s", before, after)
	}
	s.Close(t.Context())
	store.Close()
}

// Events whose only ID is not looked at any more are nobody's, and somebody's
// again when it is.
func TestRulesThatOverlookTheOnlyID(t *testing.T) {
	s := newSpace(t, space.Config{})
	lines := []string{
		`{"type":"track","event":"Invited","messageId":"m1","anonymousId":"a1","timestamp":"2025-01-01T00:00:00Z"}`,
		`{"type":"track","event":"Invited","messageId":"m2","userId":"u","anonymousId":"a2","context":{"traits":{"email":"friend@x.com"}},"timestamp":"2025-01-02T00:00:00Z"}`,
		`{"type":"identify","messageId":"m3","userId":"f","traits":{"email":"friend@x.com"},"timestamp":"2025-01-03T00:00:00Z"}`,
	}
	ingest(t, s, lines...)
	one := idOf(t, s, "anonymous_id", "a1")
	setRules(t, s, identity.Rules{Exclude: []identity.Exclusion{{Type: "anonymous_id", Event: "Invited"}, {Type: "email", Event: "Invited"}}})
	for _, ref := range []space.Ref{user("anonymous_id", "a1"), {Collection: identity.Users, Value: one}} {
		if v, err := query.New(s).Profile(t.Context(), ref); err == nil {
			t.Errorf("%s is still there: %+v", ref.Value, v)
		}
	}
	if a, b := idOf(t, s, "email", "friend@x.com"), idOf(t, s, "user_id", "f"); a != b {
		t.Errorf("the friend's email is of %s, the friend %s", a, b)
	}
	if n := s.Stats().Profiles; n != 2 {
		t.Errorf("%d profiles, want 2", n)
	}
	setRules(t, s, identity.Rules{})
	fresh := newSpace(t, space.Config{})
	ingest(t, fresh, lines...)
	if got, want := partition(t, s, lines), partition(t, fresh, lines); got != want {
		t.Errorf("it came back as\n%s\nand was\n%s", got, want)
	}
}
