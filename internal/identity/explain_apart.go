package identity

import (
	"math"
	"slices"
)

// Apart says what keeps two IDs in different profiles.
type Apart struct {
	// Steps are the chain of IDs seen together that has the fewest demotions;
	// each demotion on it is a place at which the two were kept apart. Nil if no
	// chain leads from one to the other.
	Steps []Step
	// Blocked are the values that both profiles were seen with, but which
	// identify nobody. Looked for only if there is no chain.
	Blocked []ID
	// Pairs are what people tied together and what would link the two, but is
	// not at work. Looked for always.
	Pairs []PairLeftOut
}

// Demotions are those of all steps.
func (a *Apart) Demotions() []*Demotion {
	var out []*Demotion
	for i := range a.Steps {
		for k := range a.Steps[i].Demotions {
			out = append(out, &a.Steps[i].Demotions[k])
		}
	}
	return out
}

// WhyNot says what keeps two IDs of different profiles apart.
//
// The chain with the fewest demotions mostly has one, or leads through an ID that
// both were seen with and neither owns. These are looked for first, within the
// strands of the two profiles. Only then demoted links are followed, which may
// lead through a tablet at a school to everybody there; then the chain is also the
// shortest of those with as many demotions.
func (x *Explainer) WhyNot(a, b Hash) (*Apart, error) {
	from, to := newReach(a), newReach(b)
	for _, r := range []*reach{from, to} {
		if err := x.finish(r); err != nil {
			return nil, err
		}
	}
	out := &Apart{Pairs: x.pairsBetween(from, to)}
	steps := x.oneDemotion(from, to)
	if steps == nil {
		steps = x.oneBetween(from, to)
	}
	if steps == nil {
		var err error
		if steps, err = x.fewestDemotions(a, b); err != nil {
			return nil, err
		}
	}
	if steps == nil {
		out.Blocked = x.blockedInCommon(from, to)
		return out, nil
	}
	for i := range steps {
		st := &steps[i]
		if st.Decided {
			continue
		}
		for _, k := range []Known{st.From, st.To} {
			s := st.Strands[0]
			if l := s.link(k.Hash); l.Verdict == Demoted {
				d, err := x.Demotion(s, k.Hash)
				if err != nil {
					return nil, err
				}
				st.Demotions = append(st.Demotions, *d)
			}
		}
	}
	out.Steps = steps
	return out, nil
}

// pairsBetween lists the pairs not at work of what ties an ID of one profile to
// one of the other, in their order.
func (x *Explainer) pairsBetween(from, to *reach) []PairLeftOut {
	var out []PairLeftOut
	ov := x.Engine.Overrides
	for h := range from.hops {
		for _, l := range ov.NotAtWork(x.Engine.Rules, h) {
			reaches := slices.ContainsFunc(ov.Bound(h), func(k Known) bool { _, ok := to.hops[k.Hash]; return ok })
			if reaches && !slices.ContainsFunc(out, func(o PairLeftOut) bool { return o.Pair == l.Pair }) {
				out = append(out, l)
			}
		}
	}
	slices.SortFunc(out, func(a, b PairLeftOut) int { return a.compare(b.Pair) })
	return out
}

