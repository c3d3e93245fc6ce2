package identity

// An override can move a strand to the other class: without its e-mail address it
// may have nothing that names a person. Then the strand's decisions are no longer
// where they were in the order. They are taken back there, and made again at
// their new places.

// move gives a strand that is at work a new first place, in another class.
func (r *replay) move(en *entry, first Pos) {
	if en.moved || first.Class == en.s.First.Class {
		return
	}
	en.moved = true
	s := en.s
	for i := range s.Links {
		if l := &s.Links[i]; l.Verdict == Accepted {
			r.push(en, l.At)
			l.Verdict, l.At = Undecided, Pos{}
		}
	}
	s.First = first
	s.Evaluated, s.Recheck = first, 0
}

// takeBack removes the decision that a moved strand had at a place: what it held
// together may be apart from there on.
func (r *replay) takeBack(en *entry, pos Pos) error {
	at := map[Hash]*group{}
	for i := range en.old.Links {
		l := &en.old.Links[i]
		if l.Verdict != Accepted || pos.Before(l.At) {
			continue
		}
		g, err := r.groupAt(l.Hash, pos, at)
		switch {
		case err != nil:
		case g == nil:
			err = r.spreadBare(l.Hash, pos)
		default:
			err = r.spread(g, pos)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// seedOf is the decision of a strand that is made again after a change of
// overrides: from its first event on, wherever that stands now.
func (e *Engine) seedOf(en *entry) Seed {
	first := en.old.First
	first.Class = en.old.Class(e.Rules, e.Overrides)
	return Seed{Strand: en.old, Pos: first, Unsettled: true, Moved: first.Class != en.old.First.Class}
}
