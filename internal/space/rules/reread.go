package rules

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/journal"
	"github.com/selfsame-id/selfsame/internal/space/tx"
)

// SimulationPlan says what a simulation will take, before it begins.
type SimulationPlan struct {
	Strands int64 // that are read
	// Reread says that the draft looks for IDs in other places than the rules at
	// work (key, exclude, alias), so that the bodies of all Events are read.
	Reread   bool
	Events   int64
	Estimate time.Duration // of reading them, from reading the first ones
}

// PlanSimulation looks at a draft. The mistakes of Compile come through as they
// are.
func (q *Resolver) PlanSimulation(ctx context.Context, draft identity.Rules) (SimulationPlan, error) {
	p := SimulationPlan{Strands: q.space.Stats().Strands}
	rs, err := identity.Compile(draft)
	if err != nil {
		return p, err
	}
	v, was, err := q.space.ViewOfDraft(ctx, rs)
	if err != nil {
		return p, err
	}
	defer v.Close()
	if space.SamePlaces(was, draft) {
		return p, nil
	}
	stored, err := v.Counters()
	if err != nil {
		return p, err
	}
	p.Reread, p.Events = true, stored.Events
	const probe = 5000
	began, n := time.Now(), int64(0)
	again := &rereading{view: &modelView{stored: v}}
	_, err = again.read(ctx, func(done int64) error {
		if n = done; n >= probe || time.Since(began) > time.Second {
			return errProbed
		}
		return ctx.Err()
	})
	if err != nil && !errors.Is(err, errProbed) {
		return p, err
	}
	if n > 0 {
		p.Estimate = time.Duration(float64(time.Since(began)) / float64(n) * float64(max(p.Events, n)))
	}
	return p, nil
}

var errProbed = errors.New("enough was read")

// rereading makes the strands of a draft from the bodies of all events. It holds
// every event's moment in memory, about 30 bytes each. What
// cannot be read any more is left out.
type rereading struct {
	view *modelView
	made map[identity.Hash]*madeStrand
	n    int64 // events that were read
}

type madeStrand struct {
	*identity.Strand
	first identity.Pos
	seen  []event.Moment
}

// read returns the models of users and accounts, with what is stored as the past.
func (a *rereading) read(ctx context.Context, progress func(n int64) error) ([]*identity.Model, error) {
	v := a.view
	a.made = map[identity.Hash]*madeStrand{}
	err := v.stored.EachBlock(func(b *journal.Block) error {
		for o := range b.Heads {
			e, m, st := b.Event(o)
			if st != journal.Whole {
				continue
			}
			a.n++
			p := v.stored.Rules().Promote(&m, e.Source)
			a.add(identity.Users, p.Users, m.At(e.Arrival))
			a.add(identity.Accounts, p.Accounts, m.At(e.Arrival))
		}
		return progress(a.n)
	})
	if err != nil {
		return nil, err
	}
	models := map[identity.Collection]*identity.Model{}
	all := []*identity.Model{}
	for _, c := range [...]identity.Collection{identity.Users, identity.Accounts} {
		m := identity.NewModel(v.stored.Rules(), v.stored.Overrides(), c, len(a.made))
		m.Was = v.was
		models[c] = m
		all = append(all, m)
	}
	if err := v.stored.EachStrand(func(st *codec.Strand) error {
		models[st.Collection].Past(st.Strand, identity.Founded(st.Founded))
		return ctx.Err()
	}); err != nil {
		return nil, err
	}
	for _, st := range a.made {
		models[st.Collection].Draft(st.Strand, st.first)
	}
	return all, nil
}

func (a *rereading) add(c identity.Collection, ids []identity.ID, m event.Moment) {
	if len(ids) == 0 {
		return
	}
	h := a.view.stored.Hasher().Strand(c, ids)
	st := a.made[h]
	if st == nil {
		st = &madeStrand{Strand: identity.NewStrand(a.view.stored.Hasher(), c, ids)}
		tx.Detach(st.Links)
		a.made[h] = st
	}
	st.seen = append(st.seen, m)
	if at := st.Place(a.view.stored.Rules(), a.view.stored.Overrides(), m); len(st.seen) == 1 || at.Before(st.first) {
		st.first = at
	}
}

// occurrences are all events of strands, in order of arrival.
func (a *rereading) occurrences(strands []*identity.Strand) ([]identity.Occurrence, error) {
	var out []identity.Occurrence
	for _, s := range strands {
		st := a.made[s.Hash]
		if st == nil {
			return nil, kv.ErrCorrupt
		}
		for _, m := range st.seen {
			out = append(out, identity.Occurrence{Strand: s, Moment: m})
		}
	}
	slices.SortFunc(out, func(x, y identity.Occurrence) int { return x.Arrival.Compare(y.Arrival) })
	return out, nil
}
