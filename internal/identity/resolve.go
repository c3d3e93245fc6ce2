package identity

import (
	"slices"

	"github.com/selfsame-id/selfsame/internal/event"
)

// Occurrence is one event of a strand, as the batch function sees it.
type Occurrence struct {
	Strand *Strand // only its hash, collection and IDs are read
	event.Moment
}

// Resolution is what Resolve says: who is who.
type Resolution struct {
	// Strands holds every strand that occurred, with its final verdicts.
	Strands map[Hash]*Strand
	// Owner maps every accepted ID to the index of its group in Groups.
	Owner map[Hash]int
	// Groups are the profiles as sets of IDs, each in canonical order, in the
	// order of their first IDs.
	Groups [][]Member
	// Merges is how many merges each of Groups went through.
	Merges []int
	// Refused counts for each strand the events with which an ID of it was
	// demoted.
	Refused map[Hash]int
}

// Resolve is the batch function that defines the truth: it begins with the groups
// that people made (Overrides.Same), takes every event in the order of resolution and rules on it against what was decided before. Under
// order: person_first the events are sorted here; under order: arrival they must
// be given in the order in which they arrived. All of one collection.
func Resolve(rs *Ruleset, ov *Overrides, events []Occurrence) *Resolution {
	return ResolveOn(rs, ov, nil, events)
}

// ResolveOn is Resolve for events that all come after what was decided on other
// strands, whose verdicts it takes as they are.
func ResolveOn(rs *Ruleset, ov *Overrides, decided []*Strand, events []Occurrence) *Resolution {
	res := &Resolution{Strands: map[Hash]*Strand{}, Owner: map[Hash]int{}, Refused: map[Hash]int{}}
	type placed struct {
		s   *Strand
		pos Pos
	}
	seq := make([]placed, len(events))
	for i, e := range events {
		s := res.Strands[e.Strand.Hash]
		if s == nil {
			s = &Strand{Hash: e.Strand.Hash, Collection: e.Strand.Collection, Links: slices.Clone(e.Strand.Links)}
			for i := range s.Links {
				l := &s.Links[i]
				l.Verdict, l.At, l.Reason, l.Broke = Undecided, Pos{}, ReasonNone, ""
			}
			res.Strands[s.Hash] = s
		}
		seq[i] = placed{s, s.Place(rs, ov, e.Moment)}
	}
	if !rs.Arrival() {
		slices.SortFunc(seq, func(a, b placed) int { return a.pos.Compare(b.pos) })
	}

	owner := map[Hash]*group{}
	for _, s := range res.Strands {
		ov.group(rs, s, owner)
	}
	for _, s := range decided {
		ov.group(rs, s, owner)
	}
	tieAccepted(decided, owner)
	for _, s := range decided {
		res.Strands[s.Hash] = s
	}
	j := &resolver{rs: rs, ov: ov, groupOf: func(l *Link) (*group, error) { return owner[l.Hash], nil }}
	for _, e := range seq {
		s, pos := e.s, e.pos
		j.collection = s.Collection
		d, err := j.decide(s, pos)
		if err != nil {
			panic("identity: reading a map cannot fail")
		}
		refused := false
		var into *group
		for _, g := range d.joined {
			if into == nil || len(g.members) > len(into.members) {
				into = g
			}
		}
		if into == nil && len(d.ids) > 0 {
			into = &group{}
		}
		for _, g := range d.joined {
			if g == into {
				continue
			}
			for _, m := range g.members {
				owner[m.Hash] = into
			}
			into.members = append(into.members, g.members...)
			into.merges += g.merges + 1
		}
		for i := range d.ids {
			r := &d.ids[i]
			if !r.accepted {
				refused = true
				if r.link.Verdict != Accepted {
					r.link.Verdict, r.link.Reason, r.link.Broke = Demoted, r.reason, r.broke
				}
				continue
			}
			if r.link.Verdict != Accepted || pos.Before(r.link.At) {
				r.link.Verdict, r.link.At, r.link.Reason, r.link.Broke = Accepted, pos, ReasonNone, ""
			}
			if r.group == nil {
				owner[r.link.Hash] = into
				into.members = append(into.members, Member{r.link.ID, r.link.Hash, pos.Time})
				continue
			}
			for k := range into.members {
				if m := &into.members[k]; m.Hash == r.link.Hash {
					m.Time = min(m.Time, pos.Time)
				}
			}
		}
		if refused {
			res.Refused[s.Hash]++
		}
		if s.First.Strand != s.Hash || pos.Before(s.First) {
			s.First = pos
		}
		s.Evaluated, s.Recheck = pos, d.recheck
	}

	var groups []*group
	seen := map[*group]bool{}
	for _, g := range owner {
		if seen[g] {
			continue
		}
		seen[g] = true
		if g.members, _ = g.seen(); len(g.members) == 0 {
			continue
		}
		slices.SortFunc(g.members, func(a, b Member) int { return a.ID.Compare(b.ID) })
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(a, b *group) int { return a.members[0].ID.Compare(b.members[0].ID) })
	for i, g := range groups {
		res.Groups, res.Merges = append(res.Groups, g.members), append(res.Merges, g.merges)
		for _, m := range g.members {
			res.Owner[m.Hash] = i
		}
	}
	return res
}

