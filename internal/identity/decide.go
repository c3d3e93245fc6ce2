package identity

import (
	"slices"
)

// decision is the verdict on the IDs of one event that name somebody, in the order of
// priority.
type decision struct {
	ids     []ruling
	joined  []*group // distinct groups that own an accepted ID
	recheck int64    // earliest time at which a demotion by a window can end; 0: none
}

type ruling struct {
	link     *Link
	group    *group // what owned the ID before; nil: nobody
	accepted bool
	reason   Reason
	broke    string
}

// resolver is the greedy resolution of one event (DESIGN.md §3, step 2): IDs are
// taken in the order of priority, and one that would break a rule is left out.
type resolver struct {
	rs *Ruleset
	ov *Overrides
	// groupOf returns the group that owns an ID at this place, nil if nobody
	// does.
	groupOf func(l *Link) (*group, error)

	collection Collection

	types []string // scratch
	order []int
}

// decide rules on s's event at pos. The links of s are not changed, apart from
// those that name nobody being set aside.
func (j *resolver) decide(s *Strand, pos Pos) (decision, error) {
	j.order = s.setAside(j.rs, j.ov, j.order)
	d := decision{ids: make([]ruling, 0, len(j.order))}
	for _, i := range j.order {
		l := &s.Links[i]
		g, err := j.groupOf(l)
		if err != nil {
			return decision{}, err
		}
		r := ruling{link: l, group: g}
		var recheck int64
		r.reason, r.broke, recheck = j.violation(&d, s.Hash, l, g, pos.Time)
		if r.reason == ReasonNone {
			r.accepted = true
			if g != nil && !slices.Contains(d.joined, g) {
				d.joined = append(d.joined, g)
			}
		} else if recheck != 0 && (d.recheck == 0 || recheck < d.recheck) {
			d.recheck = recheck
		}
		d.ids = append(d.ids, r)
	}
	return d, nil
}

// violation says why the ID must not join what was accepted so far.
func (j *resolver) violation(d *decision, strand Hash, l *Link, g *group, t int64) (Reason, string, int64) {
	first := true
	for i := range d.ids {
		if d.ids[i].accepted {
			first = false
			break
		}
	}
	if first {
		return ReasonNone, "", 0 // the highest-priority ID says where the event goes
	}
	if j.ov != nil {
		if r := j.overridden(d, strand, l, g); r != ReasonNone {
			return r, "", 0
		}
	}
	if g != nil && slices.Contains(d.joined, g) {
		return ReasonNone, "", 0 // it is there already
	}
	if broke, recheck := j.overLimit(d, l, g, t); broke != "" {
		return ReasonLimit, broke, recheck
	}
	if j.overCap(d, g) {
		return ReasonCap, "", 0
	}
	if g != nil && j.rs.Arrival() && j.overMerges(d, g) {
		return ReasonMerges, "", 0
	}
	return ReasonNone, "", 0
}

// overLimit looks for an ID type of which the candidate would have too many
// values. Only types that the ID and its group bring can be over a limit that
// was kept before. Limits that last for ever are looked at first, so that a
// recheck is only promised when nothing permanent stands against the ID.
func (j *resolver) overLimit(d *decision, l *Link, g *group, t int64) (broke string, recheck int64) {
	j.types = j.types[:0]
	if g == nil {
		j.types = append(j.types, l.ID.Type)
	} else {
		for i := range g.members {
			if ty := g.members[i].ID.Type; !slices.Contains(j.types, ty) {
				j.types = append(j.types, ty)
			}
		}
		slices.Sort(j.types)
	}
	c := j.collection
	for _, windowed := range [...]bool{false, true} {
		for _, ty := range j.types {
			lim := j.rs.Limit(c, ty)
			if (lim.Window != 0) != windowed {
				continue
			}
			if j.exceeds(d, l, g, ty, lim, t) {
				if windowed {
					recheck = earliestExit(d, l, g, ty, lim, t)
				}
				return ty, recheck
			}
		}
	}
	return "", 0
}

// exceeds reports whether the candidate has more values of a type than the
// limit and more than each of the joined profiles had already: tightened rules
// never make a profile unreachable.
func (j *resolver) exceeds(d *decision, l *Link, g *group, ty string, lim Limit, t int64) bool {
	total, most := 0, 0
	add := func(g *group) {
		n := g.count(ty, lim, t)
		total += n
		most = max(most, n)
	}
	for _, g := range d.joined {
		add(g)
	}
	if g != nil {
		add(g)
	} else if l.ID.Type == ty {
		total++
	}
	for i := range d.ids {
		if r := &d.ids[i]; r.accepted && r.group == nil && r.link.ID.Type == ty {
			total++
		}
	}
	return total > lim.Values && total > most
}

// earliestExit returns the earliest time at which one of the candidate's
// values of a type can leave the window. Until then nothing that happens can
// end the demotion: groups only grow. A value that was added later than t may
// yet turn out to be older, but in the order of resolution no older than t.
func earliestExit(d *decision, l *Link, g *group, ty string, lim Limit, t int64) int64 {
	exit := t + int64(lim.Window) // the ID itself, and others that are new
	look := func(g *group) {
		for i := range g.members {
			m := &g.members[i]
			if m.ID.Type == ty && inWindow(lim, t, m.Time) {
				exit = min(exit, min(m.Time, t)+int64(lim.Window))
			}
		}
	}
	for _, g := range d.joined {
		look(g)
	}
	if g != nil {
		look(g)
	}
	return exit
}

func (j *resolver) overCap(d *decision, g *group) bool {
	total, most := 0, 0
	if g == nil {
		total = 1
	} else {
		total, most = len(g.members), len(g.members)
	}
	for _, g := range d.joined {
		total += len(g.members)
		most = max(most, len(g.members))
	}
	for i := range d.ids {
		if d.ids[i].accepted && d.ids[i].group == nil {
			total++
		}
	}
	return total > j.rs.MaxIdentifiers() && total > most
}

func (j *resolver) overMerges(d *decision, g *group) bool {
	if len(d.joined) == 0 {
		return false
	}
	total, most := g.merges+len(d.joined), g.merges
	for _, g := range d.joined {
		total += g.merges
		most = max(most, g.merges)
	}
	return total > j.rs.MaxMerges() && total > most
}

// overridden asks the overrides. What is joined already was allowed, so only
// what the ID brings can offend.
func (j *resolver) overridden(d *decision, strand Hash, l *Link, g *group) Reason {
	if j.ov.dropped[drop{strand, l.Hash}] {
		return ReasonDropped
	}
	if g != nil && slices.Contains(d.joined, g) {
		return ReasonNone
	}
	brings := []Hash{l.Hash}
	if g != nil {
		for i := range g.members {
			brings = append(brings, g.members[i].Hash)
		}
	}
	for _, h := range brings {
		for _, other := range j.ov.apart[h] {
			for i := range d.ids {
				if d.ids[i].accepted && d.ids[i].link.Hash == other {
					return ReasonCannotLink
				}
			}
			for _, g := range d.joined {
				if g.has(other) {
					return ReasonCannotLink
				}
			}
		}
	}
	return ReasonNone
}
