package computed

import (
	"bytes"
	"context"
	"fmt"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/query"
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
	Key   string
	JSON  []byte
	Since int64 // the event time that made it so, in nanoseconds since 1970
}

// Membership says whether a profile is in an audience, and since when if it is.
type Membership struct {
	Key   string
	In    bool
	Since int64
}

// ComputedValues reads what the definitions of now make of a profile, now or as of the
// time of ref, from its events up to and including that. It folds what is stored, so
// that what was acknowledged is in it. Without definitions the values are empty, and
// nothing is read. space.ErrNotFound if ref names no profile.
func (c *Computed) ComputedValues(ctx context.Context, ref space.Ref) (Values, error) {
	if c.space.Definitions().Revision == 0 {
		return Values{Collection: ref.Collection}, nil
	}
	v, err := c.space.View(ctx)
	if err != nil {
		return Values{}, err
	}
	defer v.Close()
	found, err := query.Find(v, ref)
	if err != nil {
		return Values{}, err
	}
	g := gathered{id: found.ID, rec: found.Record, strands: found.Strands}
	if g.traits, err = found.Traits(); err != nil {
		return Values{}, err
	}
	now := v.Now().UnixNano()
	if ref.AsOf != 0 && ref.AsOf < now {
		g.ids = found.Identifiers()
		return c.valuesOf(v, &g, ref.AsOf, false)
	}
	return c.valuesOf(v, &g, now, true)
}

// valuesOf evaluates a profile as of a time. With now, that is the present, and what the
// evaluator has stored says since when values are what they are.
func (c *Computed) valuesOf(v *space.View, g *gathered, asOf int64, now bool) (Values, error) {
	defs, pos, err := c.read(v)
	if err != nil {
		return Values{}, err
	}
	collection := g.rec.Collection
	out := Values{Profile: g.id.Text(collection), Collection: collection, Revision: defs.Revision, AsOf: asOf}
	compiled := compiledOf(defs)
	if compiled == nil {
		return out, nil
	}
	var state State
	if now {
		stored, err := v.Reader().Get(v.Context(), codec.States.Key(v.Keys(), g.id))
		if err != nil {
			return out, err
		}
		if state, err = DecodeState(stored[0]); err != nil {
			return out, fmt.Errorf("the state of profile %s: %w", out.Profile, err)
		}
	}
	evaluate := compiled.evaluateNow
	if !now {
		evaluate = compiled.evaluateThen
	}
	o, err := evaluate(v, pos, g, asOf)
	if err != nil {
		return out, err
	}
	return out, out.take(compiled, pos, &state, &o, nil)
}

// take takes the values of an outcome that are shown. What the evaluator has stored says
// since when they are what they are; nothing stored: the events do.
func (out *Values) take(compiled *Compiled, pos *position, state *State, o *outcome, dated func(key string) bool) error {
	collection := out.Collection
	shown := func(d *definition) bool {
		return !d.disabled && d.collection == collection && pos.Complete[d.number] == d.meaning
	}
	var news []uint32 // what the evaluator has not stored yet
	for _, now := range o.values {
		if d := compiled.byNumber[now.Definition]; shown(d) && (dated == nil || dated(d.key)) {
			if old, had := state.get(d.number); !had || !bytes.Equal(old.JSON, now.JSON) {
				news = append(news, d.number)
			}
		}
	}
	since, err := o.since(out.AsOf, news)
	if err != nil {
		return err
	}
	when := func(d *definition, now Value) int64 {
		if at, is := since[d.number]; is {
			return at
		}
		if old, had := state.get(d.number); had && bytes.Equal(old.JSON, now.JSON) {
			return old.Since
		}
		return 0
	}
	for _, key := range compiled.keys() {
		d := compiled.byKey[key]
		if !shown(d) {
			continue
		}
		now, has := o.get(d.number)
		switch {
		case d.audience:
			m := Membership{Key: key, In: has}
			if has {
				m.Since = when(d, now)
			}
			out.Audiences = append(out.Audiences, m)
		case has:
			out.Traits = append(out.Traits, TraitValue{Key: key, JSON: now.JSON, Since: when(d, now)})
		}
	}
	return nil
}
