package identity

import (
	"math"
	"slices"
)

// same(a, b) says that two IDs are one person's although no event may say so. It
// is resolved before any event: what such pairs tie together is one group from
// the start, whatever limits and caps would say of it. It changes no strand's
// class. An ID that nobody has seen yet is bound when it comes.
//
// A pair is at work while both of its IDs name somebody and it does not put two
// IDs into one group that a cannot_link keeps apart. Pairs are taken in the order
// of their IDs, so that it does not matter who decided first.

// Unseen is the time of a group's member that no event has brought yet. It
// counts in no sliding window.
const Unseen = math.MaxInt64

// Pair is two IDs of which people decided that they are one person's; A is
// before B in canonical order.
type Pair struct{ A, B Known }

// NewPair returns a pair of distinct IDs in canonical order.
func NewPair(a, b Known) Pair {
	if b.ID.Compare(a.ID) < 0 {
		a, b = b, a
	}
	return Pair{a, b}
}

func (p Pair) compare(q Pair) int {
	if c := p.A.ID.Compare(q.A.ID); c != 0 {
		return c
	}
	return p.B.ID.Compare(q.B.ID)
}

// bond is what pairs tie together, those that are not at work included.
type bond struct {
	ids   []Known // in canonical order
	pairs []Pair  // distinct, in their order
}

// Same ties two distinct IDs together.
func (o *Overrides) Same(a, b Known) {
	if o.same == nil {
		o.same = map[Hash]*bond{}
	}
	p := NewPair(a, b)
	into := o.bondOf(p.A)
	if other := o.bondOf(p.B); other != into {
		if len(into.ids) < len(other.ids) {
			into, other = other, into
		}
		into.ids = append(into.ids, other.ids...)
		into.pairs = append(into.pairs, other.pairs...)
		for _, k := range other.ids {
			o.same[k.Hash] = into
		}
		slices.SortFunc(into.ids, func(a, b Known) int { return a.ID.Compare(b.ID) })
		slices.SortFunc(into.pairs, Pair.compare)
	}
	if at, twice := slices.BinarySearchFunc(into.pairs, p, Pair.compare); !twice {
		into.pairs = slices.Insert(into.pairs, at, p)
	}
}

func (o *Overrides) bondOf(k Known) *bond {
	b := o.same[k.Hash]
	if b == nil {
		b = &bond{ids: []Known{k}}
		o.same[k.Hash] = b
	}
	return b
}

// Bound lists the IDs that pairs tie to an ID, itself included, in canonical
// order, whether the pairs are at work or not; nil if no pair has the ID. The
// slice must not be changed.
func (o *Overrides) Bound(id Hash) []Known {
	if o == nil || o.same[id] == nil {
		return nil
	}
	return o.same[id].ids
}

// Together lists the IDs that are one group with an ID before any event, itself
// included, in canonical order; nil if it is alone.
func (o *Overrides) Together(rs *Ruleset, id Hash) []Known {
	if o == nil || o.same[id] == nil {
		return nil
	}
	ties := o.tie(rs, o.same[id])
	root := ties.root(id)
	var out []Known
	for _, k := range o.same[id].ids {
		if ties.root(k.Hash) == root {
			out = append(out, k)
		}
	}
	if len(out) < 2 {
		return nil
	}
	return out
}

// ties says what the pairs of one bond hold together.
type ties struct {
	up      map[Hash]Hash
	left    []PairLeftOut
	working []Pair
}

func (t *ties) root(h Hash) Hash {
	for {
		up, ok := t.up[h]
		if !ok {
			return h
		}
		h = up
	}
}

// PairLeftOut is a pair that is not at work, and why.
type PairLeftOut struct {
	Pair
	Reason Reason // ReasonBlocked or ReasonIsolated: one of its IDs names nobody; ReasonCannotLink
	// Nobody is the ID that names nobody.
	Nobody ID
	// Apart are the two IDs that a cannot_link keeps apart.
	Apart []ID
}

