package computed

import (
	"context"
	"errors"
	"fmt"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Followed reads profiles by their own IDs, also those that were merged away, each once
// and all of one moment; those that are not there are left out. It is for whoever follows
// the feed and compares what is true with what he said: the values are those that the
// evaluator has told, so that whatever is newer will be told as well. Only of profiles
// that have other strands now than the evaluator saw they are folded, so that nobody takes
// values of before a merge for those after it; then since when they are so is only
// known of keys that are dated (nil: all). Errors are those of the store.
func (c *Computed) Followed(ctx context.Context, ids []string, dated func(key string) bool) ([]*Person, error) {
	v, err := c.space.View(ctx)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	profiles, err := present(v, ids)
	if err != nil || len(profiles) == 0 {
		return nil, err
	}
	found, err := gather(v, profiles, true)
	if err != nil {
		return nil, err
	}
	defs, pos, err := c.read(v)
	if err != nil {
		return nil, err
	}
	compiled := compiledOf(defs)
	states, err := (&Told{compiled, pos}).States(v, profiles)
	if err != nil {
		return nil, err
	}
	var out []*Person
	var fold []gathered // whose strands are others
	var of []int        // their places among all
	people := make([]*Person, len(found))
	for i := range found {
		g := &found[i]
		if g.rec == nil {
			continue
		}
		people[i] = g.person()
		out = append(out, people[i])
		switch {
		case compiled == nil:
		case states[i].Strands != 0 && states[i].Strands == sumOf(g.strands):
			people[i].takeTold(compiled, pos, &states[i])
		default:
			fold, of = append(fold, *g), append(of, i)
		}
	}
	if len(fold) == 0 {
		return out, nil
	}
	now := v.Now().UnixNano()
	outcomes, err := compiled.evaluate(v, fold, now)
	if err != nil {
		return nil, err
	}
	for k := range fold {
		p := people[of[k]]
		values := Values{Profile: p.ID, Collection: p.Collection, AsOf: now}
		if err := values.take(compiled, pos, &states[of[k]], &outcomes[k], dated); err != nil {
			return nil, fmt.Errorf("profile %s: %w", p.ID, err)
		}
		p.take(&values)
	}
	return out, nil
}

// Known is a definition that there is.
type Known struct {
	Key      string
	Audience bool
	// Complete: it is computed over all of history, and not disabled.
	Complete bool
}

// KnownDefinitions lists the definitions by key. Errors are those of the store.
func (c *Computed) KnownDefinitions(ctx context.Context) ([]Known, error) {
	v, err := c.space.View(ctx)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	defs, pos, err := c.read(v)
	compiled := compiledOf(defs)
	if err != nil || compiled == nil {
		return nil, err
	}
	told := &Told{compiled, pos}
	out := make([]Known, 0, len(compiled.byKey))
	for _, key := range compiled.keys() {
		d := compiled.byKey[key]
		out = append(out, Known{key, d.audience, told.shown(d)})
	}
	return out, nil
}

// present finds the profiles that IDs lead to now, each once.
func present(v *space.View, ids []string) ([]codec.ProfileID, error) {
	named := make([]codec.ProfileID, 0, len(ids))
	collections := make([]identity.Collection, 0, len(ids))
	for _, id := range ids {
		if p, collection, ok := codec.ParseProfileID(id); ok {
			named, collections = append(named, p), append(collections, collection)
		}
	}
	if err := v.LoadProfiles(named...); err != nil {
		return nil, err
	}
	out := make([]codec.ProfileID, 0, len(named))
	known := make(map[codec.ProfileID]bool, len(named))
	for i, p := range named {
		rec := v.Profile(p)
		if rec == nil {
			continue
		}
		if rec.Merged {
			var err error
			p, err = v.Resolve(space.Ref{Collection: collections[i], Value: p.Text(collections[i])})
			if err != nil {
				if errors.Is(err, space.ErrNotFound) {
					continue
				}
				return nil, err
			}
		}
		if !known[p] {
			known[p] = true
			out = append(out, p)
		}
	}
	return out, nil
}

// take takes over values.
func (p *Person) take(values *Values) {
	p.Computed = values.Traits
	for _, a := range values.Audiences {
		if a.In {
			p.Audiences = append(p.Audiences, a)
		}
	}
}

// takeTold takes over what was told of a profile.
func (p *Person) takeTold(compiled *Compiled, pos *position, state *State) {
	(&Told{compiled, pos}).Each(state, func(key string, audience bool, v Value) {
		if audience {
			p.Audiences = append(p.Audiences, Membership{Key: key, In: true, Since: v.Since})
		} else {
			p.Computed = append(p.Computed, TraitValue{Key: key, JSON: v.JSON, Since: v.Since})
		}
	})
}