// oneDemotion looks for a strand of one of the two profiles that holds an ID of
// the other, and returns the shortest chain through one.
func (x *Explainer) oneDemotion(from, to *reach) []Step {
	type crossing struct{ near, far Hash } // of from, of to
	least := math.MaxInt
	var best []crossing
	offer := func(c crossing) {
		n := from.hops[c.near] + to.hops[c.far]
		if n < least {
			least, best = n, nil
		}
		if n == least && !slices.Contains(best, c) {
			best = append(best, c)
		}
	}
	for _, s := range x.strands {
		if s == nil || s.Clean() {
			continue
		}
		for i := range s.Links {
			for k := range s.Links {
				p, q := &s.Links[i], &s.Links[k]
				if !(p.Verdict == Accepted && q.Verdict == Demoted || p.Verdict == Demoted && q.Verdict == Accepted) {
					continue
				}
				_, near := from.hops[p.Hash]
				_, far := to.hops[q.Hash]
				if near && far {
					offer(crossing{p.Hash, q.Hash})
				}
			}
		}
	}
	if best == nil {
		return nil
	}
	c := slices.MinFunc(best, func(c, d crossing) int {
		rs := x.Engine.Rules
		if n := rs.ComparePriority(x.id(c.near), x.id(d.near)); n != 0 {
			return n
		}
		return rs.ComparePriority(x.id(c.far), x.id(d.far))
	})
	steps := x.steps(x.walkBack(from, c.near))
	steps = append(steps, x.crossing(c.near, c.far))
	return append(steps, x.steps(append([]Hash{c.far}, x.walkOn(to, c.far)...))...)
}

// oneBetween looks for an ID that strands of both profiles hold and do not
// accept, and returns the shortest chain through one.
func (x *Explainer) oneBetween(from, to *reach) []Step {
	ends := map[Hash][2]Hash{} // of an ID in the middle: the nearest IDs seen with it
	for side, r := range []*reach{from, to} {
		for _, s := range x.strands {
			if s == nil || s.Clean() {
				continue
			}
			var near []Hash
			for i := range s.Links {
				l := &s.Links[i]
				n, ok := r.hops[l.Hash]
				if !ok || l.Verdict != Accepted {
					continue
				}
				if len(near) > 0 && n < r.hops[near[0]] {
					near = near[:0]
				}
				if len(near) == 0 || n == r.hops[near[0]] {
					near = append(near, l.Hash)
				}
			}
			if len(near) == 0 {
				continue
			}
			best := x.best(near)
			for i := range s.Links {
				l := &s.Links[i]
				if l.Verdict != Demoted {
					continue
				}
				e := ends[l.Hash]
				if old := e[side]; old == (Hash{}) || r.hops[best] < r.hops[old] || r.hops[best] == r.hops[old] && x.best([]Hash{best, old}) == best {
					e[side] = best
					ends[l.Hash] = e
				}
			}
		}
	}
	least := math.MaxInt
	var best []Hash
	for mid, e := range ends {
		if e[0] == (Hash{}) || e[1] == (Hash{}) {
			continue
		}
		n := from.hops[e[0]] + to.hops[e[1]]
		if n < least {
			least, best = n, nil
		}
		if n == least {
			best = append(best, mid)
		}
	}
	if best == nil {
		return nil
	}
	mid := x.best(best)
	e := ends[mid]
	steps := x.steps(x.walkBack(from, e[0]))
	steps = append(steps, x.crossing(e[0], mid), x.crossing(mid, e[1]))
	return append(steps, x.steps(append([]Hash{e[1]}, x.walkOn(to, e[1])...))...)
}

// crossing is the step between two IDs that a strand was seen with and at least
// one of which it does not accept. Of the strands that hold both, those that
// leave out the same IDs as the first of those that leave out the fewest.
func (x *Explainer) crossing(a, b Hash) Step {
	if x.decided(a, b) {
		return x.steps([]Hash{a, b})[0]
	}
	st := Step{From: x.known(a), To: x.known(b)}
	var all []*Strand
	for _, s := range x.holding[a] {
		if s.link(b) != nil && s.weight(a, b) >= 0 {
			all = append(all, s)
		}
	}
	byFirst(all)
	first := slices.MinFunc(all, func(s, t *Strand) int { return s.weight(a, b) - t.weight(a, b) })
	for _, s := range all {
		if s.link(a).Verdict == first.link(a).Verdict && s.link(b).Verdict == first.link(b).Verdict {
			st.Strands = append(st.Strands, s)
		}
	}
	return st
}

