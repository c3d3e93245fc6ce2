package computed

import (
	"bytes"
	"context"
	"fmt"

	"github.com/selfsame-id/selfsame/internal/compute"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Values is what the definitions make of one profile, exact as of a moment. Definitions
// that are not complete are left out.
type Values struct {
	Profile    string
	Collection identity.Collection
	Revision   uint64 // of the definitions
	AsOf       int64  // nanoseconds since 1970
	Traits     []TraitValue
	Audiences  []Membership
}

// TraitValue is the value of a computed trait; those without a value are not listed.
type TraitValue struct {
	compute.TraitValue
	// Since is the event time that made it so, in nanoseconds since 1970. What the
	// evaluator has not seen yet is as of the time of the read.
	Since int64
}

// Membership says whether a profile is in an audience, and since when if it is.
type Membership struct {
	compute.Membership
	Since int64
}

// Values reads what the definitions make of a profile now. It folds what is stored, so
// that what was acknowledged is in it. space.ErrNotFound if ref names no profile.
func (c *Computed) Values(ctx context.Context, ref space.Ref) (Values, error) {
	v, err := c.space.View(ctx)
	if err != nil {
		return Values{}, err
	}
	defer v.Close()
	p, err := v.Resolve(ref)
	if err != nil {
		return Values{}, err
	}
	return c.valuesOf(v, p, ref.Collection)
}

func (c *Computed) valuesOf(v *space.View, p codec.ProfileID, collection identity.Collection) (Values, error) {
	defs, pos, err := c.read(v)
	if err != nil {
		return Values{}, err
	}
	out := Values{Profile: p.Text(collection), Collection: collection, Revision: defs.Revision, AsOf: v.Now().UnixNano()}
	compiled := compiledOf(defs)
	if compiled == nil {
		return out, nil
	}
	found, err := gather(v, []codec.ProfileID{p}, true)
	if err != nil {
		return out, err
	}
	if found[0].rec == nil || found[0].rec.Collection != collection {
		return out, space.ErrNotFound
	}
	stored, err := v.Reader().Get(v.Context(), codec.States.Key(v.Keys(), p))
	if err != nil {
		return out, err
	}
	state, err := DecodeState(stored[0])
	if err != nil {
		return out, fmt.Errorf("the state of profile %s: %w", out.Profile, err)
	}
	rows, err := rowsOf(v, found)
	if err != nil {
		return out, err
	}
	res, err := compiled.Set.Eval(rows[0], found[0].input(), out.AsOf)
	if err != nil {
		return out, err
	}
	since := func(d *definition, json []byte) int64 {
		if old, had := state.get(d.number); had && bytes.Equal(old.JSON, json) {
			return old.Since
		}
		return out.AsOf
	}
	complete := func(key string) *definition {
		if d := compiled.byKey[key]; d != nil && pos.Complete[d.number] == d.meaning {
			return d
		}
		return nil
	}
	for _, t := range res.Traits {
		if d := complete(t.Key); d != nil && t.JSON != nil {
			out.Traits = append(out.Traits, TraitValue{t, since(d, t.JSON)})
		}
	}
	for _, a := range res.Audiences {
		if d := complete(a.Key); d != nil {
			m := Membership{Membership: a}
			if a.In {
				m.Since = since(d, nil)
			}
			out.Audiences = append(out.Audiences, m)
		}
	}
	return out, nil
}
