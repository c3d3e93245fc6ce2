package identity_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/selfsame-id/selfsame/internal/identity"
)

// modelOf puts what a ledger has stored into a model.
func modelOf(l *ledger, rs *identity.Ruleset, ov *identity.Overrides) *identity.Model {
	m := identity.NewModel(rs, ov, identity.Users, len(l.strands))
	for _, s := range l.strands {
		m.Add(s.Clone(), identity.Founded{})
	}
	m.Was = l.rs
	m.Same = l.rs.Arrival() == rs.Arrival()
	return m
}

// outcomeOf asks for the outcome of a model over a ledger's events, given in
// order of arrival.
func outcomeOf(t *rapid.T, m *identity.Model, events []happening) *identity.Outcome {
	o, err := m.Outcome(func(strands []*identity.Strand) ([]identity.Occurrence, error) {
		var out []identity.Occurrence
		for _, e := range events {
			for _, s := range strands {
				if s.Hash == e.strand.Hash {
					out = append(out, identity.Occurrence{Strand: s, Moment: e.Moment})
				}
			}
		}
		return out, nil
	}, func(int, int) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// profiles prints a partition.
func profiles(groups [][]identity.Member) string {
	var lines []string
	for _, g := range groups {
		var ids []string
		for _, m := range g {
			ids = append(ids, m.ID.String())
		}
		slices.Sort(ids)
		lines = append(lines, strings.Join(ids, " "))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// What is stored follows from some rules; the model says what others make of it,
// and which strands differ: exactly what the batch function says.
func TestModelEqualsResolve(t *testing.T) {
	differed := 0
	rapid.Check(t, func(t *rapid.T) {
		order := rapid.SampledFrom([]string{"person_first", "person_first", "arrival"})
		was := drawRules(t, order.Draw(t, "order before"))
		events := drawEvents(t, rapid.IntRange(1, 20).Draw(t, "events"))
		l := newLedger(was, drawOverrides(t, events), 0)
		for _, b := range batches(t, events) {
			if err := l.take(b); err != nil {
				t.Fatal(err)
			}
		}
		draft, ov := was, l.engine.Overrides
		if rapid.IntRange(0, 3).Draw(t, "same rules") > 0 {
			draft, ov = drawRules(t, order.Draw(t, "order after")), drawOverrides(t, events)
			if rapid.Bool().Draw(t, "block") {
				r := draft.Effective()
				r.Defaults = &identity.Defaults{Blocked: identity.Blocklist{"a1", "u2"}}
				var err error
				if draft, err = identity.Compile(r); err != nil {
					t.Fatal(err)
				}
			}
		}
		o := outcomeOf(t, modelOf(l, draft, ov), events)

		var occ []identity.Occurrence
		for _, e := range events {
			occ = append(occ, identity.Occurrence{Strand: e.strand, Moment: e.Moment})
		}
		want := identity.Resolve(draft, ov, occ)
		if got, want := profiles(o.Groups()), profiles(want.Groups); got != want {
			t.Fatalf("under the draft:\n%s\nwant\n%s\nevents\n%s", got, want, trace(events))
		}
		// Strands that differ are listed, with all that is tied to them: what is listed
		// together can be decided by itself.
		listed := map[identity.Hash]bool{}
		for _, c := range o.Different() {
			var of []identity.Occurrence
			for _, e := range occ {
				if slices.Contains(c, e.Strand.Hash) {
					of = append(of, e)
				}
			}
			alone := identity.Resolve(draft, ov, of)
			for _, g := range alone.Groups {
				if whole := want.Groups[want.Owner[g[0].Hash]]; !slices.Equal(g, whole) {
					t.Fatalf("decided by itself it is %v, with all it is %v", g, whole)
				}
			}
			for _, h := range c {
				if listed[h] {
					t.Fatalf("strand %s is listed twice", h)
				}
				listed[h] = true
			}
		}
		for h, s := range want.Strands {
			for i, now := range s.Links {
				old := l.strands[h].Links[i]
				if (old.Verdict != now.Verdict || old.Verdict == identity.Accepted && old.At.Time != now.At.Time) && !listed[h] {
					t.Fatalf("%v was %+v and is %+v, and is not listed", now.ID, old, now)
				}
			}
		}
		if draft == was && ov == l.engine.Overrides && len(listed) > 0 {
			t.Fatalf("%d strands differ under the same rules", len(listed))
		}
		if len(listed) > 0 {
			differed++
		}

		sim := o.Simulation()
		if sim.After.Profiles != len(want.Groups) {
			t.Fatalf("%d profiles, want %d", sim.After.Profiles, len(want.Groups))
		}
		if n := sim.Same + sim.Gaining; n > sim.Before.Profiles || sim.Before.Profiles > n+sim.Split+sim.Merged+sim.Losing {
			t.Fatalf("the profiles do not add up: %+v", sim)
		}
		demoted := 0
		for _, s := range want.Strands {
			for _, k := range s.Links {
				if k.Verdict == identity.Demoted || k.Verdict == identity.Blocked {
					demoted++
				}
			}
		}
		for _, v := range sim.After.Violations {
			demoted -= v.Count
		}
		if demoted != 0 && !draft.Arrival() {
			t.Fatalf("%d violations are not counted, or twice: %+v", demoted, sim.After.Violations)
		}
		for _, a := range sim.Sample {
			if len(a.Before) == 0 && len(a.After) == 0 && len(a.Unowned) == 0 {
				t.Fatalf("a sample without a difference: %+v", sim)
			}
		}
	})
	if differed == 0 {
		t.Error("nothing ever differed")
	}
}

// BenchmarkModel decides a million profiles of two strands and three IDs each, a
// hundredth of them over a limit.
func BenchmarkModel(b *testing.B) {
	rs, err := identity.Compile(identity.Rules{Identifiers: []identity.Identifier{{Type: "user_id"}, {Type: "anonymous_id", Limit: 2, Window: "ever"}}})
	if err != nil {
		b.Fatal(err)
	}
	const people = 1_000_000
	strands := make([]*identity.Strand, 0, 2*people)
	for p := range people {
		cookies := 2
		if p%100 == 0 {
			cookies = 4
		}
		for c := range cookies {
			s := identity.NewStrand(hasher, identity.Users, []identity.ID{{Type: "anonymous_id", Value: fmt.Sprint("a", p, "-", c)}, {Type: "user_id", Value: fmt.Sprint("u", p)}})
			s.First = identity.Pos{Moment: moment(int64(p*4+c), 1), Strand: s.Hash}
			s.Evaluated = s.First
			for i := range s.Links {
				s.Links[i].Verdict, s.Links[i].At = identity.Accepted, s.First
			}
			strands = append(strands, s)
		}
	}
	for b.Loop() {
		m := identity.NewModel(rs, nil, identity.Users, len(strands))
		for _, s := range strands {
			m.Add(s, identity.Founded{})
		}
		o, err := m.Outcome(nil, func(int, int) error { return nil })
		if err != nil {
			b.Fatal(err)
		}
		if sim := o.Simulation(); sim.After.Profiles != people {
			b.Fatalf("%+v", sim)
		}
	}
}
