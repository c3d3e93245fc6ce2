package identity

import "slices"

// Effective returns the rules with every setting spelled out. Compiled again
// they mean the same. Defaults have a limit only if one was given, for what is
// built in differs from type to type and listing a type would move it: Types
// shows the limits of all.
func (rs *Ruleset) Effective() Rules {
	r := rs.rules.clone()
	r.MaxIdentifiers, r.Order, r.Alias = rs.maxIdentifiers, orderPersonFirst, aliasIgnore
	r.MaxMerges = 0 // has no effect
	if rs.arrival {
		r.Order, r.MaxMerges = orderArrival, rs.maxMerges
	}
	if rs.linkAlias {
		r.Alias = aliasLink
	}
	if r.Defaults == nil {
		r.Defaults = &Defaults{}
	}
	d := r.Defaults
	if rs.fallback != nil {
		d.Limit, d.Window = rs.fallback.Values, rs.fallback.WindowWord()
	}
	if d.Blocked == nil {
		d.Blocked = slices.Clone(builtinBlocked)
	}
	if d.BlockedPatterns == nil {
		d.BlockedPatterns = slices.Clone(builtinBlockedPatterns)
	}
	for i := range r.Identifiers {
		id := &r.Identifiers[i]
		l := rs.listed[id.Type].limit
		id.Limit, id.Window = l.Values, l.WindowWord()
	}
	return r
}

// TypeRule is what the rules come to for one ID type.
type TypeRule struct {
	Type        string
	Listed      bool // under identifiers
	Builtin     bool // has a place of its own in a message
	NamesPerson bool
	Key         string // "" unless a custom type has one
	Limit       Limit
}

// Types returns what the rules come to for the listed and the built-in types,
// and for others that were seen, in the order of priority. Repeats in seen do no
// harm.
func (rs *Ruleset) Types(seen ...string) []TypeRule {
	var out []TypeRule
	done := map[string]bool{}
	add := func(idType string) {
		if done[idType] {
			return
		}
		done[idType] = true
		_, listed := rs.listed[idType]
		out = append(out, TypeRule{
			Type: idType, Listed: listed, Builtin: isBuiltin(idType),
			NamesPerson: rs.NamesPerson(idType), Limit: rs.Limit(Users, idType),
		})
	}
	for _, id := range rs.rules.Identifiers {
		add(id.Type)
		out[len(out)-1].Key = id.Key
	}
	for _, idType := range builtinTypes {
		add(idType)
	}
	for _, idType := range seen {
		add(idType)
	}
	slices.SortFunc(out, func(a, b TypeRule) int {
		return rs.ComparePriority(ID{Type: a.Type}, ID{Type: b.Type})
	})
	return out
}
