package identity

// Settled reports whether an occurrence of the strand at pos changes nothing:
// it is neither late nor can a window have let an ID in meanwhile.
func (s *Strand) Settled(rs *Ruleset, pos Pos) bool {
	if !rs.Arrival() {
		return !pos.Before(s.Evaluated) && (s.Recheck == 0 || pos.Time < s.Recheck)
	}
	if s.Recheck != 0 || pos.Before(s.First) {
		return false // in order of arrival, times come in any order
	}
	for i := range s.Links {
		if l := &s.Links[i]; l.Verdict == Accepted && pos.Before(l.At) {
			return false // the ID turns out to be older
		}
	}
	return true
}

// Accept accepts all IDs that name somebody of a strand that commutes (see
// Engine.Commutes) with an event at pos.
func (s *Strand) Accept(rs *Ruleset, ov *Overrides, pos Pos) {
	known := s.First.Strand == s.Hash
	for i := range s.Links {
		l := &s.Links[i]
		if why := ov.WhyNobody(rs, l.ID, l.Hash); why != ReasonNone {
			l.setAside(why)
			continue
		}
		if l.Verdict != Accepted || pos.Before(l.At) {
			l.Verdict, l.Reason, l.Broke, l.At = Accepted, ReasonNone, "", pos
		}
	}
	if !known || pos.Before(s.First) {
		s.First = pos
	}
	s.Evaluated, s.Recheck = s.First, 0
}

// Provisional decides a new strand against the groups as they are now, for a
// replay that was put off. The seed must be remembered as unsettled.
func (e *Engine) Provisional(g Graph, seed Seed) (*Change, error) {
	s := seed.Strand.Clone()
	r := e.replay(g)
	r.judge.collection = s.Collection
	en, err := r.load(s)
	if err != nil {
		return nil, err
	}
	end := Pos{Class: 255}
	at := map[Hash]*group{}
	r.judge.groupOf = func(l *Link) (*group, error) { return r.groupAt(l.Hash, end, at) }
	d, err := r.judge.decide(s, seed.Pos)
	if err != nil {
		return nil, err
	}
	for i := range d.ids {
		ru := &d.ids[i]
		if ru.accepted {
			ru.link.Verdict, ru.link.At = Accepted, seed.Pos
		} else {
			ru.link.Verdict, ru.link.Reason, ru.link.Broke = Demoted, ru.reason, ru.broke
		}
	}
	s.First, s.Evaluated, s.Recheck = seed.Pos, seed.Pos, d.recheck
	into := r.join(&d, seed.Pos)
	for i := range into.members {
		m := &into.members[i]
		r.ids[m.Hash], r.dirty[m.Hash] = m.ID, into
	}
	r.taintStrand(s) // nothing that touches it may take the fast path
	en.touched = true
	r.decisions = 1
	return r.change(), nil
}
