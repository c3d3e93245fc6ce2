package identity

// Census counts what a profile has, as far as the fast path needs to know it.
type Census struct {
	Types   []TypeCount
	Tainted bool // a strand with a demotion holds one of its IDs, or an override speaks of one
	Merges  int  // counted under order: arrival only
}

// TypeCount is the number of values of one ID type.
type TypeCount struct {
	Type   string
	Values int
}

// Add counts one more value of a type.
func (c *Census) Add(idType string, values int) {
	for i := range c.Types {
		if c.Types[i].Type == idType {
			c.Types[i].Values += values
			return
		}
	}
	c.Types = append(c.Types, TypeCount{idType, values})
}

// Commutes reports whether a strand can be accepted whole without regard to
// order: where nothing is demoted and the union of all that it joins keeps every
// limit even if no window ever let a value go, strands commute, and the profile
// is the connected component whatever the order of arrival. owners are the
// distinct profiles that own one of the IDs; bare are the IDs, none that names nobody, that
// nobody owns, none of which a demotion has touched.
func (e *Engine) Commutes(c Collection, owners []*Census, bare []ID) bool {
	var buf [12]TypeCount
	sum := Census{Types: buf[:0]}
	merges := -1
	for _, o := range owners {
		if o.Tainted {
			return false
		}
		merges += o.Merges + 1
		for _, t := range o.Types {
			sum.Add(t.Type, t.Values)
		}
	}
	for _, id := range bare {
		sum.Add(id.Type, 1)
	}
	total := 0
	for _, t := range sum.Types {
		total += t.Values
		if t.Values > e.Rules.Limit(c, t.Type).Values {
			return false
		}
	}
	if total > e.Rules.MaxIdentifiers() {
		return false
	}
	return !e.Rules.Arrival() || merges <= e.Rules.MaxMerges()
}
