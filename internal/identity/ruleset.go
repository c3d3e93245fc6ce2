package identity

// Ruleset is a compiled, checked and immutable form of Rules. It may be used
// from many goroutines at once. Compile makes one; its zero value is not usable.
type Ruleset struct {
	rules Rules // as written; shares nothing with the caller

	arrival, linkAlias        bool
	maxIdentifiers, maxMerges int

	listed   map[string]listing // by type
	fallback *Limit             // of unlisted types other than user_id and group_id; nil: the built-in limits

	blocked      blocklist // of types that block nothing of their own
	blockedEmail blocklist // the same for email, whose values are in lower case
	ownBlocked   bool      // some listed type blocks values of its own

	keys     keySearch
	excluded exclusions
}

// listing is what the rules say of one listed type.
type listing struct {
	rank    int  // 0 is the highest priority
	ranked  bool // it has its place in the list; else that of a type that is not listed
	limit   Limit
	blocked *blocklist // everything blocked for the type; nil: only what is blocked for every type
}

// Limit returns how many values of a type a profile may have. Types are listed
// for both collections alike; group_id has 1 ever whatever the rules say
// (DESIGN.md §3).
func (rs *Ruleset) Limit(_ Collection, idType string) Limit {
	if l, ok := rs.listed[idType]; ok {
		return l.limit
	}
	return rs.unlistedLimit(idType)
}

// unlistedLimit is the limit of a type of which the list says nothing.
func (rs *Ruleset) unlistedLimit(idType string) Limit {
	if rs.fallback == nil || idType == typeUserID || idType == typeGroupID {
		return builtinLimit(idType)
	}
	return *rs.fallback
}

// MaxIdentifiers is the mapping cap: how many IDs a profile may have. It is at
// least 1.
func (rs *Ruleset) MaxIdentifiers() int { return rs.maxIdentifiers }

// Arrival reports whether the rules ask for order: arrival.
func (rs *Ruleset) Arrival() bool { return rs.arrival }

// MaxMerges is how many merges a profile may go through under order: arrival. It
// is at least 1, and means nothing under order: person_first.
func (rs *Ruleset) MaxMerges() int { return rs.maxMerges }

// Unlisted reports whether the rules do not list a type and it is not a built-in
// one: it came in context.externalIds, and people are to see that it did, and
// what limit and priority it has.
func (rs *Ruleset) Unlisted(idType string) bool {
	_, listed := rs.listed[idType]
	return !listed && !isBuiltin(idType)
}
