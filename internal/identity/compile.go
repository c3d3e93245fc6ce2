package identity

import "slices"

// Compile checks rules and reports all mistakes at once: the error joins one
// *Mistake for each, in the order of the document, one on a line. The Ruleset
// shares nothing with r.
func Compile(r Rules) (*Ruleset, error) {
	r = r.clone()
	if err := check(r); err != nil {
		return nil, err
	}
	rs := &Ruleset{
		rules:          r,
		arrival:        r.Order == orderArrival,
		linkAlias:      r.Alias == aliasLink,
		maxIdentifiers: or(r.MaxIdentifiers, defaultMaxIdentifiers),
		maxMerges:      or(r.MaxMerges, defaultMaxMerges),
		listed:         make(map[string]listing, len(r.Identifiers)),
	}
	values, patterns := builtinBlocked, builtinBlockedPatterns
	var window string // of a listed limit that names none
	if d := r.Defaults; d != nil {
		if d.Limit != 0 || d.Window != "" {
			length, _ := parseWindow(d.Window)
			rs.fallback = &Limit{or(d.Limit, defaultValues), length}
			window = d.Window
		}
		if d.Blocked != nil {
			values = d.Blocked
		}
		if d.BlockedPatterns != nil {
			patterns = d.BlockedPatterns
		}
	}
	rs.blocked = blocklist{}.with("", values, patterns)
	rs.blockedEmail = blocklist{}.with(typeEmail, values, patterns)
	for i, id := range r.Identifiers {
		l := listing{rank: i, ranked: id.Priority == "", limit: rs.unlistedLimit(id.Type)}
		if id.Limit != 0 {
			l.limit.Values = id.Limit
			l.limit.Window, _ = parseWindow(window)
		}
		if id.Window != "" {
			l.limit.Window, _ = parseWindow(id.Window)
		}
		if id.Type == typeGroupID {
			l.limit = builtinLimit(typeGroupID)
		}
		if len(id.Blocked)+len(id.BlockedPatterns) > 0 {
			base := rs.blocked
			if id.Type == typeEmail {
				base = rs.blockedEmail
			}
			own := base.with(id.Type, id.Blocked, id.BlockedPatterns)
			l.blocked, rs.ownBlocked = &own, true
		}
		rs.listed[id.Type] = l
		if id.Key != "" {
			rs.keys.add(id.Type, id.Key)
		}
	}
	for _, e := range r.Exclude {
		rs.excluded.add(e)
	}
	return rs, nil
}

// or returns the setting, or the default if it was not made.
func or(given, std int) int {
	if given == 0 {
		return std
	}
	return given
}

// clone returns a copy that shares nothing with r.
func (r Rules) clone() Rules {
	r.Exclude = slices.Clone(r.Exclude)
	r.Identifiers = slices.Clone(r.Identifiers)
	for i := range r.Identifiers {
		id := &r.Identifiers[i]
		id.Blocked, id.BlockedPatterns = slices.Clone(id.Blocked), slices.Clone(id.BlockedPatterns)
	}
	if r.Defaults != nil {
		d := *r.Defaults
		d.Blocked, d.BlockedPatterns = slices.Clone(d.Blocked), slices.Clone(d.BlockedPatterns)
		r.Defaults = &d
	}
	return r
}
