package identity

// An ID names nobody when its value is blocked, or when people isolated it. Such
// an ID ties nothing together: it decides neither a strand's class nor whose the
// strand is, no profile owns it, and no limit counts it. Strand keys do not
// depend on it, so that it can be taken back.

// NamesNobody reports whether an ID ties nothing together under rules and
// overrides.
func (o *Overrides) NamesNobody(rs *Ruleset, id ID, h Hash) bool {
	return o.Isolated(h) || rs.Blocked(id)
}

// WhyNobody is the reason why an ID names nobody, ReasonNone if it names
// somebody. That a value is blocked goes before that it is isolated.
func (o *Overrides) WhyNobody(rs *Ruleset, id ID, h Hash) Reason {
	switch {
	case rs.Blocked(id):
		return ReasonBlocked
	case o.Isolated(h):
		return ReasonIsolated
	}
	return ReasonNone
}

// Class is the strand's place among the classes of Pos under rules and overrides.
func (s *Strand) Class(rs *Ruleset, ov *Overrides) uint8 {
	if rs.Arrival() {
		return 0
	}
	for i := range s.Links {
		if l := &s.Links[i]; rs.NamesPerson(l.ID.Type) && !ov.NamesNobody(rs, l.ID, l.Hash) {
			return 0
		}
	}
	return 1
}

// setAside marks the link of an ID that names nobody.
func (l *Link) setAside(why Reason) {
	l.Verdict, l.Reason, l.Broke, l.At = Blocked, why, "", Pos{}
}
