package space

import (
	"fmt"
	"slices"

	"github.com/selfsame-id/selfsame/internal/identity"
)

// mostBound bounds the IDs that overrides tie together directly: each decision
// about one of them looks at all.
const mostBound = 1000

// ConflictError says that an override is against another one. It is ErrConflict.
type ConflictError struct {
	Override string // the ID of the other one
	text     string
}

func (e *ConflictError) Error() string { return e.text }

// Unwrap makes errors.Is(err, ErrConflict) true.
func (e *ConflictError) Unwrap() error { return ErrConflict }

// joinable complains about IDs that cannot be said to be one.
func (w *undoing) joinable(o *Override) error {
	if len(o.IDs) != 2 {
		return fmt.Errorf("%w: name exactly two IDs that are of one profile", ErrInvalid)
	}
	d := w.was
	for _, id := range o.IDs {
		h := d.hasher.ID(o.Collection, id)
		if why := d.engine.Overrides.WhyNobody(d.rules, id, h); why != identity.ReasonNone {
			return fmt.Errorf("%w: %s names nobody (%s), so nobody can be the same", ErrInvalid, id, why)
		}
		if n := len(d.engine.Overrides.Bound(h)); n >= mostBound {
			return fmt.Errorf("%w: overrides tie %d IDs to %s already; no more than %d can be tied together that way", ErrInvalid, n, id, mostBound)
		}
	}
	return nil
}

// conflict complains if the change puts a Same and a CannotLink against each
// other.
func (w *undoing) conflict(o *Override, before *overrideSet) error {
	if o.Kind != Same && o.Kind != CannotLink {
		return nil
	}
	rs := w.tx.rules
	for _, h := range w.hashes {
		was := before.identity.NotAtWork(rs, h)
		for _, l := range w.set.identity.NotAtWork(rs, h) {
			if l.Reason != identity.ReasonCannotLink || slices.ContainsFunc(was, func(k identity.PairLeftOut) bool {
				return k.Pair == l.Pair && k.Reason == l.Reason
			}) {
				continue
			}
			if o.Kind == Same {
				if other := before.parting(o.Collection, l.Apart[0], l.Apart[1]); other != nil {
					return &ConflictError{other.ID, fmt.Sprintf("override %s keeps %s and %s apart, and with this one they would be of one profile; take that one back first", other.ID, l.Apart[0], l.Apart[1])}
				}
			}
			if other := before.joining(o.Collection, l.Pair); other != nil {
				return &ConflictError{other.ID, fmt.Sprintf("override %s says that %s and %s are of one profile, and with that %s and %s are, which this one would keep apart; take that one back first", other.ID, l.A.ID, l.B.ID, l.Apart[0], l.Apart[1])}
			}
		}
	}
	return nil
}

// pair is what a Same ties together.
func (o *Override) pair(h identity.Hasher) identity.Pair {
	known := func(id identity.ID) identity.Known {
		return identity.Known{ID: id, Hash: h.ID(o.Collection, id)}
	}
	return identity.NewPair(known(o.IDs[0]), known(o.IDs[1]))
}

// joining finds the override that ties two IDs together directly; nil if there is
// none.
func (set *overrideSet) joining(c identity.Collection, p identity.Pair) *Override {
	for i := range set.all {
		o := &set.all[i]
		if o.Kind == Same && o.Collection == c && slices.Contains(o.IDs, p.A.ID) && slices.Contains(o.IDs, p.B.ID) {
			return o
		}
	}
	return nil
}

// parting finds an override that keeps two IDs apart; nil if there is none.
func (set *overrideSet) parting(c identity.Collection, a, b identity.ID) *Override {
	want := Override{Kind: CannotLink, Collection: c, IDs: []identity.ID{a, b}}
	for i := range set.all {
		if o := &set.all[i]; o.Kind == CannotLink && o.Collection == c && o.says(&want) {
			return o
		}
	}
	return nil
}

// notAtWork says why an override does not hold, see Override.
func (s *Space) notAtWork(o *Override) string {
	if o.Kind != Same {
		return ""
	}
	p := o.pair(s.hasher)
	rs := s.rules.Load()
	for _, l := range s.overrides.Load().identity.NotAtWork(rs, p.A.Hash) {
		if l.Pair == p {
			return l.Reason.String()
		}
	}
	return ""
}
