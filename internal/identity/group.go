package identity

// Member is an ID of a group with the time it was added: the earliest event
// time at which it was accepted; Unseen if it never was.
type Member struct {
	ID   ID
	Hash Hash
	Time int64
}

// group is a profile as the resolver sees it: IDs that accepted links tie
// together at one place of the order.
type group struct {
	members []Member
	merges  int // counted under order: arrival only
	live    bool
}

// count counts the values of a type that are in the limit's window at time t.
func (g *group) count(idType string, lim Limit, t int64) int {
	n := 0
	for i := range g.members {
		m := &g.members[i]
		if m.ID.Type == idType && inWindow(lim, t, m.Time) {
			n++
		}
	}
	return n
}

func (g *group) has(h Hash) bool {
	for i := range g.members {
		if g.members[i].Hash == h {
			return true
		}
	}
	return false
}

// inWindow reports whether a value that was added at one time counts at
// another: while |t − added| is less than the window.
func inWindow(lim Limit, t, added int64) bool {
	if lim.Window == 0 {
		return true
	}
	if added == Unseen {
		return false
	}
	d := t - added
	if d < 0 {
		d = -d
	}
	return d < int64(lim.Window)
}
