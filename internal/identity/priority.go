package identity

import "strings"

// NamesPerson reports whether a type names a person (user_id, email, custom
// types, ...) and not a device or a cookie. group_id names an account, which is
// what stands for a person among accounts.
func (rs *Ruleset) NamesPerson(idType string) bool { return !belongsToDevice(idType) }

// ComparePriority orders IDs by the rules' priority, the highest first, ties by
// value: the listed types in their order, but for those with priority: default, then user_id, email, group_id, then
// other types that name a person, then those of devices and cookies, the last
// two alphabetically (DESIGN.md §3, step 1). A type seen for the first time so
// changes no other type's place.
func (rs *Ruleset) ComparePriority(a, b ID) int {
	if a.Type != b.Type {
		if d := rs.rank(a.Type) - rs.rank(b.Type); d != 0 {
			return d
		}
		return strings.Compare(a.Type, b.Type)
	}
	return strings.Compare(a.Value, b.Value)
}

// rank is a type's place; types with one rank follow each other alphabetically.
func (rs *Ruleset) rank(idType string) int {
	if l, ok := rs.listed[idType]; ok && l.ranked {
		return l.rank
	}
	n := len(rs.listed)
	switch {
	case idType == typeUserID:
		return n
	case idType == typeEmail:
		return n + 1
	case idType == typeGroupID:
		// Among accounts nothing goes before it; where an app calls a person's
		// external ID so, a login and an address still do.
		return n + 2
	case !belongsToDevice(idType):
		return n + 3
	}
	return n + 4
}
