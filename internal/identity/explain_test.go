package identity_test

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/selfsame-id/selfsame/internal/identity"
)

// drawLedger draws a small world, and lets everything arrive and settle.
func drawLedger(t *rapid.T, order string) *ledger {
	rs := drawRules(t, order)
	events := drawEvents(t, rapid.IntRange(1, 25).Draw(t, "events"))
	l := newLedger(rs, drawOverrides(t, events), 0)
	for _, b := range batches(t, events) {
		if err := l.take(b); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// ids lists all IDs that identify somebody, in the order of their names.
func (l *ledger) ids() []identity.Known {
	var out []identity.Known
	seen := map[identity.Hash]bool{}
	for _, s := range l.strands {
		for _, k := range s.Links {
			if !seen[k.Hash] && k.Verdict != identity.Blocked {
				seen[k.Hash] = true
				out = append(out, identity.Known{ID: k.ID, Hash: k.Hash})
			}
		}
	}
	for _, k := range out {
		for _, b := range l.engine.Overrides.Together(l.rs, k.Hash) {
			if !seen[b.Hash] {
				seen[b.Hash] = true
				out = append(out, b)
			}
		}
	}
	slices.SortFunc(out, func(a, b identity.Known) int { return a.ID.Compare(b.ID) })
	return out
}

const nowhere = 1 << 20

// distances is Floyd and Warshall over all pairs of IDs: the least of
// 1,000 for each demotion and 1 for each step; nowhere if there is no way.
func (l *ledger) distances(ids []identity.Known, acceptedOnly bool) [][]int {
	place := map[identity.Hash]int{}
	d := make([][]int, len(ids))
	for i := range ids {
		place[ids[i].Hash] = i
		d[i] = slices.Repeat([]int{nowhere}, len(ids))
		d[i][i] = 0
	}
	for _, s := range l.strands {
		for _, p := range s.Links {
			for _, q := range s.Links {
				w := 1
				for _, k := range []identity.Link{p, q} {
					switch {
					case k.Verdict == identity.Accepted:
					case k.Verdict == identity.Demoted && !acceptedOnly:
						w += 1000
					default:
						w = nowhere
					}
				}
				if i, k := place[p.Hash], place[q.Hash]; i != k && w < nowhere && p.Verdict != identity.Blocked && q.Verdict != identity.Blocked {
					d[i][k] = min(d[i][k], w)
				}
			}
		}
	}
	for i := range ids {
		for _, p := range l.engine.Overrides.Pairs(l.rs, ids[i].Hash) {
			for _, k := range []identity.Known{p.A, p.B} {
				if j := place[k.Hash]; j != i {
					d[i][j] = 1
				}
			}
		}
	}
	for k := range ids {
		for i := range ids {
			for j := range ids {
				d[i][j] = min(d[i][j], d[i][k]+d[k][j])
			}
		}
	}
	return d
}

func verdictOf(s *identity.Strand, h identity.Hash) identity.Verdict {
	for _, l := range s.Links {
		if l.Hash == h {
			return l.Verdict
		}
	}
	return identity.Undecided
}

// A chain begins and ends where it should, and each step goes on from the last.
func checkChain(t *rapid.T, a, b identity.Known, steps []identity.Step) {
	at := a
	for _, st := range steps {
		if st.From != at {
			t.Fatalf("a step from %s after %s", st.From.ID, at.ID)
		}
		if len(st.Strands) == 0 && !st.Decided {
			t.Fatalf("nothing was seen with both %s and %s", st.From.ID, st.To.ID)
		}
		at = st.To
	}
	if at != b {
		t.Fatalf("the chain ends at %s, not at %s", at.ID, b.ID)
	}
}

// Every chain is real evidence, complete, and none is shorter.
func TestPathIsRealAndShortest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLedger(t, rapid.SampledFrom([]string{"person_first", "arrival"}).Draw(t, "order"))
		ids := l.ids()
		d := l.distances(ids, true)
		for i, a := range ids {
			for k, b := range ids {
				x := &identity.Explainer{Engine: l.engine, Graph: l}
				steps, together, err := x.Path(a.Hash, b.Hash)
				if err != nil {
					t.Fatal(err)
				}
				owned := i == k || l.owner[a.Hash] == l.owner[b.Hash]
				if ownedBoth := l.owner[a.Hash] != nil && l.owner[b.Hash] != nil; ownedBoth && together != owned || together != (d[i][k] < nowhere) {
					t.Fatalf("%s and %s: together %v, of one profile %v, distance %d", a.ID, b.ID, together, owned, d[i][k])
				}
				if !together {
					continue
				}
				if len(steps) != d[i][k] {
					t.Fatalf("%s to %s in %d steps, %d are enough", a.ID, b.ID, len(steps), d[i][k])
				}
				checkChain(t, a, b, steps)
				for _, st := range steps {
					both := 0
					for _, s := range l.strands {
						if verdictOf(s, st.From.Hash) == identity.Accepted && verdictOf(s, st.To.Hash) == identity.Accepted {
							both++
						}
					}
					if len(st.Strands) != both {
						t.Fatalf("%d strands accept %s and %s, not %d", both, st.From.ID, st.To.ID, len(st.Strands))
					}
					for _, s := range st.Strands {
						if verdictOf(s, st.From.Hash) != identity.Accepted || verdictOf(s, st.To.Hash) != identity.Accepted {
							t.Fatalf("a strand that does not accept %s and %s", st.From.ID, st.To.ID)
						}
					}
				}
			}
		}
	})
}

