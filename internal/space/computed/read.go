package computed

import (
	"bytes"
	"context"
	"fmt"

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

// ComputedValues reads what the definitions make of a profile now. It folds what is stored, so
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
	outcomes, err := compiled.evaluate(v, found, out.AsOf)
	if err != nil {
		return out, err
	}
	shown := func(d *definition) bool {
		return !d.disabled && d.collection == collection && pos.Complete[d.number] == d.meaning
	}
	var news []uint32 // what the evaluator has not stored yet
	for _, now := range outcomes[0].values {
		if d := compiled.byNumber[now.Definition]; shown(d) {
			if old, had := state.get(d.number); !had || !bytes.Equal(old.JSON, now.JSON) {
				news = append(news, d.number)
			}
		}
	}
	dated, err := outcomes[0].since(out.AsOf, news)
	if err != nil {
		return out, err
	}
	since := func(d *definition) int64 {
		if at, is := dated[d.number]; is {
			return at
		}
		old, _ := state.get(d.number)
		return old.Since
	}
	for _, key := range compiled.keys() {
		d := compiled.byKey[key]
		if !shown(d) {
			continue
		}
		now, has := outcomes[0].get(d.number)
		switch {
		case d.audience:
			m := Membership{Key: key, In: has}
			if has {
				m.Since = since(d)
			}
			out.Audiences = append(out.Audiences, m)
		case has:
			out.Traits = append(out.Traits, TraitValue{Key: key, JSON: now.JSON, Since: since(d)})
		}
	}
	return out, nil
}
