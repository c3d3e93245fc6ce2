package space

// learn takes over what a commit made true.
func (s *Space) learn(c *commit) {
	if s.store.Exclusive() {
		s.cache.learn(c.Rules(), c.Loaded())
	}
	if s.memory != nil {
		s.memory.Learn(c.Tx)
	}
	s.dedupe.committed(c)
	s.pairs.learn(c.fresh)
	if s.lastID.Less(c.LastID) {
		s.lastID = c.LastID
	}
	if c.blocks > 0 {
		s.clock = c.clock + c.blocks - 1
	}
	s.feedSeq++
	s.feedTime = c.record.Time
	if c.hour.known {
		s.hour = c.hour
	}
	s.counters.Add(c.Done.Counters)
	s.pending.Add(int64(c.Defers()))
	s.rejects.Learn(c.rejects)
	s.learnSources(c)
	s.wakeTasks(c)
	for _, f := range s.committed {
		f()
	}
	s.stats.add(c)
}

// unlearn makes this node forget what a commit took out of the store.
func (s *Space) unlearn(d *Tx) {
	for h, st := range d.Loaded() {
		if st == nil {
			s.cache.drop(h)
		}
	}
	s.pairs.forget()
	if s.memory != nil {
		s.memory.Unlearn(d)
	}
}