// What keeps two IDs apart is the least that does, and each reason is the true
// one: the values named do break the limit named.
func TestWhyNotNamesTheFewestDemotions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		order := rapid.SampledFrom([]string{"person_first", "person_first", "arrival"}).Draw(t, "order")
		l := drawLedger(t, order)
		ids := l.ids()
		d, together := l.distances(ids, false), l.distances(ids, true)
		for i, a := range ids {
			for k, b := range ids {
				if o := l.owner[a.Hash]; i == k || o != nil && o == l.owner[b.Hash] || together[i][k] < nowhere {
					continue
				}
				x := &identity.Explainer{Engine: l.engine, Graph: l}
				why, err := x.WhyNot(a.Hash, b.Hash)
				if err != nil {
					t.Fatal(err)
				}
				if d[i][k] >= nowhere {
					if why.Steps != nil {
						t.Fatalf("%s and %s were never linked", a.ID, b.ID)
					}
					continue
				}
				checkChain(t, a, b, why.Steps)
				if n := len(why.Demotions()); n != d[i][k]/1000 || len(why.Steps) < d[i][k]%1000 || n == 1 && len(why.Steps) > d[i][k]%1000 {
					t.Fatalf("%s and %s: %d demotions in %d steps, the least is %d (thousands: demotions)", a.ID, b.ID, len(why.Demotions()), len(why.Steps), d[i][k])
				}
				for _, dem := range why.Demotions() {
					checkDemotion(t, l, dem, order == "arrival")
				}
			}
		}
	})
}

func checkDemotion(t *rapid.T, l *ledger, d *identity.Demotion, arrival bool) {
	i := slices.IndexFunc(d.Strand.Links, func(k identity.Link) bool { return k.Hash == d.Hash })
	stored := d.Strand.Links[i]
	if stored.Verdict != identity.Demoted {
		t.Fatalf("%s is accepted", d.ID)
	}
	if arrival {
		if d.Unclear && d.Reason != stored.Reason {
			t.Fatalf("reason %q instead of %q", d.Reason, stored.Reason)
		}
		return // what a profile was like then is not known
	}
	if d.Unclear || d.Now {
		t.Fatalf("%s: the decision cannot be made out", d.ID)
	}
	if d.Reason != stored.Reason || d.Broke != stored.Broke {
		t.Fatalf("%s: %q (%s), stored is %q (%s)", d.ID, d.Reason, d.Broke, stored.Reason, stored.Broke)
	}
	switch d.Reason {
	case identity.ReasonLimit, identity.ReasonCap:
		if len(d.Had) == 0 || len(d.Brought) == 0 || len(d.Had)+len(d.Brought) <= d.Limit.Values {
			t.Fatalf("%s: %v and %v do not exceed %d", d.ID, d.Had, d.Brought, d.Limit.Values)
		}
		for _, m := range append(slices.Clone(d.Had), d.Brought...) {
			if d.Reason == identity.ReasonLimit && m.ID.Type != d.Broke {
				t.Fatalf("%s is not of type %s", m.ID, d.Broke)
			}
		}
	case identity.ReasonDropped:
		if len(d.Override) != 1 || !l.engine.Overrides.Concern(hasher.ID(identity.Users, d.Override[0])) {
			t.Fatalf("%s: override %v", d.ID, d.Override)
		}
	case identity.ReasonCannotLink:
		if len(d.Override) != 2 {
			t.Fatalf("%s: override %v", d.ID, d.Override)
		}
	default:
		t.Fatalf("reason %q", d.Reason)
	}
}

