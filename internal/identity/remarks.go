package identity

import "strconv"

// Remarks says what in the rules is allowed and may still not be meant, in the
// order of the document, for people to see before they apply rules. Nil is
// nothing to say.
func (rs *Ruleset) Remarks() []Mistake {
	var out []Mistake
	if rs.rules.MaxMerges != 0 && !rs.arrival {
		out = append(out, Mistake{"max_merges", "has no effect unless order is arrival"})
	}
	for i, id := range rs.rules.Identifiers {
		at := "identifiers[" + strconv.Itoa(i) + "]"
		if belongsToDevice(id.Type) && rs.rank(id.Type) < rs.rank(typeUserID) {
			where := "and is listed below"
			if _, listed := rs.listed[typeUserID]; !listed {
				where = "because that is not listed"
			}
			out = append(out, Mistake{at + ".type", id.Type + " names a device or a cookie and goes before user_id, " + where +
				": whoever logs in on a shared device counts as the one before; list user_id first unless you mean it"})
		}
		if id.Key == "" && !isBuiltin(id.Type) {
			out = append(out, Mistake{at + ".key", "without a key " + id.Type + " is found in context.externalIds only"})
		}
	}
	return out
}
