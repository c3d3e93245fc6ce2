package rules

import (
	"context"
	"math"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// modelView reads a snapshot into models, to see what draft rules make of it.
type modelView struct {
	stored *space.View       // by the draft
	hint   int64             // about how many strands there are
	was    *identity.Ruleset // under which the stored strands were decided; nil: the draft
	same   bool              // the stored strands were decided under the draft's order
	strict bool
	all    bool // everything is to be decided again
	owners bool // who owns what is looked up as well
}

// identifiersPage is how many IDs are read at once.
const identifiersPage = 512

// read returns the models of users and accounts.
func (v *modelView) read(ctx context.Context, progress func(n int64) error) ([]*identity.Model, error) {
	models := map[identity.Collection]*identity.Model{}
	all := []*identity.Model{}
	for _, c := range [...]identity.Collection{identity.Users, identity.Accounts} {
		hint := 1000
		if c == identity.Users {
			hint = int(max(v.hint, 1000))
		}
		m := identity.NewModel(v.stored.Rules(), v.stored.Overrides(), c, hint)
		m.Was = v.was
		m.Same, m.Strict, m.All = v.same, v.strict, v.all
		models[c] = m
		all = append(all, m)
	}
	n := int64(0)
	err := v.stored.EachStrand(func(st *codec.Strand) error {
		models[st.Collection].Add(st.Strand, identity.Founded(st.Founded))
		if n++; n%8192 == 0 {
			return progress(n)
		}
		return nil
	})
	if err != nil || !v.owners {
		return all, err
	}
	return all, v.stored.Each(codec.Identifiers, identifiersPage, func(e kv.Entry) error {
		node, err := codec.DecodeIdentifier(e.Value)
		if err != nil || node.Owner.IsZero() {
			return err
		}
		var h identity.Hash
		copy(h[:], e.Key[len(e.Key)-len(h):])
		for _, m := range all {
			m.Own(h, identity.Founded(node.Owner)) // the other collection does not know it
		}
		return ctx.Err()
	})
}

// events supplies all events of strands.
func (v *modelView) events(ctx context.Context) identity.Events {
	d := v.stored.Fresh(ctx)
	return func(strands []*identity.Strand) ([]identity.Occurrence, error) {
		return d.Arrivals(strands, math.MaxInt64, math.MaxInt)
	}
}
