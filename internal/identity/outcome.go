package identity

import "slices"

// Events supplies what a Model does not hold: all events of strands, in order of
// arrival. The strands of the occurrences must be those that were asked for.
type Events func(strands []*Strand) ([]Occurrence, error)

// Outcome is what draft rules make of a Model.
type Outcome struct {
	m *Model
	// group is the group of each ID under the draft: the number of its first ID;
	// -1: nobody owns it.
	group []int32
	// clusters that differ from what is stored, as numbers of strands.
	differ [][]int32
	// heads and next list the strands of each cluster.
	heads, next []int32

	violations map[Violation]int
	Decided    int // strands that had to be decided one by one
	Reread     int // events that were asked for
}

// Outcome decides everything under the draft. Where strands commute, they are
// tied together and that is all; the others are resolved, a cluster at a time,
// with their first events, or with all of them where a window is at work or the
// order of arrival counts. progress is called now and then; its error ends the
// work.
func (m *Model) Outcome(events Events, progress func(done, total int) error) (*Outcome, error) {
	m.tiePairs()
	o := &Outcome{m: m, group: make([]int32, len(m.ids)), heads: make([]int32, len(m.ids)), next: make([]int32, len(m.strands)), violations: map[Violation]int{}}
	for k := range m.ids {
		o.group[k], o.heads[k] = -1, -1
		if id := &m.ids[k]; !id.nobody() && id.strands > 0 { // none: the draft looks elsewhere, and sees it no more
			o.group[k] = m.after.root(int32(k))
		}
	}
	for n := len(m.strands) - 1; n >= 0; n-- {
		c := m.clusterOf(int32(n))
		if c < 0 {
			continue // all its IDs name nobody, before and after
		}
		o.next[n], o.heads[c] = o.heads[c], int32(n)
	}
	var strands, ids []int32
	seen := make([]int32, len(m.ids)) // the cluster, plus one, in which an ID was met
	var census census
	for c := range m.ids {
		if c%4096 == 0 {
			if err := progress(c, len(m.ids)); err != nil {
				return nil, err
			}
		}
		if o.heads[c] < 0 {
			continue
		}
		strands, ids = strands[:0], ids[:0]
		for n := o.heads[c]; n >= 0; n = o.next[n] {
			strands = append(strands, n)
			for _, l := range m.links[m.strands[n].from:m.strands[n].to] {
				if seen[l.id] != int32(c)+1 {
					seen[l.id] = int32(c) + 1
					ids = append(ids, l.id)
				}
			}
		}
		if err := o.decide(strands, ids, &census, events); err != nil {
			return nil, err
		}
	}
	// Strands of which every ID names nobody are in no cluster.
	for n := range m.strands {
		st := &m.strands[n]
		for _, l := range m.links[st.from:st.to] {
			if m.ids[l.id].nobody() {
				o.violations[Violation{m.ids[l.id].id.Type, m.ids[l.id].why, ""}]++
			}
		}
		if m.clusterOf(int32(n)) < 0 && !m.setAside(int32(n)) {
			o.differ = append(o.differ, []int32{int32(n)})
		}
	}
	return o, progress(len(m.ids), len(m.ids))
}

// clusterOf returns the cluster of a strand, -1 if it has none.
func (m *Model) clusterOf(n int32) int32 {
	for _, l := range m.links[m.strands[n].from:m.strands[n].to] {
		if l.verdict == Accepted || !m.ids[l.id].nobody() || m.ids[l.id].owner >= 0 {
			return m.cluster.root(l.id)
		}
	}
	return -1
}

// census counts the values of each type in a cluster.
type census struct{ values []int }

// fits reports whether a cluster is one profile for sure: nothing in it can
// break a rule, whatever the order.
func (m *Model) fits(ids []int32, c *census) (whole, windowed bool) {
	c.values = slices.Grow(c.values[:0], len(m.types))[:len(m.types)]
	clear(c.values)
	total := 0
	whole = true
	first := int32(-1)
	for _, k := range ids {
		id := &m.ids[k]
		if id.concern {
			whole = false
		}
		if id.nobody() {
			if id.owned {
				whole = false // what it held together comes apart
			}
			continue
		}
		if first < 0 {
			first = m.after.root(k)
		}
		whole = whole && m.after.root(k) == first
		c.values[id.typ]++
		total++
	}
	for t, n := range c.values {
		if n == 0 {
			continue
		}
		if lim := m.rs.Limit(m.collection, m.types[t]); n > lim.Values {
			whole = false
			windowed = windowed || lim.Window != 0
		}
	}
	return whole && total <= m.rs.MaxIdentifiers(), windowed
}

