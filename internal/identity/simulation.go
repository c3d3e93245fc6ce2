package identity

import (
	"cmp"
	"slices"
)

// Simulation says what draft rules would change.
type Simulation struct {
	Strands, IDs int
	Before       Population
	After        Population

	// Of the profiles before: as they were; coming apart; becoming part of a
	// larger one; losing IDs that then belong to nobody, or all of them. One may
	// do several of the last three.
	Same, Split, Merged, Losing int
	// Gaining are profiles that only take in IDs that nobody owned.
	Gaining int

	Suspects []Suspect  // values that hold unusually many strands, the most first
	Sample   []Affected // some that differ, in an order that does not depend on anything
	Decided  int        // strands that had to be decided one by one
	Reread   int        // events that were read again
}

// Population is the profiles under one set of rules.
type Population struct {
	Profiles   int
	Largest    []Group // by strands, the largest first
	Violations []ViolationCount
}

// Group is a profile as a set of IDs.
type Group struct {
	Founded Founded // the profile's ID, if it has one already
	IDs     []ID    // by priority under the draft, at most mostGroupIDs
	Count   int     // of all its IDs
	Strands int
}

// ViolationCount counts demotions of one kind: pairs of strand and ID.
type ViolationCount struct {
	Violation
	Count int
}

// Suspect is a value that ties together more than one would expect of a person.
type Suspect struct {
	ID      ID
	Strands int // that hold it
	// Pieces is into how many the IDs that are tied to it, directly or not, would
	// fall if its value were blocked: 1 means that it ties nothing together alone.
	Pieces int
}

// Affected is a part of the graph that comes out differently: the profiles that
// share IDs before and after.
type Affected struct {
	Before, After []Group
	Unowned       []ID // that belong to nobody after
}

// The bounds of what a simulation lists.
const (
	mostLargest    = 10
	mostSuspects   = 20
	mostSample     = 20
	mostGroupIDs   = 50
	suspectStrands = 30 // fewer are a person with many devices
)

// Simulation compares the outcome with what is stored.
func (o *Outcome) Simulation() *Simulation {
	m := o.m
	sim := &Simulation{Strands: len(m.strands), IDs: len(m.ids), Decided: o.Decided, Reread: o.Reread}
	before := make([]int32, len(m.ids))
	for k := range m.ids {
		before[k] = -1
		if m.ids[k].owned {
			before[k] = m.before.root(int32(k))
		}
	}
	b, a := m.tally(before, true), m.tally(o.group, false)
	a.inherit(before, o.group, b)
	sim.Before.Profiles, sim.After.Profiles = len(b.roots), len(a.roots)
	sim.Before.Violations, sim.After.Violations = counted(m.violations), counted(o.violations)
	sim.Before.Largest = b.largest(m, before)
	sim.After.Largest = a.largest(m, o.group)

	// Two profiles are the same if they have one size and every ID of the one is
	// in the other.
	into := make([]int32, len(m.ids)) // the one group that a profile's IDs go to; -2: several
	for k := range into {
		into[k] = -3 // none seen yet
	}
	losing := make([]bool, len(m.ids))
	for k := range m.ids {
		p := before[k]
		if p < 0 {
			continue
		}
		g := o.group[k]
		switch {
		case g < 0:
			losing[p] = true
		case into[p] == -3:
			into[p] = g
		case into[p] != g:
			into[p] = -2
		}
	}
	grows := make([]int32, len(m.ids)) // how many profiles a group takes IDs of
	last := make([]int32, len(m.ids))
	for k := range m.ids {
		if p, g := before[k], o.group[k]; p >= 0 && g >= 0 && last[g] != p+1 {
			// Counted again when two profiles take turns; more than one is all
			// that matters.
			last[g] = p + 1
			grows[g]++
		}
	}
	for _, p := range b.roots {
		split, merged := into[p] == -2, false
		if into[p] >= 0 {
			merged = grows[into[p]] > 1
		}
		if split {
			sim.Split++
		}
		if losing[p] {
			sim.Losing++
		}
		if merged {
			sim.Merged++
		}
		if !split && !merged && !losing[p] {
			if b.ids[p] == a.ids[into[p]] {
				sim.Same++
			} else {
				sim.Gaining++
			}
		}
	}
	sim.Suspects = o.suspects()
	sim.Sample = o.sample(before, b, a)
	return sim
}

// sizes counts IDs and strands of groups by their roots.
type sizes struct {
	roots        []int32 // ascending
	ids, strands []int32
	founder      []Founded // the oldest profile that was founded there
}

