package computed

import (
	"bytes"
	"cmp"
	"math"
	"slices"

	"github.com/selfsame-id/selfsame/internal/compute"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
)

// outcome is what the definitions make of a profile.
type outcome struct {
	values []Value // by number; Since is not set
	next   int64   // see compute.Result

	problems []compute.KeyProblem // of the last evaluation

	c    *Compiled
	in   *compute.Input
	rows compute.Rows
	memo *compute.Memo // nil: all rows are folded
	// ahead: rows may be of a later moment than the memo.
	ahead bool
	// latest is the time that is taken for that of what is new, with a memo.
	latest int64
}

// evaluate evaluates profiles as of a time. One that is not there has no values.
func (c *Compiled) evaluate(v *space.View, profiles []gathered, now int64) ([]outcome, error) {
	rows, err := c.rowsOf(v, profiles)
	if err != nil {
		return nil, err
	}
	out := make([]outcome, len(profiles))
	for i := range profiles {
		if profiles[i].rec == nil {
			continue
		}
		if profiles[i].rec.Collection == identity.Accounts {
			if out[i], err = c.evaluateAccount(v, &profiles[i], now); err != nil {
				return nil, err
			}
			continue
		}
		o := &out[i]
		o.c, o.rows, o.in = c, rows[i], profiles[i].input()
		if o.values, o.next, err = o.at(now); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// input is what compute has to know of a profile.
func (g *gathered) input() *compute.Input {
	return &compute.Input{Collection: g.rec.Collection, Traits: g.traits, Identifiers: g.identifiers()}
}

// at computes the values as of a time.
func (o *outcome) at(now int64) (values []Value, next int64, err error) {
	eval := o.c.Set.Eval
	switch {
	case o.memo != nil && o.ahead:
		eval = o.memo.EvalAhead
	case o.memo != nil:
		eval = o.memo.Eval
	}
	res, err := eval(o.rows, o.in, now)
	if err != nil {
		return nil, 0, err
	}
	o.problems = res.Problems
	for i := range res.Traits {
		if t := &res.Traits[i]; t.JSON != nil {
			values = append(values, Value{Definition: o.c.byKey[t.Key].number, JSON: t.JSON})
		}
	}
	for i := range res.Audiences {
		if a := &res.Audiences[i]; a.In {
			values = append(values, Value{Definition: o.c.byKey[a.Key].number})
		}
	}
	slices.SortFunc(values, func(a, b Value) int { return cmp.Compare(a.Definition, b.Definition) })
	return values, res.Next, nil
}

// get returns the value of a definition.
func (o *outcome) get(definition uint32) (Value, bool) {
	s := State{Values: o.values}
	return s.get(definition)
}

// mostBack is how many moments are looked at to find since when a value is what it is, and
// mostVisits about how many rows for that: of a profile with very many, only the latest
// moments are.
const (
	mostBack   = 64
	mostVisits = 500_000
)

// since finds the moments at which new values became what they are: event times, or
// moments at which time alone changed them. changed are their definitions. It looks back
// over a bounded number of events; what was so before these is as of the first of them.
func (o *outcome) since(now int64, changed []uint32) (map[uint32]int64, error) {
	since := make(map[uint32]int64, len(changed))
	for _, d := range changed {
		since[d] = now
	}
	if o.memo != nil { // it has too many rows to look back
		for _, d := range changed {
			since[d] = o.latest
		}
		return since, nil
	}
	open := slices.Clone(changed)
	until := now // all that is open is so from then on
	times := o.times(now, changed)
	most := min(mostBack, max(1, mostVisits/max(1, len(times))))
	moments := 0
	for back, t := range times {
		if len(open) == 0 || back == most {
			break
		}
		values, next, err := o.at(t)
		if err != nil {
			return nil, err
		}
		// Time alone may have ended it, and begun it again, before the next event.
		from := make(map[uint32]int64, len(open))
		for at, step := t, 0; ; step++ {
			same, other := o.split(open, values)
			for _, d := range same {
				if _, in := from[d]; !in {
					from[d] = at
				}
			}
			for _, d := range other {
				delete(from, d)
			}
			if next == 0 || next >= until || step == mostSteps || moments == 2*most {
				break
			}
			moments++
			at = next
			if values, next, err = o.at(at); err != nil {
				return nil, err
			}
		}
		var still []uint32
		for _, d := range open {
			at, in := from[d]
			if in {
				since[d] = at
			}
			if in && at == t {
				still = append(still, d)
			}
		}
		open, until = still, t
	}
	return since, nil
}

// mostSteps is how many moments between two events are looked at; in all there are at
// most twice as many as events.
const mostSteps = 8

// split tells those definitions that have the values of now from those that have others.
func (o *outcome) split(definitions []uint32, values []Value) (same, other []uint32) {
	s := State{Values: values}
	for _, d := range definitions {
		want, _ := o.get(d)
		if had, in := s.get(d); in && bytes.Equal(had.JSON, want.JSON) {
			same = append(same, d)
		} else {
			other = append(other, d)
		}
	}
	return same, other
}

// times lists the times of rows that definitions use, the latest first, up to now.
func (o *outcome) times(now int64, definitions []uint32) []int64 {
	var streams []compute.StreamID
	for _, d := range definitions {
		streams = append(streams, o.c.byNumber[d].streams...)
	}
	slices.Sort(streams)
	streams = slices.Compact(streams)
	var times []int64
	for _, s := range streams {
		_ = o.rows.Scan(s, math.MinInt64, now+1, func(r *compute.Row) bool { // a list in memory does not fail
			times = append(times, r.At.Time)
			return true
		})
	}
	slices.Sort(times)
	times = slices.Compact(times)
	slices.Reverse(times)
	return times
}