// decide says what becomes of a cluster.
func (o *Outcome) decide(strands, ids []int32, c *census, events Events) error {
	m := o.m
	whole, windowed := m.fits(ids, c)
	if m.rs.Arrival() {
		// There may be too many merges, and which event was first is not known
		// here; but what was whole under the same order stays whole.
		whole = whole && m.Same && len(ids) <= m.rs.MaxMerges()
		for _, n := range strands {
			whole = whole && !m.demotes(n)
		}
		if whole {
			if !o.owned(ids) {
				o.differ = append(o.differ, slices.Clone(strands))
			}
			return nil
		}
	} else if whole {
		differs := m.All || !o.owned(ids)
		for _, n := range strands {
			differs = differs || !m.strands[n].fits
		}
		if differs {
			o.differ = append(o.differ, slices.Clone(strands))
		}
		return nil
	}

	all := make([]*Strand, len(strands))
	for i, n := range strands {
		all[i] = m.strand(n)
	}
	var occ []Occurrence
	if windowed || m.rs.Arrival() {
		var err error
		if occ, err = events(all); err != nil {
			return err
		}
		o.Reread += len(occ)
	} else {
		for i, n := range strands {
			occ = append(occ, Occurrence{Strand: all[i], Moment: m.strands[n].first.Moment})
		}
	}
	o.Decided += len(strands)
	res := Resolve(m.rs, m.ov, occ)
	for _, k := range ids {
		o.group[k] = -1
	}
	for _, g := range res.Groups {
		root := m.index[g[0].Hash]
		for _, mem := range g {
			root = min(root, m.index[mem.Hash])
		}
		for _, mem := range g {
			o.group[m.index[mem.Hash]] = root
		}
	}
	differs := false
	for _, n := range strands {
		now := res.Strands[m.strands[n].hash]
		if now == nil {
			continue // its events were erased
		}
		now.settle(m.rs)
		for i := range now.Links {
			if l := &now.Links[i]; l.Verdict == Demoted {
				o.violations[Violation{l.ID.Type, l.Reason, l.Broke}]++
			}
		}
		differs = differs || !m.agrees(m.stored(n), now)
	}
	if differs || m.All || !o.owned(ids) {
		o.differ = append(o.differ, slices.Clone(strands))
	}
	return nil
}

// owned reports whether each group of a cluster is one profile and each profile
// one group, as far as owners were told.
func (o *Outcome) owned(ids []int32) bool {
	if o.m.owners == nil {
		return true
	}
	profile, group := map[int32]int32{}, map[int32]int32{}
	for _, k := range ids {
		g, p := o.group[k], o.m.ids[k].owner
		if g < 0 && p < 0 {
			continue
		}
		if g < 0 || p < 0 {
			return false
		}
		if was, ok := profile[g]; ok && was != p {
			return false
		}
		if was, ok := group[p]; ok && was != g {
			return false
		}
		profile[g], group[p] = p, g
	}
	return true
}

// setAside reports whether all IDs of a strand are stored as naming nobody, for
// the reason that the draft has.
func (m *Model) setAside(n int32) bool {
	for _, l := range m.links[m.strands[n].from:m.strands[n].to] {
		if id := &m.ids[l.id]; l.verdict != Blocked || l.reason != id.why || id.owner >= 0 {
			return false
		}
	}
	return m.stored(n).First.Class == m.strands[n].first.Class
}

// demotes reports whether a stored strand leaves out an ID that names somebody
// under the draft, or the other way round.
func (m *Model) demotes(n int32) bool {
	for _, l := range m.links[m.strands[n].from:m.strands[n].to] {
		if l.aside() != m.ids[l.id].why || l.verdict == Demoted {
			return true
		}
	}
	return false
}

// agrees compares what is stored of a strand with what it should be.
func (m *Model) agrees(stored, now *Strand) bool {
	if m.Strict {
		return equalStrands(stored, now)
	}
	if stored.First != now.First {
		return false
	}
	for i := range now.Links {
		a, b := &stored.Links[i], &now.Links[i]
		if a.Verdict != b.Verdict || a.Verdict == Accepted && a.At != b.At || a.Verdict == Blocked && a.Reason != b.Reason {
			return false
		}
	}
	return true
}

// Different lists the strands of which something is stored otherwise than the
// draft has it, those that must be decided together in one list. What only an ID
// held together that names nobody under the draft is in lists of its own.
func (o *Outcome) Different() [][]Hash {
	out := make([][]Hash, 0, len(o.differ))
	for _, strands := range o.differ {
		at := map[int32]int{} // the list of what is tied together under the draft
		for _, n := range strands {
			root := o.m.tiedTo(n)
			i, ok := at[root]
			if !ok {
				i = len(out)
				at[root] = i
				out = append(out, nil)
			}
			out[i] = append(out[i], o.m.strands[n].hash)
		}
	}
	return out
}

// tiedTo is what a strand is tied together with under the draft; -1 if all its
// IDs name nobody.
func (m *Model) tiedTo(n int32) int32 {
	for _, l := range m.links[m.strands[n].from:m.strands[n].to] {
		if !m.ids[l.id].nobody() {
			return m.after.root(l.id)
		}
	}
	return -1
}

// Groups are the profiles under the draft, as Resolve gives them but without
// times.
func (o *Outcome) Groups() [][]Member {
	at := map[int32]int{}
	var out [][]Member
	for k, g := range o.group {
		if g < 0 {
			continue
		}
		i, ok := at[g]
		if !ok {
			i = len(out)
			at[g] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], Member{ID: o.m.ids[k].id, Hash: o.m.ids[k].hash})
	}
	return out
}

// NeedsEvents reports whether resolving strands that are tied together takes all
// their events: under order: arrival, and where a limit with a window is in
// reach. Else their first events are enough.
func NeedsEvents(rs *Ruleset, ov *Overrides, strands []*Strand) bool {
	if rs.Arrival() {
		return true
	}
	seen := map[Hash]bool{}
	values := map[string]int{}
	for _, s := range strands {
		for i := range s.Links {
			l := &s.Links[i]
			if seen[l.Hash] || ov.NamesNobody(rs, l.ID, l.Hash) {
				continue
			}
			seen[l.Hash] = true
			values[l.ID.Type]++
			if lim := rs.Limit(s.Collection, l.ID.Type); lim.Window != 0 && values[l.ID.Type] > lim.Values {
				return true
			}
		}
	}
	return false
}
