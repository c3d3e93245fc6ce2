package compute

// EventNames are the names of the events of some streams. any says that one of them
// takes events whatever their names, or by a glob, so that names do not tell.
func (s *Set) EventNames(streams ...StreamID) (names []string, any bool) {
	for _, id := range streams {
		one := s.byID[id]
		if one == nil {
			continue
		}
		if len(one.events) == 0 {
			return nil, true
		}
		for _, name := range one.events {
			if isGlob(name) {
				return nil, true
			}
			names = append(names, name)
		}
	}
	return names, false
}
