package identity_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/selfsame-id/selfsame/internal/identity"
)

const hour = int64(3600e9)

var hasher = identity.NewHasher([16]byte{1, 2, 3}, "test")

// drawRules draws rules with limits so tight that demotions are common, ever
// and in windows.
func drawRules(t *rapid.T, order string) *identity.Ruleset {
	window := rapid.SampledFrom([]string{"ever", "ever", "daily", "weekly"})
	r := identity.Rules{
		Order:          order,
		MaxIdentifiers: rapid.SampledFrom([]int{3, 6, 1000}).Draw(t, "cap"),
	}
	if order == "arrival" {
		r.MaxMerges = rapid.IntRange(1, 3).Draw(t, "max merges")
	}
	for _, ty := range []string{"user_id", "email", "anonymous_id", "ios.id"} {
		lim := identity.Identifier{Type: ty, Limit: rapid.IntRange(1, 3).Draw(t, ty+" limit"), Window: window.Draw(t, ty+" window")}
		r.Identifiers = append(r.Identifiers, lim)
	}
	rs, err := identity.Compile(r)
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

// drawEvents draws a small world in which devices, cookies and people meet
// often.
func drawEvents(t *rapid.T, n int) []happening {
	values := rapid.IntRange(1, 6).Draw(t, "values")
	span := rapid.SampledFrom([]int{3, 30, 400}).Draw(t, "hours")
	var events []happening
	for i := range n {
		var ids []identity.ID
		for _, ty := range []string{"anonymous_id", "email", "ios.id", "user_id"} {
			if rapid.IntRange(0, 9).Draw(t, "has") < 5 {
				v := rapid.IntRange(0, values).Draw(t, "value")
				value := fmt.Sprint(ty[:1], v)
				if v == 0 && ty == "user_id" {
					value = "null" // blocked
				}
				ids = append(ids, identity.ID{Type: ty, Value: value})
			}
		}
		if len(ids) == 0 {
			ids = append(ids, identity.ID{Type: "anonymous_id", Value: "a1"})
		}
		at := moment(int64(rapid.IntRange(0, span).Draw(t, "time"))*hour, i+1)
		at.ReceivedAt = int64(rapid.IntRange(0, 2).Draw(t, "received")) // an archive brings its own
		events = append(events, happening{identity.NewStrand(hasher, identity.Users, ids), at})
	}
	return events
}

func drawOverrides(t *rapid.T, events []happening) *identity.Overrides {
	if rapid.IntRange(0, 3).Draw(t, "overrides") > 0 {
		return nil
	}
	ov := &identity.Overrides{}
	pick := func() (identity.Hash, identity.Hash) {
		e := events[rapid.IntRange(0, len(events)-1).Draw(t, "of")]
		return e.strand.Hash, e.strand.Links[rapid.IntRange(0, len(e.strand.Links)-1).Draw(t, "id")].Hash
	}
	for range rapid.IntRange(1, 3).Draw(t, "how many") {
		switch rapid.IntRange(0, 4).Draw(t, "kind") {
		case 0:
			_, a := pick()
			_, b := pick()
			if a != b {
				ov.CannotLink(a, b)
			}
		case 1:
			_, a := pick()
			ov.Isolate(a)
		case 2:
			ov.Drop(pick())
		default:
			if a, b := drawKnown(t, events), drawKnown(t, events); a != b {
				ov.Same(a, b)
			}
		}
	}
	return ov
}

// drawKnown draws an ID of the events, or one that none of them has.
func drawKnown(t *rapid.T, events []happening) identity.Known {
	if rapid.IntRange(0, 4).Draw(t, "unseen") == 0 {
		id := rapid.SampledFrom([]identity.ID{{Type: "anonymous_id", Value: "a9"}, {Type: "user_id", Value: "u9"}}).Draw(t, "which")
		return identity.Known{ID: id, Hash: hasher.ID(identity.Users, id)}
	}
	s := events[rapid.IntRange(0, len(events)-1).Draw(t, "of")].strand
	l := &s.Links[rapid.IntRange(0, len(s.Links)-1).Draw(t, "id")]
	return identity.Known{ID: l.ID, Hash: l.Hash}
}

func truth(rs *identity.Ruleset, ov *identity.Overrides, events []happening) string {
	var occ []identity.Occurrence
	for _, e := range events {
		occ = append(occ, identity.Occurrence{Strand: e.strand, Moment: e.Moment})
	}
	res := identity.Resolve(rs, ov, occ)
	return describe(res.Strands, res.Groups)
}

// difference lists the lines that only one of two descriptions has.
func difference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	out := ""
	for _, l := range g {
		if !slices.Contains(w, l) {
			out += "  engine " + l + "\n"
		}
	}
	for _, l := range w {
		if !slices.Contains(g, l) {
			out += "  batch  " + l + "\n"
		}
	}
	return out
}