// tally counts; past asks for what is stored where the draft's strands are
// others.
func (m *Model) tally(group []int32, past bool) *sizes {
	s := &sizes{ids: make([]int32, len(m.ids)), strands: make([]int32, len(m.ids)), founder: make([]Founded, len(m.ids))}
	for _, g := range group {
		if g < 0 {
			continue
		}
		if s.ids[g]++; s.ids[g] == 1 {
			s.roots = append(s.roots, g)
		}
	}
	if past && len(m.past) > 0 {
		for i := range m.past {
			st := &m.past[i]
			s.add(m.top(m.pastLinks[st.from:st.to], group), group, st.founded)
		}
	} else {
		for n := range m.strands {
			st := &m.strands[n]
			s.add(m.top(m.links[st.from:st.to], group), group, st.founded)
		}
	}
	slices.Sort(s.roots)
	return s
}

// add counts a strand by its most important ID.
func (s *sizes) add(top int32, group []int32, f Founded) {
	if top < 0 {
		return
	}
	g := group[top]
	s.strands[g]++
	s.found(g, f)
}

func (s *sizes) found(g int32, f Founded) {
	if old := &s.founder[g]; f != (Founded{}) && (*old == (Founded{}) || slices.Compare(f[:], old[:]) < 0) {
		*old = f
	}
}

// inherit gives groups without a founding strand the oldest profile whose IDs
// they have.
func (s *sizes) inherit(before, group []int32, b *sizes) {
	for _, g := range s.roots {
		if s.founder[g] != (Founded{}) {
			return // strands say it, where the draft has the same
		}
	}
	for k, g := range group {
		if g >= 0 && before[k] >= 0 {
			s.found(g, b.founder[before[k]])
		}
	}
}

// top returns the ID of a strand that says whose it is: the one of the highest
// priority that anybody owns.
func (m *Model) top(links []modelLink, group []int32) int32 {
	best := int32(-1)
	for _, l := range links {
		if group[l.id] >= 0 && (best < 0 || m.rs.ComparePriority(m.ids[l.id].id, m.ids[best].id) < 0) {
			best = l.id
		}
	}
	return best
}

// largest lists the groups with the most strands.
func (s *sizes) largest(m *Model, group []int32) []Group {
	order := func(a, b int32) int {
		return cmp.Or(cmp.Compare(s.strands[b], s.strands[a]), cmp.Compare(s.ids[b], s.ids[a]), slices.Compare(m.ids[a].hash[:], m.ids[b].hash[:]))
	}
	var top []int32
	for _, g := range s.roots {
		if len(top) == mostLargest && order(g, top[mostLargest-1]) >= 0 {
			continue
		}
		at, _ := slices.BinarySearchFunc(top, g, order)
		if top = slices.Insert(top, at, g); len(top) > mostLargest {
			top = top[:mostLargest]
		}
	}
	members := map[int32][]ID{}
	for _, g := range top {
		members[g] = nil
	}
	for k, g := range group {
		if list, ok := members[g]; ok && g >= 0 {
			members[g] = append(list, m.ids[k].id)
		}
	}
	out := make([]Group, len(top))
	for i, g := range top {
		out[i] = s.group(m, g, members[g])
	}
	return out
}

func (s *sizes) group(m *Model, root int32, ids []ID) Group {
	slices.SortFunc(ids, m.rs.ComparePriority)
	g := Group{Founded: s.founder[root], Count: len(ids), Strands: int(s.strands[root])}
	g.IDs = slices.Clone(ids[:min(len(ids), mostGroupIDs)])
	return g
}

func counted(v map[Violation]int) []ViolationCount {
	out := make([]ViolationCount, 0, len(v))
	for k, n := range v {
		out = append(out, ViolationCount{k, n})
	}
	slices.SortFunc(out, func(a, b ViolationCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Broke, b.Broke))
	})
	return out
}

// suspects finds the values that hold the most strands, and what blocking each
// would do.
func (o *Outcome) suspects() []Suspect {
	m := o.m
	var top []int32
	order := func(a, b int32) int {
		return cmp.Or(cmp.Compare(m.ids[b].strands, m.ids[a].strands), slices.Compare(m.ids[a].hash[:], m.ids[b].hash[:]))
	}
	for k := range m.ids {
		id := &m.ids[k]
		if id.nobody() || id.strands < suspectStrands {
			continue
		}
		if len(top) == mostSuspects && order(int32(k), top[mostSuspects-1]) >= 0 {
			continue
		}
		at, _ := slices.BinarySearchFunc(top, int32(k), order)
		if top = slices.Insert(top, at, int32(k)); len(top) > mostSuspects {
			top = top[:mostSuspects]
		}
	}
	out := make([]Suspect, len(top))
	for i, k := range top {
		out[i] = Suspect{m.ids[k].id, int(m.ids[k].strands), o.without(k)}
	}
	return out
}

