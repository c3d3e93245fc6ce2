package computed

import "github.com/selfsame-id/selfsame/internal/space/codec"

// An account is computed out of all its users, so that one with very many of them would
// take all of the evaluator's time if each event of each user had it evaluated. It is
// evaluated once in a while, and what came meanwhile is told then; who reads it has it
// exact. Nothing else waits for it.

// mostUsers is how many users an account has that is evaluated at once. Tests lower it.
var mostUsers = 5000

// restOfUser is for how long an account rests for each of its users, in nanoseconds. It is
// about a hundred times what evaluating one takes.
const restOfUser = 2_000_000

// slow is an account that rests.
type slow struct {
	until int64
	// soiled: there is something new, and armed: a timer says so.
	soiled, armed bool
}

// pace has an account with very many users rest after its evaluation.
func (w *work) pace(p codec.ProfileID, o *outcome) {
	if o.in == nil || o.in.Users <= mostUsers {
		delete(w.evaluator.slow, p)
		return
	}
	if w.evaluator.slow == nil {
		w.evaluator.slow = map[codec.ProfileID]*slow{}
	}
	w.evaluator.slow[p] = &slow{until: w.now + int64(o.in.Users)*restOfUser}
}

// postponed reports whether a profile is an account that rests. It does not if its timer
// has run out, or if it has other strands: it may be there no more.
func (w *work) postponed(p codec.ProfileID) bool {
	s := w.evaluator.slow[p]
	if _, due := w.due[p]; s == nil || due || w.regrouped[p] || s.until <= w.now {
		return false
	}
	s.soiled = true
	return true
}

// armSlow arms timers for the accounts that have something new when they have rested. If the
// commit fails, all that is known of them is forgotten.
func (w *work) armSlow(out *staged) {
	for p, s := range w.evaluator.slow {
		if s.soiled && !s.armed {
			out.put(codec.Timers.Key(w.view.Keys(), s.until, p), nil)
			s.armed = true
		}
	}
}
