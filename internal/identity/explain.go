package identity

import (
	"errors"
	"slices"
)

// ErrTooLarge is returned when an explanation would have to look at more strands
// than its caller allowed.
var ErrTooLarge = errors.New("identity: more strands hang together here than can be looked through")

// Explainer says why two IDs belong to one profile, or why they do not. It reads
// one consistent state and serves one question: what it read it keeps.
type Explainer struct {
	Engine *Engine
	Graph  Graph
	Most   int // strands that it may read; 0: no bound

	strands map[Hash]*Strand   // all that were read
	holding map[Hash][]*Strand // the same by every ID that they hold
	paired  map[Hash][]Known   // what people tied directly to an ID that was looked at
	named   map[Hash]ID        // of the IDs in paired
}

// Step is a pair of IDs that were seen together, or that people tied together:
// one link of the chain between two IDs.
type Step struct {
	From, To Known
	// Decided says that people tied the two together (Overrides.Same). Then
	// Strands, none perhaps, are those that accept both.
	Decided bool
	// Strands were seen with both, by their first events. On a chain of accepted
	// links each accepts both.
	Strands []*Strand
	// Demotions say which of the two was left out and why; empty if neither was.
	// They are told of the first of the strands.
	Demotions []Demotion
}

// Known is an ID with its hash.
type Known struct {
	ID   ID
	Hash Hash
}

// Path returns the shortest chain of accepted links from one ID to another, nil
// and false if they are in different profiles. Of several shortest ones it
// prefers that through the IDs of the highest priority. The chain from an ID to
// itself has no steps.
//
// The search goes from both ends, level by level, so that a store far away pays
// a round trip for each step and not for each strand.
func (x *Explainer) Path(a, b Hash) ([]Step, bool, error) {
	if a == b {
		return nil, true, nil
	}
	from, to := newReach(a), newReach(b)
	meet, ok, err := x.meet(from, to)
	if err != nil || !ok {
		return nil, false, err
	}
	return x.steps(append(x.walkBack(from, meet), x.walkOn(to, meet)...)), true, nil
}

// reach is what accepted links lead to from one ID.
type reach struct {
	hops  map[Hash]int
	level []Hash // reached last, not yet looked at
	depth int
}

func newReach(h Hash) *reach { return &reach{hops: map[Hash]int{h: 0}, level: []Hash{h}} }

// meet grows both reaches until they touch, and returns the ID in the middle;
// false when one of them ends before.
func (x *Explainer) meet(from, to *reach) (Hash, bool, error) {
	for len(from.level) > 0 && len(to.level) > 0 {
		r, other := from, to
		if len(to.level) < len(from.level) {
			r, other = to, from
		}
		if err := x.grow(r); err != nil {
			return Hash{}, false, err
		}
		// Before this level nothing met, so everything that meets now is equally
		// far.
		var met []Hash
		for _, h := range r.level {
			if _, ok := other.hops[h]; ok {
				met = append(met, h)
			}
		}
		if len(met) > 0 {
			return x.best(met), true, nil
		}
	}
	return Hash{}, false, nil
}

// grow goes one level further.
func (x *Explainer) grow(r *reach) error {
	lists, err := x.Graph.Accepting(r.level)
	if err != nil {
		return err
	}
	if err := x.read(lists); err != nil {
		return err
	}
	r.depth++
	var next []Hash
	for _, id := range r.level {
		for _, k := range x.pairs(id) {
			if _, ok := r.hops[k.Hash]; !ok {
				r.hops[k.Hash] = r.depth
				next = append(next, k.Hash)
			}
		}
		for _, s := range x.holding[id] {
			if s.link(id).Verdict != Accepted {
				continue
			}
			for i := range s.Links {
				l := &s.Links[i]
				if l.Verdict != Accepted {
					continue
				}
				if _, ok := r.hops[l.Hash]; !ok {
					r.hops[l.Hash] = r.depth
					next = append(next, l.Hash)
				}
			}
		}
	}
	r.level = next
	return nil
}

// finish grows a reach to its end: all IDs of the profile.
func (x *Explainer) finish(r *reach) error {
	for len(r.level) > 0 {
		if err := x.grow(r); err != nil {
			return err
		}
	}
	return nil
}