// An explanation looks at no more than it may.
func TestExplanationsAreBounded(t *testing.T) {
	rs, err := identity.Compile(identity.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	l := newLedger(rs, nil, 0)
	id := func(kind, value string) identity.ID { return identity.ID{Type: kind, Value: value} }
	for i, ids := range [][]identity.ID{
		{id("ios.id", "tablet"), id("user_id", "u1")},
		{id("ios.id", "tablet"), id("user_id", "u2")},
		{id("ios.id", "tablet"), id("user_id", "u3")},
		{id("anonymous_id", "a"), id("user_id", "u9")},
	} {
		if err := l.take([]happening{{identity.NewStrand(hasher, identity.Users, ids), moment(int64(i)*hour, i+1)}}); err != nil {
			t.Fatal(err)
		}
	}
	hash := func(i identity.ID) identity.Hash { return hasher.ID(identity.Users, i) }
	x := &identity.Explainer{Engine: l.engine, Graph: l, Most: 3}
	if _, err := x.WhyNot(hash(id("user_id", "u2")), hash(id("user_id", "u9"))); !errors.Is(err, identity.ErrTooLarge) {
		t.Errorf("error %v", err)
	}
	x = &identity.Explainer{Engine: l.engine, Graph: l, Most: 3}
	if why, err := x.WhyNot(hash(id("user_id", "u2")), hash(id("user_id", "u1"))); err != nil || len(why.Demotions()) != 1 {
		t.Errorf("%+v, %v", why, err)
	}
}

// Whatever happened, a story begins with a creation, brings every ID once, and
// joins everything that was created: it ends with one profile.
func TestStoriesAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLedger(t, rapid.SampledFrom([]string{"person_first", "arrival"}).Draw(t, "order"))
		told := map[*owned][]identity.Told{}
		for _, s := range l.strands {
			for _, k := range s.Links {
				if k.Verdict == identity.Accepted {
					told[l.owner[k.Hash]] = append(told[l.owner[k.Hash]], identity.Told{Strand: s})
					break
				}
			}
		}
		for o, strands := range told {
			var decisions []identity.Decision
			for _, m := range o.members {
				for _, p := range l.engine.Overrides.Pairs(l.rs, m.Hash) {
					decisions = append(decisions, identity.Decision{Pair: p, At: int64(rapid.IntRange(0, 30).Draw(t, "decided")) * hour})
				}
			}
			chapters := identity.Story(strands, decisions)
			if len(chapters) == 0 || chapters[0].Kind != identity.Created && chapters[0].Kind != identity.KeptOut {
				t.Fatalf("the story begins with %+v", chapters)
			}
			created, merged := 0, 0
			var ids []identity.ID
			for i, c := range chapters {
				if i > 0 && c.At.Time < chapters[i-1].At.Time {
					t.Fatal("not in the order of time")
				}
				switch c.Kind {
				case identity.Created:
					created++
				case identity.Merged:
					merged += len(c.Parts) - 1
					n := 0
					for _, p := range c.Parts {
						n += p.Count
					}
					if n > len(ids) {
						t.Fatalf("%d IDs merge, %d were seen", n, len(ids))
					}
				case identity.KeptOut:
					if c.Reason == identity.ReasonNone || c.Strands < 1 {
						t.Fatalf("left out without reason: %+v", c)
					}
					continue
				}
				ids = append(ids, c.IDs...)
			}
			if created != merged+1 {
				t.Fatalf("%d created, %d merged away", created, merged)
			}
			slices.SortFunc(ids, identity.ID.Compare)
			var want []identity.ID
			for _, m := range o.members {
				want = append(want, m.ID)
			}
			slices.SortFunc(want, identity.ID.Compare)
			if !slices.Equal(ids, want) {
				t.Fatalf("told of %v, the profile has %v", ids, want)
			}
		}
	})
}
