package space

import (
	"context"
	"math"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// modelView reads a snapshot into models, to see what draft rules make of it.
type modelView struct {
	s      *Space
	r      kv.Reader
	rules  *identity.Ruleset // the draft
	was    *identity.Ruleset // under which the stored strands were decided; nil: the draft
	over   *identity.Overrides
	same   bool // the stored strands were decided under the draft's order
	strict bool
	all    bool // everything is to be decided again
	owners bool // who owns what is looked up as well
}

// read returns the models of users and accounts.
func (v *modelView) read(ctx context.Context, progress func(n int64) error) ([]*identity.Model, error) {
	models := map[identity.Collection]*identity.Model{}
	all := []*identity.Model{}
	for _, c := range [...]identity.Collection{identity.Users, identity.Accounts} {
		hint := 1000
		if c == identity.Users {
			hint = int(max(v.s.stats.strands.Load(), 1000))
		}
		m := identity.NewModel(v.rules, v.over, c, hint)
		m.Was = v.was
		m.Same, m.Strict, m.All = v.same, v.strict, v.all
		models[c] = m
		all = append(all, m)
	}
	n := int64(0)
	err := eachStrand(ctx, v.r, v.s.keys, v.s.hasher, func(st *codec.Strand) error {
		models[st.Collection].Add(st.Strand, identity.Founded(st.Founded))
		if n++; n%8192 == 0 {
			return progress(n)
		}
		return nil
	})
	if err != nil || !v.owners {
		return all, err
	}
	return all, each(ctx, v.r, v.s.keys, codec.Identifiers, scanPage, func(e kv.Entry) error {
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
	d := v.s.newViewBy(ctx, v.r, v.rules)
	return func(strands []*identity.Strand) ([]identity.Occurrence, error) {
		return d.Arrivals(strands, math.MaxInt64, math.MaxInt)
	}
}
