package computed

import (
	"context"
	"fmt"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Person is a profile with what the definitions make of it, all of one moment: for
// those who tell others about it.
type Person struct {
	ID          string
	Collection  identity.Collection
	Merged      []string             // other profile IDs that lead here
	Identifiers []profile.Identifier // by first sighting, oldest first
	Traits      []profile.Trait      // that events set, by name; removed ones left out
	Computed    []TraitValue         // those that have a value
	Audiences   []Membership         // those that the profile is in
}

// Person reads a profile and folds what is stored of it, so that its values are those
// of its present strands. space.ErrNotFound.
func (c *Computed) Person(ctx context.Context, ref space.Ref) (*Person, error) {
	v, err := c.space.View(ctx)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	id, err := v.Resolve(ref)
	if err != nil {
		return nil, err
	}
	found, err := gather(v, []codec.ProfileID{id}, true)
	if err != nil {
		return nil, err
	}
	if found[0].rec == nil {
		return nil, space.ErrNotFound
	}
	p := found[0].person()
	if c.space.Definitions().Revision == 0 {
		return p, nil
	}
	values, err := c.valuesOf(v, &found[0], v.Now().UnixNano(), true)
	if err != nil {
		return nil, err
	}
	p.take(&values)
	return p, nil
}

// person is the profile without its values.
func (g *gathered) person() *Person {
	p := &Person{ID: g.id.Text(g.rec.Collection), Collection: g.rec.Collection, Identifiers: g.identifiers(), Traits: g.traits.Visible()}
	for _, st := range g.strands {
		if !st.Founded.IsZero() && st.Founded != g.id {
			p.Merged = append(p.Merged, st.Founded.Text(g.rec.Collection))
		}
	}
	return p
}

// People reads profiles in the order of their IDs, after one ("": from the first), with
// the values that the evaluator has told of them; next is where to go on, "" at the end.
// all: also those without a value.
func (c *Computed) People(ctx context.Context, after string, limit int, all bool) (page []*Person, next string, err error) {
	v, err := c.space.View(ctx)
	if err != nil {
		return nil, "", err
	}
	defer v.Close()
	defs, pos, err := c.read(v)
	if err != nil {
		return nil, "", err
	}
	compiled := compiledOf(defs)
	from, end := codec.States.All(v.Keys())
	parse := codec.States.Parse
	key := func(p codec.ProfileID) []byte { return codec.States.Key(v.Keys(), p) }
	if all {
		from, end = codec.Profiles.All(v.Keys())
		parse = codec.Profiles.Parse
		key = func(p codec.ProfileID) []byte { return codec.Profiles.Key(v.Keys(), p) }
	}
	if after != "" {
		p, _, ok := codec.ParseProfileID(after)
		if !ok {
			return nil, "", space.ErrBadCursor
		}
		from = kv.After(key(p))
	}
	rows, err := v.Reader().Scan(ctx, from, end, limit, false)
	if err != nil {
		return nil, "", err
	}
	ids := make([]codec.ProfileID, len(rows))
	keys := make([][]byte, len(rows))
	for i, row := range rows {
		id, ok := parse(row.Key)
		if !ok {
			return nil, "", kv.ErrCorrupt
		}
		ids[i], keys[i] = id, codec.States.Key(v.Keys(), id)
	}
	if len(rows) == limit {
		next = ids[limit-1].Text(identity.Users) // as a place, whatever it is
	}
	found, err := gather(v, ids, true)
	if err != nil || len(found) == 0 {
		return nil, next, err
	}
	stored, err := v.Reader().Get(ctx, keys...)
	if err != nil {
		return nil, "", err
	}
	for i := range found {
		if found[i].rec == nil {
			continue
		}
		state, err := DecodeState(stored[i])
		if err != nil {
			return nil, "", fmt.Errorf("the state of profile %x: %w", ids[i], err)
		}
		p := found[i].person()
		p.takeTold(compiled, pos, &state)
		page = append(page, p)
	}
	return page, next, nil
}

// Owners finds the profiles of strands; those that are nobody's are left out.
func Owners(v *space.View, strands []identity.Hash) (map[identity.Hash]codec.ProfileID, error) {
	return ownersOf(v, strands)
}
