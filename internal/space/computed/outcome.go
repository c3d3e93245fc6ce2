package computed

import (
	"cmp"
	"slices"

	"github.com/selfsame-id/selfsame/internal/compute"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
)

// outcome is what the definitions make of a profile.
type outcome struct {
	values []Value // by number; Since is not set
	next   int64   // see compute.Result

	c    *Compiled
	in   *compute.Input
	rows compute.Rows
}

// evaluate evaluates profiles as of a time. One that is not there has no values.
func (c *Compiled) evaluate(v *space.View, profiles []gathered, now int64) ([]outcome, error) {
	rows, err := rowsOf(v, profiles)
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
	res, err := o.c.Set.Eval(o.rows, o.in, now)
	if err != nil {
		return nil, 0, err
	}
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

// because is the event time that made a new value so, if the profile was evaluated for
// something at a time.
func (o *outcome) because(reason int64, _ *definition) int64 { return reason }