// batches cuts events into batches.
func batches(t *rapid.T, events []happening) [][]happening {
	var out [][]happening
	for len(events) > 0 {
		n := rapid.IntRange(1, len(events)).Draw(t, "batch")
		out = append(out, events[:n])
		events = events[n:]
	}
	return out
}

func trace(events []happening) string {
	s := ""
	for _, e := range events {
		s += fmt.Sprintf("  %3dh %d %s", e.Time/hour, e.ReceivedAt, called(e.Moment))
		for _, l := range e.strand.Links {
			s += " " + l.ID.String()
		}
		s += "\n"
	}
	return s
}

// The master property: whatever the order of arrival and the batching, the
// engine says what the batch function says.
func TestEngineEqualsResolve(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rs := drawRules(t, "person_first")
		events := drawEvents(t, rapid.IntRange(1, 25).Draw(t, "events"))
		ov := drawOverrides(t, events)
		bound := rapid.SampledFrom([]int{0, 0, 1, 3}).Draw(t, "bound")
		l := newLedger(rs, ov, bound)
		for _, b := range batches(t, events) {
			if err := l.take(b); err != nil {
				t.Fatal(err)
			}
			if rapid.IntRange(0, 3).Draw(t, "job runs") == 0 {
				if err := l.settle(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := l.settle(); err != nil {
			t.Fatal(err)
		}
		if got, want := l.identities(), truth(rs, ov, events); got != want {
			t.Fatalf("events in order of arrival:\n%s\nengine:\n%s\n\nbatch function:\n%s", trace(events), got, want)
		}
	})
}

// Under order: arrival the engine says what Segment would.
func TestEngineEqualsResolveInOrderOfArrival(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rs := drawRules(t, "arrival")
		events := drawEvents(t, rapid.IntRange(1, 25).Draw(t, "events"))
		l := newLedger(rs, drawOverrides(t, events), 0)
		for _, b := range batches(t, events) {
			if err := l.take(b); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := l.identities(), truth(rs, l.engine.Overrides, events); got != want {
			t.Fatalf("events in order of arrival:\n%s\nengine:\n%s\n\nbatch function:\n%s", trace(events), got, want)
		}
	})
}

// Longer random streams than rapid would draw, with shrinking left to it: a
// seed that fails here is worth a script.
func TestEngineEqualsResolveOnLongStreams(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 7))
		limits := func(n int) identity.Identifier {
			return identity.Identifier{Limit: 1 + rng.IntN(n), Window: []string{"ever", "daily", "weekly"}[rng.IntN(3)]}
		}
		r := identity.Rules{}
		for _, ty := range []string{"user_id", "email", "anonymous_id", "ios.id"} {
			l := limits(3)
			l.Type = ty
			r.Identifiers = append(r.Identifiers, l)
		}
		rs, err := identity.Compile(r)
		if err != nil {
			t.Fatal(err)
		}
		people := 3 + rng.IntN(30)
		var events []happening
		for i := range 400 {
			p := rng.IntN(people)
			var ids []identity.ID
			if rng.IntN(3) > 0 {
				ids = append(ids, identity.ID{Type: "anonymous_id", Value: fmt.Sprint("a", p, rng.IntN(4))})
			}
			if rng.IntN(2) == 0 {
				ids = append(ids, identity.ID{Type: "ios.id", Value: fmt.Sprint("d", p/(1+rng.IntN(5)))})
			}
			if rng.IntN(3) == 0 || len(ids) == 0 {
				ids = append(ids, identity.ID{Type: "user_id", Value: fmt.Sprint("u", p)})
			}
			events = append(events, happening{identity.NewStrand(hasher, identity.Users, ids), moment(int64(rng.IntN(600))*hour, i+1)})
		}
		if seed%3 == 0 {
			slices.SortStableFunc(events, func(a, b happening) int { return int((a.Time - b.Time) / hour) })
		}
		l := newLedger(rs, nil, []int{0, 5, 50}[rng.IntN(3)])
		for i := 0; i < len(events); {
			n := min(1+rng.IntN(40), len(events)-i)
			if err := l.take(events[i : i+n]); err != nil {
				t.Fatal(err)
			}
			i += n
			if rng.IntN(5) == 0 {
				if err := l.settle(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := l.settle(); err != nil {
			t.Fatal(err)
		}
		if got, want := l.identities(), truth(rs, nil, events); got != want {
			t.Fatalf("seed %d: engine and batch function differ:\n%s", seed, difference(got, want))
		}
		t.Logf("seed %d: %d appends, %d fast, %d replays of %d decisions, %d put off", seed, l.appends, l.fast, l.replays, l.decisions, l.putOff)
	}
}
