package space_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/selfsame-id/selfsame/internal/audit"
	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/overrides"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

// ids reads IDs written type:value.
func ids(texts ...string) []identity.ID {
	var out []identity.ID
	for _, t := range texts {
		ty, v, _ := strings.Cut(t, ":")
		out = append(out, identity.ID{Type: ty, Value: v})
	}
	return out
}

func apply(t testing.TB, s *space.Space, u overrides.Undo) overrides.Regrouping {
	t.Helper()
	if u.Collection == 0 {
		u.Collection = identity.Users
	}
	ctx := audit.With(context.Background(), audit.Actor{By: "admin token", For: "ann", Why: "a test"})
	want, err := overrides.New(s).PreviewUndo(ctx, u)
	if err != nil {
		t.Fatal(err)
	}
	got, err := overrides.New(s).ApplyUndo(ctx, u)
	if err != nil {
		t.Fatal(err)
	}
	if p, a := shape(want), shape(got); p != a {
		t.Fatalf("the preview said\n%s\nbut it became\n%s", p, a)
	}
	return got
}

// shape prints a regrouping without the IDs of new profiles.
func shape(g overrides.Regrouping) string {
	var lines []string
	for _, side := range []struct {
		name string
		list []overrides.Summary
	}{{"before", g.Before}, {"after", g.After}} {
		for _, b := range side.list {
			var names []string
			for _, id := range b.Identifiers {
				names = append(names, id.Type+":"+id.Value)
			}
			slices.Sort(names)
			line := fmt.Sprintf("%s %s %d strands %d events", side.name, strings.Join(names, " "), b.Strands, b.Events)
			for _, tr := range b.Traits {
				line += fmt.Sprintf(" %s=%s", tr.Name, tr.Value)
			}
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	if len(g.Unowned) > 0 {
		lines = append(lines, fmt.Sprint("unowned ", g.Unowned))
	}
	return strings.Join(append(lines, fmt.Sprint(g.LeftOuts, " left out")), "\n")
}

// partition prints which of many IDs are together.
func partition(t testing.TB, s *space.Space, lines []string) string {
	t.Helper()
	seen := map[string]bool{}
	var out []string
	for _, l := range lines {
		m := parse(t, l)
		for _, ref := range []space.Ref{user("user_id", m.UserID), user("anonymous_id", m.AnonymousID)} {
			if ref.Value == "" || seen[ref.Type+ref.Value] {
				continue
			}
			seen[ref.Type+ref.Value] = true
			out = append(out, ref.Type+":"+ref.Value+" "+summary(t, s, ref))
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

func TestCutAndTakeBack(t *testing.T) {
	s := newSpace(t, space.Config{})
	ingest(t, s, jane(t)...)
	before := summary(t, s, user("user_id", "abc123def"))
	was, err := query.New(s).Profile(t.Context(), user("user_id", "abc123def"))
	if err != nil {
		t.Fatal(err)
	}

	cut := apply(t, s, overrides.Undo{Kind: codec.CannotLink, IDs: ids("user_id:abc123def", "anonymous_id:anon_123")})
	if len(cut.Before) != 1 || len(cut.After) != 2 {
		t.Fatalf("%s", shape(cut))
	}
	verify(t, s)
	if got := summary(t, s, user("anonymous_id", "anon_123")); strings.Contains(got, "user_id") || !strings.Contains(got, "events") {
		t.Errorf("the cookie by itself:\n%s", got)
	}
	// Later evidence does not bring the link back.
	ingest(t, s, `{"type":"track","event":"Clicked","messageId":"later","userId":"abc123def","anonymousId":"anon_123","timestamp":"2020-01-01T00:00:00Z"}`)
	if v, err := query.New(s).Profile(t.Context(), user("user_id", "abc123def")); err != nil || slices.ContainsFunc(v.Identifiers, func(i profile.Identifier) bool { return i.Value == "anon_123" }) {
		t.Errorf("%+v, %v", v, err)
	}
	verify(t, s)

	var stale uint64
	for _, c := range []struct {
		u    overrides.Undo
		want error
	}{
		{overrides.Undo{Kind: codec.CannotLink, IDs: ids("anonymous_id:anon_123", "user_id:abc123def")}, space.ErrExists},
		{overrides.Undo{Kind: codec.CannotLink, IDs: ids("anonymous_id:anon_123", "user_id:nobody")}, space.ErrNotFound},
		{overrides.Undo{Kind: codec.CannotLink, IDs: ids("anonymous_id:anon_123", "anonymous_id:anon_123")}, space.ErrInvalid},
		{overrides.Undo{Kind: codec.Isolate}, space.ErrInvalid},
		{overrides.Undo{Kind: "unmerge"}, space.ErrInvalid},
		{overrides.Undo{Remove: "ovr_none"}, space.ErrNotFound},
		{overrides.Undo{Kind: codec.CannotLink, IDs: ids("user_id:abc123def", "anonymous_id:anon_123", "ios.id:none")}, space.ErrNotFound},
		{overrides.Undo{Kind: codec.Isolate, IDs: ids("ios.id:ios_abc123"), Only: &stale}, space.ErrChanged},
		{overrides.Undo{Kind: overrides.Split, Profile: user("user_id", "abc123def"), MessageID: "jane-008"}, space.ErrInvalid},
		{overrides.Undo{Kind: overrides.Split, Profile: user("user_id", "abc123def"), MessageID: "no such"}, space.ErrNotFound},
	} {
		c.u.Collection = identity.Users
		if _, err := overrides.New(s).PreviewUndo(t.Context(), c.u); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v, want %v", c.u, err, c.want)
		}
		if _, err := overrides.New(s).ApplyUndo(t.Context(), c.u); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v, want %v", c.u, err, c.want)
		}
	}

	back := apply(t, s, overrides.Undo{Remove: cut.Override.ID})
	if len(back.After) != 1 || back.After[0].ID != was.ID {
		t.Errorf("%s, of %s", shape(back), was.ID)
	}
	verify(t, s)
	if got := summary(t, s, user("user_id", "abc123def")); got != strings.Replace(strings.Replace(before, "26 events", "27 events", 1), "to jane-026", "to later", 1) {
		t.Errorf("taken back it is\n%s\nbefore it was\n%s", got, before)
	}
	trail, err := query.New(s).Audit(t.Context(), 10, "")
	if err != nil || len(trail.Entries) != 2 || trail.Entries[0].Action != "override.remove" || trail.Entries[1].Action != "override.add" ||
		trail.Entries[1].For != "ann" || trail.Entries[1].Why != "a test" {
		t.Errorf("%+v, %v", trail, err)
	}
}

// A merge that an event made is split: both profiles live again under the IDs
// that they had.
func TestSplitRevivesProfiles(t *testing.T) {
	s := newSpace(t, space.Config{})
	ingest(t, s,
		`{"type":"identify","messageId":"a1","userId":"ann","traits":{"email":"ann@x.com","name":"Ann"},"timestamp":"2020-01-01T00:00:00Z"}`,
		`{"type":"identify","messageId":"b1","anonymousId":"phone","traits":{"email":"bob@x.com","name":"Bob"},"timestamp":"2020-01-02T00:00:00Z"}`)
	ann, _ := query.New(s).Profile(t.Context(), user("user_id", "ann"))
	bob, _ := query.New(s).Profile(t.Context(), user("anonymous_id", "phone"))
	ingest(t, s, `{"type":"track","event":"Clicked","messageId":"c1","userId":"ann","anonymousId":"phone","timestamp":"2020-01-03T00:00:00Z"}`)
	one, _ := query.New(s).Profile(t.Context(), user("anonymous_id", "phone"))
	if one.ID != ann.ID {
		t.Fatalf("not merged: %+v", one)
	}
	_, cursor, err := query.New(s).Feed(t.Context(), "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	g := apply(t, s, overrides.Undo{Kind: overrides.Split, Profile: user("user_id", "ann"), MessageID: "c1"})
	if g.Override.Kind != codec.CannotLink || g.Override.MessageID != "c1" {
		t.Errorf("%+v", g.Override)
	}
	var made *overrides.MadeError
	if _, err := overrides.New(s).PreviewUndo(t.Context(), overrides.Undo{Kind: overrides.Split, Profile: user("user_id", "ann"), MessageID: "c1"}); !errors.As(err, &made) || made.Override != g.Override.ID {
		t.Errorf("split twice: %v", err)
	}
	verify(t, s)
	again, _ := query.New(s).Profile(t.Context(), user("anonymous_id", "phone"))
	if again.ID != bob.ID || len(again.Traits) != 2 || string(again.Traits[1].Value) != `"Bob"` {
		t.Errorf("%+v, want %s", again, bob.ID)
	}
	// The feed says so, with what the profiles' traits are now.
	recs, _, err := query.New(s).Feed(t.Context(), cursor, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, r := range recs {
		for _, c := range r.Changes {
			who := "ann"
			if c.Profile == bob.ID {
				who = "bob"
			}
			told = append(told, strings.TrimSpace(fmt.Sprint(c.Kind, " ", who, " ", c.IDType, c.Trait, string(c.Value))))
		}
	}
	slices.Sort(told)
	want := []string{
		"demoted ann anonymous_id", "id_added bob anonymous_id", "id_added bob email",
		`trait_set ann email"ann@x.com"`, `trait_set ann name"Ann"`, `trait_set bob email"bob@x.com"`, `trait_set bob name"Bob"`, "unmerged bob",
	}
	if !slices.Equal(told, want) {
		t.Errorf("the feed tells\n%s\nwant\n%s", strings.Join(told, "\n"), strings.Join(want, "\n"))
	}
	if recs[0].Changes[0].Kind == feed.Merged {
		t.Error("a split merges nothing")
	}
	three := apply(t, s, overrides.Undo{Kind: codec.CannotLink, IDs: ids("user_id:ann", "anonymous_id:phone", "email:bob@x.com")})
	if _, err := overrides.New(s).PreviewUndo(t.Context(), overrides.Undo{Kind: codec.CannotLink, Collection: identity.Users, IDs: ids("email:bob@x.com", "user_id:ann")}); !errors.As(err, &made) || made.Override != three.Override.ID {
		t.Errorf("a cut that a larger one says already: %v", err)
	}
	apply(t, s, overrides.Undo{Remove: three.Override.ID})
}

// Whatever is cut and taken back, in whatever order, with events between and
// restarts: what is stored is what the batch function says of the overrides
// that are left; and when none is left, it is what it would have been.
func TestUndoEqualsBatchFunction(t *testing.T) {
	var changed, splits, drops, waited, sames, conflicts atomic.Int64
	t.Cleanup(func() {
		if n := int64(seeds(24)); changed.Load() < n || splits.Load() < n/3 || drops.Load() == 0 || waited.Load() == 0 || sames.Load() < n || conflicts.Load() == 0 {
			t.Errorf("only %d profiles were ever changed, %d split, %d IDs dropped, %d undone in the background, %d said to be the same, and %d refused as a conflict", changed.Load(), splits.Load(), drops.Load(), waited.Load(), sames.Load(), conflicts.Load())
		}
	})
	for seed := range seeds(24) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 5))
			rules := &identity.Rules{}
			if seed%4 == 3 {
				rules.Order = "arrival"
			}
			windows := []string{"ever", "daily", "weekly"}
			for _, ty := range []string{"email", "anonymous_id", "ios.id"} {
				rules.Identifiers = append(rules.Identifiers, identity.Identifier{Type: ty, Limit: 1 + rng.IntN(4), Window: windows[rng.IntN(3)]})
			}
			cfg := space.Config{Rules: rules, ReplayBound: []int{1000, 5}[rng.IntN(2)]}
			disk := someDisk(seed)
			store := disk(t)
			s := openSpace(t, store, cfg)
			lines := world(rng, 240, 3+rng.IntN(12))
			all := slices.Clone(lines)
			rs, err := identity.Compile(*rules)
			if err != nil {
				t.Fatal(err)
			}
			from := func(lines []string) identity.ID { // of any type: without an address a person may be a visitor only
				for {
					m := parse(t, lines[rng.IntN(len(lines))])
					if p := rs.Promote(&m, "src"); len(p.Users) > 0 {
						return p.Users[rng.IntN(len(p.Users))]
					}
				}
			}
			some := func() identity.ID { return from(all[:len(all)-len(lines)]) }
			var made []string
			var parted []identity.ID // by the last that kept two apart
			for len(lines) > 0 {
				n := min(1+rng.IntN(50), len(lines))
				ingest(t, s, lines[:n]...)
				lines = lines[n:]
				for range rng.IntN(3) {
					u := overrides.Undo{Kind: codec.CannotLink, IDs: []identity.ID{some(), some()}, Collection: identity.Users}
					switch {
					case len(made) > 0 && rng.IntN(3) == 0:
						i := rng.IntN(len(made))
						u = overrides.Undo{Remove: made[i]}
						made = slices.Delete(made, i, i+1)
					case rng.IntN(3) == 0:
						id := some()
						u = overrides.Undo{Kind: overrides.Split, Profile: user(id.Type, id.Value), MessageID: mergeOf(t, s, id, rng)}
					case rng.IntN(3) == 0:
						u.Kind = codec.Same
						if rng.IntN(4) == 0 {
							u.IDs[1] = from(all) // not seen yet, perhaps
						}
						if parted != nil && rng.IntN(3) == 0 {
							u.IDs = parted
						}
					case rng.IntN(2) == 0:
						u = overrides.Undo{Kind: codec.Isolate, IDs: u.IDs[:1], Collection: identity.Users}
					case rng.IntN(3) == 0:
						id, strand, ok := heldBy(t, s, u.IDs[0], some())
						if !ok {
							continue
						}
						u = overrides.Undo{Kind: codec.Drop, IDs: []identity.ID{id}, Strand: strand, Collection: identity.Users}
						drops.Add(1)
					}
					g, err := overrides.New(s).ApplyUndo(t.Context(), u)
					if errors.Is(err, space.ErrApplying) {
						waited.Add(1)
						await(t, s)
						g, err = overrides.New(s).ApplyUndo(t.Context(), u)
					}
					if errors.Is(err, space.ErrConflict) {
						conflicts.Add(1)
						continue
					}
					switch {
					case err != nil:
					case u.Kind == codec.Same:
						sames.Add(1)
					case u.Kind == codec.CannotLink:
						parted = u.IDs
					}
					if errors.Is(err, space.ErrExists) || errors.Is(err, space.ErrInvalid) || u.Kind == overrides.Split && errors.Is(err, space.ErrNotFound) {
						continue
					}
					if err != nil {
						t.Fatal(err)
					}
					if u.Kind == overrides.Split {
						splits.Add(1)
						if g.Applying {
							await(t, s)
						}
						checkParts(t, s, &g.Override)
					}
					changed.Add(int64(len(g.After)))
					if u.Remove == "" {
						made = append(made, g.Override.ID)
					}
				}
				if rng.IntN(6) == 0 {
					if err := s.Close(t.Context()); err != nil {
						t.Fatal(err)
					}
					store.Close()
					store = disk(t)
					s = openSpace(t, store, cfg)
				}
			}
			verify(t, s)
			for _, id := range made {
				await(t, s)
				if _, err := overrides.New(s).ApplyUndo(t.Context(), overrides.Undo{Remove: id}); err != nil {
					t.Fatal(err)
				}
			}
			verify(t, s)
			fresh := newSpace(t, cfg)
			ingest(t, fresh, all...)
			verify(t, fresh) // waits for what was deferred
			if got, want := partition(t, s, all), partition(t, fresh, all); rules.Order == "" && got != want {
				t.Errorf("with all taken back it is\n%s\nwithout any it would have been\n%s", got, want)
			}
			s.Close(t.Context())
			store.Close()
		})
	}
}