// without counts the pieces into which everything that is tied to an ID falls
// when the ID is taken out.
func (o *Outcome) without(k int32) int {
	m := o.m
	tied := map[int32]int32{} // a union-find of its own
	var root func(int32) int32
	root = func(x int32) int32 {
		for tied[x] != x {
			tied[x] = tied[tied[x]]
			x = tied[x]
		}
		return x
	}
	for n := o.heads[m.cluster.root(k)]; n >= 0; n = o.next[n] {
		first := int32(-1)
		for _, l := range m.links[m.strands[n].from:m.strands[n].to] {
			if l.id == k || m.ids[l.id].nobody() {
				continue
			}
			if _, ok := tied[l.id]; !ok {
				tied[l.id] = l.id
			}
			if first < 0 {
				first = l.id
				continue
			}
			if a, b := root(first), root(l.id); a != b {
				tied[b] = a
			}
		}
	}
	pieces := 0
	for x := range tied {
		if root(x) == x {
			pieces++
		}
	}
	return pieces
}

// sample shows some clusters that come out differently: those whose IDs have the
// smallest hashes, which is as good as drawing lots and always the same.
func (o *Outcome) sample(before []int32, b, a *sizes) []Affected {
	m := o.m
	differs := map[int32]bool{} // clusters in which a profile is not as it was
	note := func(k int32) { differs[m.cluster.root(k)] = true }
	pair := make(map[int32]int32, 1024)
	for k := range m.ids {
		p, g := before[k], o.group[k]
		switch {
		case p < 0 && g < 0:
		case p < 0 || g < 0:
			note(int32(k))
		case b.ids[p] != a.ids[g]:
			note(int32(k))
		default:
			if other, ok := pair[p]; ok && other != g {
				note(int32(k))
			}
			pair[p] = g
		}
	}
	clusters := make([]int32, 0, len(differs))
	for c := range differs {
		clusters = append(clusters, c)
	}
	slices.SortFunc(clusters, func(x, y int32) int { return slices.Compare(m.ids[x].hash[:], m.ids[y].hash[:]) })
	clusters = clusters[:min(len(clusters), mostSample)]
	out := make([]Affected, 0, len(clusters))
	for _, c := range clusters {
		var aff Affected
		was, is := map[int32][]ID{}, map[int32][]ID{}
		seen := map[int32]bool{}
		for n := o.heads[c]; n >= 0; n = o.next[n] {
			for _, l := range m.links[m.strands[n].from:m.strands[n].to] {
				if seen[l.id] {
					continue
				}
				seen[l.id] = true
				id := m.ids[l.id].id
				if p := before[l.id]; p >= 0 {
					was[p] = append(was[p], id)
				}
				if g := o.group[l.id]; g >= 0 {
					is[g] = append(is[g], id)
				} else if before[l.id] >= 0 {
					aff.Unowned = append(aff.Unowned, id)
				}
			}
		}
		aff.Before, aff.After = listed(m, b, was), listed(m, a, is)
		aff.Before, aff.After = changedOnly(aff.Before, aff.After)
		slices.SortFunc(aff.Unowned, ID.Compare)
		out = append(out, aff)
	}
	return out
}

// mostAffected bounds the profiles on each side of one sample.
const mostAffected = 20

func listed(m *Model, s *sizes, groups map[int32][]ID) []Group {
	out := make([]Group, 0, len(groups))
	for root, ids := range groups {
		out = append(out, s.group(m, root, ids))
	}
	slices.SortFunc(out, func(x, y Group) int {
		return cmp.Or(cmp.Compare(y.Strands, x.Strands), cmp.Compare(y.Count, x.Count), x.IDs[0].Compare(y.IDs[0]))
	})
	return out
}

// changedOnly leaves out the profiles that are on both sides.
func changedOnly(before, after []Group) (b, a []Group) {
	same := func(x, y Group) bool { return x.Count == y.Count && slices.Equal(x.IDs, y.IDs) }
	for _, g := range before {
		if !slices.ContainsFunc(after, func(x Group) bool { return same(g, x) }) && len(b) < mostAffected {
			b = append(b, g)
		}
	}
	for _, g := range after {
		if !slices.ContainsFunc(before, func(x Group) bool { return same(g, x) }) && len(a) < mostAffected {
			a = append(a, g)
		}
	}
	return b, a
}
