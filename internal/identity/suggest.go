package identity

import "slices"

// Full returns the rules with every setting and every type spelled out: the listed
// types, the built-in ones, and others that were seen, each with its limit, and
// those that are not listed with priority: default. Compiled again they mean the
// same, also for types that nobody has seen yet.
func (rs *Ruleset) Full(seen ...string) Rules {
	r := rs.Effective()
	for _, t := range rs.Types(seen...) {
		if !t.Listed {
			r.Identifiers = append(r.Identifiers, rs.listedAs(t.Type))
		}
	}
	return r
}

// WithBlocked returns the rules, as they were written, with one more value that
// names nobody. Nothing else changes by it.
func (rs *Ruleset) WithBlocked(id ID) Rules {
	return rs.with(id.Type, func(i *Identifier) {
		if !slices.Contains(i.Blocked, id.Value) {
			i.Blocked = append(i.Blocked, id.Value)
		}
	})
}

// WithListed returns the rules, as they were written, with a type listed as it is
// taken anyhow: with its limit, in its place. Nothing changes by it until people
// change what it says.
func (rs *Ruleset) WithListed(idType string) Rules {
	return rs.with(idType, func(*Identifier) {})
}

func (rs *Ruleset) with(idType string, change func(*Identifier)) Rules {
	r := rs.rules.clone()
	at := slices.IndexFunc(r.Identifiers, func(i Identifier) bool { return i.Type == idType })
	if at < 0 {
		at = len(r.Identifiers)
		r.Identifiers = append(r.Identifiers, rs.listedAs(idType))
	}
	change(&r.Identifiers[at])
	return r
}

// listedAs is the entry of a type that is not listed which changes nothing.
func (rs *Ruleset) listedAs(idType string) Identifier {
	l := rs.unlistedLimit(idType)
	return Identifier{Type: idType, Limit: l.Values, Window: l.WindowWord(), Priority: priorityDefault}
}