// read loads the strands of lists that are not yet there.
func (x *Explainer) read(lists [][]Hash) error {
	if x.strands == nil {
		x.strands, x.holding = map[Hash]*Strand{}, map[Hash][]*Strand{}
	}
	var missing []Hash
	for _, list := range lists {
		for _, h := range list {
			if _, ok := x.strands[h]; !ok {
				x.strands[h] = nil
				missing = append(missing, h)
			}
		}
	}
	if x.Most > 0 && len(x.strands) > x.Most {
		return ErrTooLarge
	}
	if len(missing) == 0 {
		return nil
	}
	got, err := x.Graph.Strands(missing)
	if err != nil {
		return err
	}
	for i, s := range got {
		if s == nil {
			continue
		}
		x.strands[missing[i]] = s
		for k := range s.Links {
			h := s.Links[k].Hash
			x.holding[h] = append(x.holding[h], s)
		}
	}
	return nil
}

// walkBack lists the IDs from the origin of a reach to one that it came to.
func (x *Explainer) walkBack(r *reach, to Hash) []Hash {
	way := x.walkOn(r, to)
	slices.Reverse(way)
	return append(way, to)
}

// walkOn lists the IDs from one that a reach came to, without it, to the origin.
func (x *Explainer) walkOn(r *reach, from Hash) []Hash {
	var way []Hash
	for at := from; r.hops[at] > 0; {
		var before []Hash
		for _, k := range x.pairs(at) {
			if n, ok := r.hops[k.Hash]; ok && n == r.hops[at]-1 {
				before = append(before, k.Hash)
			}
		}
		for _, s := range x.holding[at] {
			if s.link(at).Verdict != Accepted {
				continue
			}
			for i := range s.Links {
				l := &s.Links[i]
				if n, ok := r.hops[l.Hash]; ok && l.Verdict == Accepted && n == r.hops[at]-1 {
					before = append(before, l.Hash)
				}
			}
		}
		at = x.best(before)
		way = append(way, at)
	}
	return way
}

// best chooses among equals, the same one always: the ID of the highest
// priority.
func (x *Explainer) best(ids []Hash) Hash {
	return slices.MinFunc(ids, func(a, b Hash) int {
		return x.Engine.Rules.ComparePriority(x.id(a), x.id(b))
	})
}

// id names an ID that one of the strands holds.
func (x *Explainer) id(h Hash) ID {
	for _, s := range x.holding[h] {
		return s.link(h).ID
	}
	return x.named[h]
}

// pairs lists what people tied directly to an ID.
func (x *Explainer) pairs(id Hash) []Known {
	if list, ok := x.paired[id]; ok {
		return list
	}
	if x.paired == nil {
		x.paired, x.named = map[Hash][]Known{}, map[Hash]ID{}
	}
	var list []Known
	for _, p := range x.Engine.Overrides.Pairs(x.Engine.Rules, id) {
		x.named[p.A.Hash], x.named[p.B.Hash] = p.A.ID, p.B.ID
		list = append(list, p.other(id))
	}
	x.paired[id] = list
	return list
}

// decided reports whether people tied two IDs together directly.
func (x *Explainer) decided(a, b Hash) bool {
	return slices.ContainsFunc(x.pairs(a), func(k Known) bool { return k.Hash == b })
}

func (x *Explainer) known(h Hash) Known { return Known{x.id(h), h} }

// steps gives a chain of accepted links its evidence: for each pair all strands
// that accept both. One of the two was looked at with all of its strands.
func (x *Explainer) steps(way []Hash) []Step {
	var out []Step
	for i := 0; i+1 < len(way); i++ {
		st := Step{From: x.known(way[i]), To: x.known(way[i+1]), Decided: x.decided(way[i], way[i+1])}
		for _, s := range x.holding[way[i]] {
			if y := s.link(way[i+1]); y != nil && y.Verdict == Accepted && s.link(way[i]).Verdict == Accepted {
				st.Strands = append(st.Strands, s)
			}
		}
		byFirst(st.Strands)
		out = append(out, st)
	}
	return out
}

// byFirst orders strands by the time of their first events.
func byFirst(strands []*Strand) {
	slices.SortFunc(strands, func(a, b *Strand) int { return compareTime(a.First, b.First) })
}

// compareTime orders places by the time of their events, whoever they are of.
func compareTime(p, q Pos) int {
	p.Class, q.Class = 0, 0
	return p.Compare(q)
}