func (o *Overrides) tie(rs *Ruleset, b *bond) *ties {
	t := &ties{up: make(map[Hash]Hash, len(b.ids))}
	for _, p := range b.pairs {
		if l, out := o.leftOut(rs, b, t, p); out {
			t.left = append(t.left, l)
			continue
		}
		t.working = append(t.working, p)
		if a, b := t.root(p.A.Hash), t.root(p.B.Hash); a != b {
			t.up[b] = a
		}
	}
	return t
}

func (o *Overrides) leftOut(rs *Ruleset, b *bond, t *ties, p Pair) (PairLeftOut, bool) {
	for _, k := range []Known{p.A, p.B} {
		if why := o.WhyNobody(rs, k.ID, k.Hash); why != ReasonNone {
			return PairLeftOut{Pair: p, Reason: why, Nobody: k.ID}, true
		}
	}
	if len(o.apart) == 0 {
		return PairLeftOut{}, false
	}
	one, other := t.root(p.A.Hash), t.root(p.B.Hash)
	if one == other {
		return PairLeftOut{}, false
	}
	for _, k := range b.ids {
		if t.root(k.Hash) != one {
			continue
		}
		for _, far := range o.apart[k.Hash] {
			if i := slices.IndexFunc(b.ids, func(k Known) bool { return k.Hash == far }); i >= 0 && t.root(far) == other {
				return PairLeftOut{Pair: p, Reason: ReasonCannotLink, Apart: []ID{k.ID, b.ids[i].ID}}, true
			}
		}
	}
	return PairLeftOut{}, false
}

// Pairs returns the pairs at work that have an ID, in their order.
func (o *Overrides) Pairs(rs *Ruleset, id Hash) []Pair {
	if o == nil || o.same[id] == nil {
		return nil
	}
	var out []Pair
	for _, p := range o.tie(rs, o.same[id]).working {
		if p.A.Hash == id || p.B.Hash == id {
			out = append(out, p)
		}
	}
	return out
}

// NotAtWork lists the pairs that are left out of what is tied to an ID, in their
// order.
func (o *Overrides) NotAtWork(rs *Ruleset, id Hash) []PairLeftOut {
	if o == nil || o.same[id] == nil {
		return nil
	}
	return o.tie(rs, o.same[id]).left
}

// other is the ID of a pair that is not the given one.
func (p Pair) other(h Hash) Known {
	if p.A.Hash == h {
		return p.B
	}
	return p.A
}

// bonds lists what pairs tie together, in no order.
func (o *Overrides) bonds() []*bond {
	seen := map[*bond]bool{}
	var out []*bond
	for _, b := range o.same {
		if !seen[b] {
			seen[b] = true
			out = append(out, b)
		}
	}
	return out
}

// groups lists what the pairs of a bond hold together, none of a single ID.
func (o *Overrides) groups(rs *Ruleset, b *bond) [][]Known {
	t := o.tie(rs, b)
	at := map[Hash]int{}
	var all [][]Known
	for _, k := range b.ids {
		root := t.root(k.Hash)
		i, ok := at[root]
		if !ok {
			i = len(all)
			at[root] = i
			all = append(all, nil)
		}
		all[i] = append(all[i], k)
	}
	return slices.DeleteFunc(all, func(g []Known) bool { return len(g) < 2 })
}

// group puts the groups into owner that are there before any event of a strand.
func (o *Overrides) group(rs *Ruleset, s *Strand, owner map[Hash]*group) {
	if o == nil {
		return
	}
	for i := range s.Links {
		h := s.Links[i].Hash
		if o.same[h] == nil || owner[h] != nil {
			continue
		}
		for _, ids := range o.groups(rs, o.same[h]) {
			if owner[ids[0].Hash] != nil {
				break
			}
			g := &group{members: make([]Member, len(ids))}
			for k, id := range ids {
				g.members[k] = Member{id.ID, id.Hash, Unseen}
				owner[id.Hash] = g
			}
		}
	}
}

// seen leaves out the members of a group that no event has brought yet.
func (g *group) seen() (members []Member, unseen []Member) {
	n := 0
	for i := range g.members {
		if g.members[i].Time == Unseen {
			n++
		}
	}
	if n == 0 {
		return g.members, nil
	}
	for _, m := range g.members {
		if m.Time == Unseen {
			unseen = append(unseen, m)
		} else {
			members = append(members, m)
		}
	}
	return members, unseen
}
