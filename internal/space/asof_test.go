package space_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/overrides"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

// until takes the events up to and including a time.
func until(t testing.TB, lines []string, last time.Time) []string {
	var out []string
	for _, l := range lines {
		var m struct{ Timestamp time.Time }
		if err := json.Unmarshal([]byte(l), &m); err != nil {
			t.Fatal(err)
		}
		if !m.Timestamp.After(last) {
			out = append(out, l)
		}
	}
	return out
}

// A profile as of a time is what a fresh space shows that took only the events up
// to then: whose an ID is, traits, identifiers, metadata and events, whatever the
// rules, the order of arrival and what came later.
func TestAsOfEqualsTheEventsUpToThen(t *testing.T) {
	for seed := range seeds(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 41))
			rules := &identity.Rules{}
			if seed%4 == 3 {
				rules.Order = "arrival"
			}
			windows := []string{"ever", "daily", "weekly", "monthly"}
			for _, ty := range []string{"email", "anonymous_id", "ios.id"} {
				rules.Identifiers = append(rules.Identifiers, identity.Identifier{Type: ty, Limit: 1 + rng.IntN(6), Window: windows[rng.IntN(4)]})
			}
			if seed%5 == 0 {
				rules = nil
			}
			lines := world(rng, 300, 3+rng.IntN(40))
			all := newSpace(t, space.Config{Rules: rules})
			for rest := lines; len(rest) > 0; {
				n := min(1+rng.IntN(60), len(rest))
				ingest(t, all, rest[:n]...)
				rest = rest[n:]
			}
			var cut []identity.ID // what somebody decided, in every second world
			if refs := everybody(lines); seed%2 == 1 {
				for len(cut) < 8 {
					if r := refs[rng.IntN(len(refs))]; r.Collection == identity.Users {
						cut = append(cut, identity.ID{Type: r.Type, Value: r.Value})
					}
				}
				decide(t, all, cut)
			}
			for range 2 {
				then := time.Unix(1_600_000_000+int64(rng.IntN(1000))*3600, 0)
				fresh := newSpace(t, space.Config{Rules: rules})
				ingest(t, fresh, until(t, lines, then)...)
				if cut != nil {
					decide(t, fresh, cut)
				}
				verify(t, fresh) // waits for what is pending
				there := 0
				for _, ref := range everybody(lines) {
					want := summary(t, fresh, ref)
					past := ref
					past.AsOf = then.UnixNano()
					got := summary(t, all, past)
					_, err := query.New(all).Profile(context.Background(), past)
					if errors.Is(err, space.ErrNotFound) != (want == space.ErrNotFound.Error()) {
						t.Fatalf("%s:%s as of %s: %v, but a fresh space says\n%s", ref.Type, ref.Value, then.UTC(), err, want)
					}
					if err == nil && got != want {
						t.Fatalf("%s:%s as of %s is\n%s\nwant\n%s", ref.Type, ref.Value, then.UTC(), got, want)
					}
					if err == nil {
						there++
						checkEvents(t, all, fresh, past, ref)
					}
				}
				t.Logf("%d profiles looked up as of %s", there, then.UTC())
			}
		})
	}
}

// decide isolates the first ID and keeps it from the second, as far as the space has
// seen them; the others are the same two by two, seen or not.
func decide(t testing.TB, s *space.Space, ids []identity.ID) {
	t.Helper()
	for _, u := range []overrides.Undo{{Kind: codec.Isolate, IDs: ids[:1]}, {Kind: codec.CannotLink, IDs: ids[:2]},
		{Kind: codec.Same, IDs: ids[2:4]}, {Kind: codec.Same, IDs: ids[4:6]}, {Kind: codec.Same, IDs: ids[6:8]}} {
		u.Collection = identity.Users
		if _, err := overrides.New(s).ApplyUndo(context.Background(), u); err != nil && !errors.Is(err, space.ErrNotFound) && !errors.Is(err, space.ErrInvalid) && !errors.Is(err, space.ErrExists) {
			t.Fatal(err)
		}
	}
}

// everybody lists the IDs of events.
func everybody(lines []string) []space.Ref {
	var out []space.Ref
	seen := map[space.Ref]bool{}
	add := func(ref space.Ref) {
		if ref.Value != "" && !seen[ref] {
			seen[ref] = true
			out = append(out, ref)
		}
	}
	for _, l := range lines {
		var m struct {
			UserID, AnonymousID string
			Context             struct {
				Device  struct{ ID string }
				GroupID string
			}
			Traits struct{ Email string }
		}
		_ = json.Unmarshal([]byte(l), &m) // it was made by Marshal
		add(user("user_id", m.UserID))
		add(user("anonymous_id", m.AnonymousID))
		add(user("ios.id", m.Context.Device.ID))
		add(user("email", m.Traits.Email))
		add(space.Ref{Collection: identity.Accounts, Type: "group_id", Value: m.Context.GroupID})
	}
	return out
}