// weight is how many of two IDs that it holds a strand does not accept; less
// than 0 if one of them identifies nobody.
func (s *Strand) weight(a, b Hash) int {
	n := 0
	for _, h := range []Hash{a, b} {
		switch s.link(h).Verdict {
		case Blocked:
			return -1
		case Demoted:
			n++
		}
	}
	return n
}

// far is how far an ID is along links of any verdict: first by demotions, then
// by steps.
type far struct{ demotions, hops int }

func (f far) less(g far) bool {
	return f.demotions < g.demotions || f.demotions == g.demotions && f.hops < g.hops
}

// fewestDemotions searches along accepted and demoted links, all IDs that are
// equally far at once. It returns nil if b cannot be reached.
func (x *Explainer) fewestDemotions(a, b Hash) ([]Step, error) {
	dist := map[Hash]far{a: {}}
	waiting := map[far][]Hash{{}: {a}}
	for len(waiting) > 0 {
		var at far
		first := true
		for f := range waiting {
			if first || f.less(at) {
				at, first = f, false
			}
		}
		var ids []Hash
		for _, h := range waiting[at] {
			if dist[h] == at {
				ids = append(ids, h) // not reached by a shorter way meanwhile
			}
		}
		delete(waiting, at)
		if slices.Contains(ids, b) {
			return x.walkApart(dist, b), nil
		}
		lists, err := x.Graph.Touching(ids, Beginning)
		if err != nil {
			return nil, err
		}
		if err := x.read(lists); err != nil {
			return nil, err
		}
		offer := func(other Hash, f far) {
			if old, ok := dist[other]; !ok || f.less(old) {
				dist[other] = f
				waiting[f] = append(waiting[f], other)
			}
		}
		for _, id := range ids {
			for _, k := range x.pairs(id) {
				offer(k.Hash, far{at.demotions, at.hops + 1})
			}
			for _, s := range x.holding[id] {
				for i := range s.Links {
					other := s.Links[i].Hash
					w := s.weight(id, other)
					if other == id || w < 0 {
						continue
					}
					offer(other, far{at.demotions + w, at.hops + 1})
				}
			}
		}
	}
	return nil, nil
}

// walkApart goes back from an ID along the ways that fewestDemotions found.
func (x *Explainer) walkApart(dist map[Hash]far, to Hash) []Step {
	var steps []Step
	for at := to; dist[at].hops > 0; {
		var before []Hash
		for _, k := range x.pairs(at) {
			if f, ok := dist[k.Hash]; ok && dist[at] == (far{f.demotions, f.hops + 1}) {
				before = append(before, k.Hash)
			}
		}
		for _, s := range x.holding[at] {
			for i := range s.Links {
				l := &s.Links[i]
				f, ok := dist[l.Hash]
				if !ok || l.Hash == at {
					continue
				}
				if w := s.weight(l.Hash, at); w >= 0 && dist[at] == (far{f.demotions + w, f.hops + 1}) {
					before = append(before, l.Hash)
				}
			}
		}
		h := x.best(before)
		steps = append(steps, x.crossing(h, at))
		at = h
	}
	slices.Reverse(steps)
	return steps
}

// blockedInCommon lists the IDs that name nobody with which both profiles were
// seen.
func (x *Explainer) blockedInCommon(from, to *reach) []ID {
	seen := map[ID]int{} // 1: with the one, 2: with the other
	for _, s := range x.strands {
		if s == nil {
			continue
		}
		side := 0
		for i := range s.Links {
			l := &s.Links[i]
			if l.Verdict != Accepted {
				continue
			}
			if _, ok := from.hops[l.Hash]; ok {
				side = 1
			} else if _, ok := to.hops[l.Hash]; ok {
				side = 2
			}
		}
		for i := range s.Links {
			if l := &s.Links[i]; l.Verdict == Blocked {
				seen[l.ID] |= side
			}
		}
	}
	var out []ID
	for id, sides := range seen {
		if sides == 3 {
			out = append(out, id)
		}
	}
	slices.SortFunc(out, ID.Compare)
	return out
}
