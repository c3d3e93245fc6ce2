package identity

import "slices"

// Demotion explains why a strand does not accept an ID that it holds.
type Demotion struct {
	Strand *Strand
	ID     ID
	Hash   Hash
	Reason Reason

	// At is the event with which this was decided last. Others like it change
	// nothing, unless their time has reached Recheck (0: they never will).
	At      Pos
	Recheck int64

	// Broke is the type that would have had too many values, and Limit how many
	// it may have (ReasonLimit). Had are the values of that type that counted
	// when it was decided, Brought those that would have come in addition.
	// With the cap they are all identifiers, and Limit.Values is the cap; with the
	// merges they are empty.
	Broke        string
	Limit        Limit
	Had, Brought []Member

	// Merges is how many merges the profile would have gone through
	// (ReasonMerges).
	Merges int

	// Override names the IDs of which the override speaks that stands against
	// it: the one that was dropped, or the two that are kept apart.
	Override []ID

	// Now says that Had and Brought are as of now and not as of the decision:
	// under order: arrival the past cannot be walked.
	Now bool
	// Unclear says that the decision could not be made out again, because work on
	// it is pending or the profile changed since (order: arrival): only Reason and
	// Broke are known then.
	Unclear bool
}

// Demotion explains why a strand of the graph does not accept an ID. The decision
// is made again, at its place in the order, against the profiles as they were
// then.
func (x *Explainer) Demotion(s *Strand, id Hash) (*Demotion, error) {
	l := s.link(id)
	d := &Demotion{
		Strand: s, ID: l.ID, Hash: l.Hash, Reason: l.Reason, At: s.Evaluated, Recheck: s.Recheck,
		Broke: l.Broke, Now: x.Engine.Rules.Arrival(),
	}
	r := x.Engine.replay(x.Graph)
	r.judge.collection = s.Collection
	en, err := r.load(s.Clone())
	if err != nil {
		return nil, err
	}
	at := map[Hash]*group{}
	r.judge.groupOf = func(l *Link) (*group, error) { return r.groupAt(l.Hash, s.Evaluated, at) }
	verdict, err := r.judge.decide(en.s, s.Evaluated)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(verdict.ids, func(ru ruling) bool { return ru.link.Hash == id })
	if i < 0 || verdict.ids[i].accepted {
		d.Unclear = true
		d.Limit = x.limit(s.Collection, d.Reason, d.Broke)
		return d, nil
	}
	ru := &verdict.ids[i]
	d.Reason, d.Broke = ru.reason, ru.broke
	d.Limit = x.limit(s.Collection, d.Reason, d.Broke)
	c := candidateBefore(verdict.ids, i)
	switch d.Reason {
	case ReasonLimit:
		counts := func(m Member) bool { return m.ID.Type == d.Broke && inWindow(d.Limit, s.Evaluated.Time, m.Time) }
		d.Had, d.Brought = c.had(s.Evaluated.Time, counts), c.brings(s.Evaluated.Time, counts)
	case ReasonCap:
		all := func(Member) bool { return true }
		d.Had, d.Brought = c.had(s.Evaluated.Time, all), c.brings(s.Evaluated.Time, all)
	case ReasonMerges:
		d.Merges = len(c.joined)
		for _, g := range append(c.joined[:len(c.joined):len(c.joined)], c.group) {
			d.Merges += g.merges
		}
	case ReasonDropped, ReasonCannotLink:
		d.Override = x.Engine.Overrides.against(c, d.Reason)
	}
	return d, nil
}

// limit is what a rule allows.
func (x *Explainer) limit(c Collection, why Reason, broke string) Limit {
	rs := x.Engine.Rules
	switch {
	case why == ReasonLimit && broke != "":
		return rs.Limit(c, broke)
	case why == ReasonCap:
		return Limit{Values: rs.MaxIdentifiers()}
	case why == ReasonMerges:
		return Limit{Values: rs.MaxMerges()}
	}
	return Limit{}
}

// candidate is what an ID would have joined, and what it would have brought.
type candidate struct {
	joined []*group
	fresh  []*Link // accepted before it, and owned by nobody until then
	link   *Link
	group  *group // nil: nobody owned it
}

// candidateBefore is what the i-th ID of a decision met.
func candidateBefore(ids []ruling, i int) candidate {
	c := candidate{link: ids[i].link, group: ids[i].group}
	for k := range ids[:i] {
		ru := &ids[k]
		switch {
		case !ru.accepted:
		case ru.group == nil:
			c.fresh = append(c.fresh, ru.link)
		case !slices.Contains(c.joined, ru.group):
			c.joined = append(c.joined, ru.group)
		}
	}
	return c
}

func (c *candidate) had(time int64, counts func(Member) bool) []Member {
	var out []Member
	for _, g := range c.joined {
		out = appendCounted(out, g.members, counts)
	}
	for _, l := range c.fresh {
		out = appendCounted(out, []Member{{l.ID, l.Hash, time}}, counts)
	}
	return byAge(out)
}

func (c *candidate) brings(time int64, counts func(Member) bool) []Member {
	if c.group == nil {
		return appendCounted(nil, []Member{{c.link.ID, c.link.Hash, time}}, counts)
	}
	return byAge(appendCounted(nil, c.group.members, counts))
}

func appendCounted(out, members []Member, counts func(Member) bool) []Member {
	for _, m := range members {
		if counts(m) {
			out = append(out, m)
		}
	}
	return out
}

func byAge(members []Member) []Member {
	slices.SortFunc(members, func(a, b Member) int {
		if a.Time != b.Time {
			if a.Time < b.Time {
				return -1
			}
			return 1
		}
		return a.ID.Compare(b.ID)
	})
	return members
}

// against finds the IDs of which the override speaks that stands against a
// candidate.
func (o *Overrides) against(c candidate, why Reason) []ID {
	all := func(time int64) ([]Member, []Member) {
		every := func(Member) bool { return true }
		return c.had(time, every), c.brings(time, every)
	}
	had, brings := all(0)
	switch why {
	case ReasonDropped:
		return []ID{c.link.ID}
	case ReasonCannotLink:
		for _, m := range brings {
			for _, n := range had {
				if slices.Contains(o.apart[m.Hash], n.Hash) {
					return []ID{m.ID, n.ID}
				}
			}
		}
	}
	return nil
}