func checkEvents(t testing.TB, all, fresh *space.Space, past, ref space.Ref) {
	t.Helper()
	list := func(s *space.Space, ref space.Ref) string {
		page, err := query.New(s).Events(context.Background(), ref, query.EventQuery{Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, e := range page.Events {
			ids = append(ids, fmt.Sprint(e.Time, e.MessageID))
		}
		slices.Sort(ids) // events of one time come in the order in which they arrived
		return strings.Join(ids, " ")
	}
	if g, w := list(all, past), list(fresh, ref); g != w {
		t.Fatalf("events of %s:%s as of then\n%s\nwant\n%s", ref.Type, ref.Value, g, w)
	}
}

// Jane's phone was somebody anonymous until she signed up on it.
func TestJaneAsOf(t *testing.T) {
	s := newSpace(t, space.Config{})
	ingest(t, s, jane(t)...)
	at := func(ref space.Ref, text string) space.Ref {
		when, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		ref.AsOf = when.UnixNano()
		return ref
	}
	phone := user("ios.id", "ios_abc123")
	v, err := query.New(s).Profile(t.Context(), at(phone, "2019-11-15T14:05:00Z"))
	if err != nil || len(v.Identifiers) != 2 || len(v.Traits) != 0 || v.AsOf == 0 {
		t.Errorf("before she signed up: %+v, %v", v, err)
	}
	now, err := query.New(s).Profile(t.Context(), phone)
	if err != nil {
		t.Fatal(err)
	}
	if v.ID != now.ID {
		t.Errorf("the phone was of %s, and is of %s", v.ID, now.ID)
	}
	// The running app was another one until she logged in.
	running, err := query.New(s).Profile(t.Context(), at(user("android.id", "and_1a2b3c4d"), "2019-11-16T08:30:00Z"))
	if err != nil || running.ID == "" {
		t.Errorf("the running app: %+v, %v", running, err)
	}
	later, err := query.New(s).Profile(t.Context(), at(phone, "2019-11-15T14:08:44Z"))
	if err != nil || len(later.Identifiers) != 4 || len(later.Traits) == 0 {
		t.Errorf("when she signed up: %+v, %v", later, err)
	}
	// In the future she is who she is now.
	future, err := query.New(s).Profile(t.Context(), at(phone, "2100-01-01T00:00:00Z"))
	if err != nil || future.ID != now.ID || future.AsOf != 0 || len(future.Identifiers) != 7 {
		t.Errorf("in the future: %+v, %v", future, err)
	}
	// By her profile's own ID too.
	own := space.Ref{Collection: identity.Users, Value: now.ID}
	if v, err := query.New(s).Profile(t.Context(), at(own, "2019-11-15T14:05:00Z")); err != nil || len(v.Identifiers) != 2 {
		t.Errorf("by her own ID: %+v, %v", v, err)
	}
	var early *query.NotYetError
	if _, err := query.New(s).Profile(t.Context(), at(phone, "2019-11-15T14:00:04Z")); !errors.As(err, &early) || !errors.Is(err, space.ErrNotFound) ||
		!strings.Contains(err.Error(), "2019-11-15T14:00:05Z") {
		t.Errorf("before her first event: %v", err)
	}
	// Her email came later than she did: what is said is of the email.
	if _, err := query.New(s).Profile(t.Context(), at(user("email", "janedoe@example.com"), "2019-11-15T14:05:00Z")); !errors.As(err, &early) ||
		err.Error() != "nothing was seen of email:janedoe@example.com by 2019-11-15T14:05:00Z; its first event is from 2019-11-15T14:08:44Z" {
		t.Errorf("before her email came: %v", err)
	}
	if _, err := query.New(s).Profile(t.Context(), at(own, "2019-11-15T14:00:04Z")); !errors.As(err, &early) ||
		!strings.HasPrefix(err.Error(), "the profile "+now.ID+" did not exist by 2019-11-15T14:00:04Z") || !strings.HasSuffix(err.Error(), "is from 2019-11-15T14:00:05Z") {
		t.Errorf("before her profile began: %v", err)
	}
	if _, err := query.New(s).Profile(t.Context(), at(user("user_id", "nobody"), "2019-11-15T14:00:04Z")); !errors.Is(err, space.ErrNotFound) || errors.As(err, &early) && early.First == 0 {
		t.Errorf("nobody: %v", err)
	}
	if _, err := query.New(s).Links(t.Context(), at(phone, "2019-11-15T14:05:00Z"), 10, ""); !errors.Is(err, space.ErrInvalid) {
		t.Errorf("links: %v", err)
	}
}

// A trait that was set again, or removed, had its earlier value then.
func TestTraitsAsOf(t *testing.T) {
	s := newSpace(t, space.Config{})
	ingest(t, s,
		`{"type":"identify","userId":"u","messageId":"1","timestamp":"2020-01-01T00:00:00Z","traits":{"plan":"free","city":"Bonn"}}`,
		`{"type":"identify","userId":"u","messageId":"2","timestamp":"2020-01-03T00:00:00Z","traits":{"plan":"pro","city":null}}`,
		`{"type":"identify","userId":"u","messageId":"3","timestamp":"2020-01-02T00:00:00Z","traits":{"plan":"team"}}`)
	for when, want := range map[string]string{
		"2020-01-01T12:00:00Z": "city=\"Bonn\" plan=\"free\" ",
		"2020-01-02T00:00:00Z": "city=\"Bonn\" plan=\"team\" ",
		"2020-01-03T00:00:00Z": "plan=\"pro\" ",
	} {
		at, err := time.Parse(time.RFC3339, when)
		if err != nil {
			t.Fatal(err)
		}
		ref := user("user_id", "u")
		ref.AsOf = at.UnixNano()
		v, err := query.New(s).Profile(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, tr := range v.Traits {
			got += fmt.Sprintf("%s=%s ", tr.Name, tr.Value)
		}
		if got != want {
			t.Errorf("as of %s: %s, want %s", when, got, want)
		}
	}
}
