package overrides

import (
	"fmt"
	"slices"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
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
func (e *ConflictError) Unwrap() error { return space.ErrConflict }

// joinable complains about IDs that cannot be said to be one.
func (w *undoing) joinable(o *codec.Override) error {
	if len(o.IDs) != 2 {
		return fmt.Errorf("%w: name exactly two IDs that are of one profile", space.ErrInvalid)
	}
	d := w.was
	for _, id := range o.IDs {
		h := d.Hasher().ID(o.Collection, id)
		if why := d.Overrides().WhyNobody(d.Rules(), id, h); why != identity.ReasonNone {
			return fmt.Errorf("%w: %s names nobody (%s), so nobody can be the same", space.ErrInvalid, id, why)
		}
		if n := len(id.Type) + len(id.Value); n > identity.MaxIDBytes {
			return fmt.Errorf("%w: an ID of %d bytes is never taken from an event; %d at most", space.ErrInvalid, n, identity.MaxIDBytes)
		}
		if n := len(d.Overrides().Bound(h)); n >= mostBound {
			return fmt.Errorf("%w: overrides tie %d IDs to %s already; no more than %d can be tied together that way", space.ErrInvalid, n, id, mostBound)
		}
	}
	return nil
}

// conflict complains if the change puts a Same and a CannotLink against each
// other.
func (w *undoing) conflict(o *codec.Override) error {
	if o.Kind != codec.Same && o.Kind != codec.CannotLink {
		return nil
	}
	rs, before := w.tx.Rules(), w.was.OverrideList()
	for _, h := range w.hashes {
		was := w.was.Overrides().NotAtWork(rs, h)
		for _, l := range w.tx.Overrides().NotAtWork(rs, h) {
			if l.Reason != identity.ReasonCannotLink || slices.ContainsFunc(was, func(k identity.PairLeftOut) bool {
				return k.Pair == l.Pair && k.Reason == l.Reason
			}) {
				continue
			}
			if o.Kind == codec.Same {
				if other := before.Parting(o.Collection, l.Apart[0], l.Apart[1]); other != nil {
					return &ConflictError{other.ID, fmt.Sprintf("override %s keeps %s and %s apart, and with this one they would be of one profile; take that one back first", other.ID, l.Apart[0], l.Apart[1])}
				}
			}
			if other := before.Joining(o.Collection, l.Pair); other != nil {
				return &ConflictError{other.ID, fmt.Sprintf("override %s says that %s and %s are of one profile, and with that %s and %s are, which this one would keep apart; take that one back first", other.ID, l.A.ID, l.B.ID, l.Apart[0], l.Apart[1])}
			}
		}
	}
	return nil
}