// await waits until what is there follows from the overrides.
func await(t testing.TB, s *space.Space) {
	t.Helper()
	if err := s.AwaitRules(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// heldBy is a strand that holds one of two IDs beside another one, if there is one
// on the way between them.
func heldBy(t *testing.T, s *space.Space, a, b identity.ID) (identity.ID, identity.Hash, bool) {
	t.Helper()
	e, err := query.New(s).Explain(t.Context(), user(a.Type, a.Value), user(b.Type, b.Value))
	if err != nil && !errors.Is(err, space.ErrNotFound) {
		t.Fatal(err)
	}
	if err != nil || len(e.Steps) == 0 || len(e.Steps[0].First) == 0 {
		return identity.ID{}, identity.Hash{}, false
	}
	return e.Steps[0].From, e.Steps[0].First[0], true
}

// mergeOf is one of the events that merged what an ID belongs to, "" if none did.
func mergeOf(t *testing.T, s *space.Space, id identity.ID, rng *rand.Rand) string {
	t.Helper()
	story, err := query.New(s).Story(t.Context(), user(id.Type, id.Value), 1000, "")
	if err != nil {
		return ""
	}
	var merges []string
	for _, c := range story.Chapters {
		if c.Kind == identity.Merged {
			merges = append(merges, c.Event.MessageID)
		}
	}
	if len(merges) == 0 {
		return ""
	}
	return merges[rng.IntN(len(merges))]
}

// checkParts sees to it that no profile has IDs of two parts.
func checkParts(t *testing.T, s *space.Space, o *codec.Override) {
	t.Helper()
	part, rest := map[string]int{}, o.IDs
	for k, n := range o.Parts {
		for _, id := range rest[:n] {
			v, err := query.New(s).Profile(t.Context(), user(id.Type, id.Value))
			if err != nil {
				continue // it is nobody's
			}
			if other, ok := part[v.ID]; ok && other != k {
				t.Errorf("%s is of %s, and so is another part of %v %v", id, v.ID, o.IDs, o.Parts)
			}
			part[v.ID] = k
		}
		rest = rest[n:]
	}
}

// The Android phone that an event merged with Jane's iPhone comes apart with all
// that it had, although later events tie its cookie to her again and again.
func TestSplitIsWhole(t *testing.T) {
	s := newSpace(t, space.Config{})
	ingest(t, s, jane(t)...)
	before := partition(t, s, jane(t))
	g := apply(t, s, overrides.Undo{Kind: overrides.Split, Profile: user("user_id", "abc123def"), MessageID: "jane-011"})
	verify(t, s)
	checkParts(t, s, &g.Override)
	v, err := query.New(s).Profile(t.Context(), user("android.id", "and_1a2b3c4d"))
	if err != nil || len(v.Identifiers) != 2 || v.Identifiers[1].Value != "anon_456" && v.Identifiers[0].Value != "anon_456" {
		t.Errorf("the phone: %+v, %v", v, err)
	}
	apply(t, s, overrides.Undo{Remove: g.Override.ID})
	verify(t, s)
	for _, reason := range []string{"override: " + g.Override.ID, "override taken back"} {
		if page, err := query.New(s).Insights(t.Context(), query.InsightQuery{Reason: reason, Limit: 10}); err != nil || len(page.Insights) == 0 {
			t.Errorf("nothing is put down to %q: %v", reason, err)
		}
	}
	if after := partition(t, s, jane(t)); after != before {
		t.Errorf("taken back it is\n%s\nit was\n%s", after, before)
	}
}