// Change says what differs between stored strands, which may be fewer or more,
// and a resolution of everything that is tied to them: for a caller who decided
// a part of a space anew instead of replaying it.
func (res *Resolution) Change(rs *Ruleset, ov *Overrides, stored []*Strand) *Change {
	c := &Change{Groups: res.Groups, Merges: res.Merges, Decisions: len(res.Strands)}
	old := make(map[Hash]*Strand, len(stored))
	bare := map[Hash]bool{}
	for _, s := range stored {
		old[s.Hash] = s
		for i := range s.Links {
			l := &s.Links[i]
			if _, owned := res.Owner[l.Hash]; !owned && l.Verdict != Blocked && !bare[l.Hash] {
				bare[l.Hash] = true
				c.Bare = append(c.Bare, Member{ID: l.ID, Hash: l.Hash})
			}
		}
	}
	taint := map[Hash]bool{}
	for _, s := range res.Strands {
		// A later occurrence never changed a verdict that no window touches: the
		// first is what counts, as the engine keeps it.
		s.settle(rs)
		if o := old[s.Hash]; o == nil || !equalStrands(o, s) {
			c.Strands = append(c.Strands, s)
		}
		tainted := !s.Clean()
		for i := range s.Links {
			tainted = tainted || s.Links[i].Verdict != Blocked && ov.Concern(s.Links[i].Hash)
		}
		for i := range s.Links {
			if l := &s.Links[i]; tainted && l.Verdict != Blocked && !taint[l.Hash] {
				taint[l.Hash] = true
				c.Tainted = append(c.Tainted, l.Hash)
			}
		}
	}
	slices.SortFunc(c.Strands, func(a, b *Strand) int { return slices.Compare(a.Hash[:], b.Hash[:]) })
	slices.SortFunc(c.Bare, func(a, b Member) int { return slices.Compare(a.Hash[:], b.Hash[:]) })
	slices.SortFunc(c.Tainted, func(a, b Hash) int { return slices.Compare(a[:], b[:]) })
	return c
}

// settle sets the last place that was decided to the last at which an ID was
// accepted, if no window can change the verdict any more.
func (s *Strand) settle(rs *Ruleset) {
	if s.Recheck != 0 || rs.Arrival() {
		return
	}
	s.Evaluated = s.First
	for i := range s.Links {
		if l := &s.Links[i]; l.Verdict == Accepted && s.Evaluated.Before(l.At) {
			s.Evaluated = l.At
		}
	}
}

// tieAccepted ties together what strands accept.
func tieAccepted(strands []*Strand, owner map[Hash]*group) {
	for _, s := range strands {
		var into *group
		for i := range s.Links {
			if g := owner[s.Links[i].Hash]; s.Links[i].Verdict == Accepted && g != nil && (into == nil || len(g.members) > len(into.members)) {
				into = g
			}
		}
		if into == nil {
			into = &group{}
		}
		for i := range s.Links {
			l := &s.Links[i]
			if l.Verdict != Accepted {
				continue
			}
			switch g := owner[l.Hash]; g {
			case into:
			case nil:
				owner[l.Hash] = into
				into.members = append(into.members, Member{l.ID, l.Hash, l.At.Time})
				continue
			default:
				for _, m := range g.members {
					owner[m.Hash] = into
				}
				into.members = append(into.members, g.members...)
			}
			for k := range into.members {
				if m := &into.members[k]; m.Hash == l.Hash {
					m.Time = min(m.Time, l.At.Time)
				}
			}
		}
	}
}

// Until returns the strand as events up to a time decided it: an ID that was
// accepted later counts as left out. Only the verdicts are of then. It must not be
// asked of strands whose verdicts later events of others can change.
func (s *Strand) Until(time int64) *Strand {
	c := s.Clone()
	for i := range c.Links {
		if l := &c.Links[i]; l.Verdict == Accepted && l.At.Time > time {
			l.Verdict, l.At = Demoted, Pos{}
		}
	}
	return c
}
