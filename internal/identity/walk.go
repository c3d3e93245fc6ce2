package identity

// groupAt returns the group that owns an ID just before pos, nil if nobody
// does.
func (r *replay) groupAt(h Hash, pos Pos, at map[Hash]*group) (*group, error) {
	if g, ok := r.dirty[h]; ok {
		return g, nil
	}
	if g, ok := at[h]; ok {
		return g, nil
	}
	g, err := r.walk(h, pos)
	if err != nil {
		return nil, err
	}
	if g == nil {
		at[h] = nil
		return nil, nil
	}
	for i := range g.members {
		at[g.members[i].Hash] = g
	}
	return g, nil
}

// walk collects the group of an ID from links that were accepted before pos, and
// from what people tied together.
func (r *replay) walk(start Hash, pos Pos) (*group, error) {
	g := &group{}
	index := map[Hash]int{}
	visited := map[Hash]bool{}
	var level []Hash
	visit := func(h Hash) {
		if visited[h] {
			return
		}
		visited[h] = true
		level = append(level, h)
		for _, k := range r.e.Overrides.Together(r.e.Rules, h) {
			if _, ok := index[k.Hash]; !ok {
				index[k.Hash] = len(g.members)
				g.members = append(g.members, Member{k.ID, k.Hash, Unseen})
			}
			if !visited[k.Hash] {
				visited[k.Hash] = true
				level = append(level, k.Hash)
			}
		}
	}
	visit(start)
	for len(level) > 0 {
		lists, err := r.g.Accepting(level)
		if err != nil {
			return nil, err
		}
		entries, err := r.holders(level, lists)
		if err != nil {
			return nil, err
		}
		at := level
		level = nil
		for _, en := range entries {
			reached := false
			for _, h := range at {
				if l := en.s.link(h); l != nil && r.accepted(l, pos) {
					reached = true
					break
				}
			}
			if !reached {
				continue
			}
			for i := range en.s.Links {
				l := &en.s.Links[i]
				if !r.accepted(l, pos) {
					continue
				}
				if k, ok := index[l.Hash]; ok {
					g.members[k].Time = min(g.members[k].Time, l.At.Time)
				} else {
					index[l.Hash] = len(g.members)
					g.members = append(g.members, Member{l.ID, l.Hash, l.At.Time})
				}
				visit(l.Hash)
			}
		}
	}
	if len(g.members) == 0 {
		return nil, nil
	}
	if members, _ := g.seen(); r.e.Rules.Arrival() && len(members) > 0 {
		var err error
		if g.merges, err = r.g.Merges(members[0].Hash); err != nil {
			return nil, err
		}
	}
	return g, nil
}

func (r *replay) accepted(l *Link, pos Pos) bool {
	// What is isolated ties nothing together, although a strand that is not
	// decided again yet may say so.
	return l.Verdict == Accepted && (r.e.Rules.Arrival() || l.At.Before(pos)) && !r.e.Overrides.Isolated(l.Hash)
}
