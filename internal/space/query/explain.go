package query

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// The bounds of an explanation.
const (
	mostExplained = 100_000 // strands that it looks at
	mostEvidence  = 100_000 // events that it counts
	mostListed    = 20      // strands of a step that it lists
)

// Explanation says whether two IDs are one person, and why or why not.
type Explanation struct {
	Collection  identity.Collection
	A, B        Asked
	Together    bool // both are of one profile
	Provisional bool // pending work may still change the answer

	// Steps lead from A to B. If the two are together, each is a pair of IDs that
	// was seen together and accepted. If they are apart, it is the chain that
	// comes closest to tying them, and the demotions on it are what keeps them
	// apart; there is none if nothing ever linked them.
	Steps []EvidenceStep
	// Unused are overrides that say that the two, or what leads to them, are of one
	// profile, and that do not hold.
	Unused []codec.Override
	// BlockedInCommon are IDs that both were seen with, and that name nobody.
	// Looked for only where there are no steps.
	BlockedInCommon []identity.ID
}

// Asked is one of the two that an explanation is about.
type Asked struct {
	ID      identity.ID // for a profile's own ID, its identifier of the highest priority
	Profile string      // that owns the ID; "" if nobody does
	Blocked bool        // it names nobody: its value is blocked, or it is isolated
	// Isolated is the override that isolates it, nil if the rules block it.
	Isolated *codec.Override
}

// EvidenceStep is a pair of IDs that events had in common, or that people said
// to be of one profile.
type EvidenceStep struct {
	From, To  identity.ID
	Decided   *codec.Override // the Same that ties the two; nil if none does
	Strands   int             // distinct sets of IDs with both
	First     []identity.Hash // the first of them by time, at most mostListed
	Evidence  Evidence
	Demotions []Demotion // where one of the two was left out
}

// Demotion is an ID that was left out, with the event with which that was decided
// last.
type Demotion struct {
	identity.Demotion
	Event Seen
	// Decided is the override that stands against it; nil if none does.
	Decided *codec.Override
}

// Explain says whether two IDs are one person and through which chain of
// evidence, or what keeps them apart. Errors are *UnknownError for the one that
// nobody was seen with, and ErrTooLarge.
func (r *Reader) Explain(ctx context.Context, a, b space.Ref) (Explanation, error) {
	out := Explanation{Collection: a.Collection}
	if a.Collection != b.Collection {
		return out, fmt.Errorf("%w: users and accounts are resolved apart, so %s and %s have nothing in common", space.ErrInvalid, a.Value, b.Value)
	}
	v, err := r.space.View(ctx)
	if err != nil {
		return out, err
	}
	defer v.Close()
	over := v.OverrideList()
	v.BoundTouching(mostExplained)
	hashA, err := ask(v, over, a, &out.A)
	if err != nil {
		return out, err
	}
	hashB, err := ask(v, over, b, &out.B)
	if err != nil || out.A.Blocked || out.B.Blocked {
		return out, err
	}
	steps, err := explain(v, over, hashA, hashB, &out)
	if errors.Is(err, identity.ErrTooLarge) || errors.Is(err, identity.ErrBound) {
		return out, fmt.Errorf("%w: more than %d sets of identifiers were looked through to find what links these two; such a link would say nothing about a person", space.ErrTooLarge, mostExplained)
	}
	if err != nil {
		return out, err
	}
	out.Provisional = v.AnyPending()
	w := newWitness(v)
	budget := int64(mostEvidence)
	for i := range steps {
		st := &steps[i]
		e := EvidenceStep{From: st.From.ID, To: st.To.ID, Strands: len(st.Strands)}
		if st.Decided {
			e.Decided = over.Joining(out.Collection, identity.NewPair(st.From, st.To))
		}
		for _, strand := range st.Strands[:min(len(st.Strands), mostListed)] {
			e.First = append(e.First, strand.Hash)
		}
		if e.Evidence, err = w.evidence(st.Strands, &budget); err != nil {
			return out, err
		}
		for _, dem := range st.Demotions {
			seen, err := w.seen(dem.At.Moment)
			if err != nil {
				return out, err
			}
			e.Demotions = append(e.Demotions, Demotion{dem, seen, over.Against(out.Collection, &dem)})
		}
		out.Steps = append(out.Steps, e)
	}
	return out, nil
}

func explain(v *space.View, over codec.OverrideList, a, b identity.Hash, out *Explanation) ([]identity.Step, error) {
	x := &identity.Explainer{Engine: v.Engine(), Graph: v, Most: mostExplained}
	steps, together, err := x.Path(a, b)
	if err != nil {
		return nil, err
	}
	if out.Together = together; together {
		return steps, nil
	}
	why, err := x.WhyNot(a, b)
	if err != nil {
		return nil, err
	}
	out.BlockedInCommon = why.Blocked
	for _, p := range why.Pairs {
		if o := over.Joining(out.Collection, p.Pair); o != nil {
			unused := *o
			unused.NotAtWork = p.Reason.String()
			out.Unused = append(out.Unused, unused)
		}
	}
	return why.Steps, nil
}

// ask finds the ID that somebody asks about.
func ask(v *space.View, over codec.OverrideList, ref space.Ref, out *Asked) (identity.Hash, error) {
	if ref.ByProfileID() {
		return askProfile(v, ref, out)
	}
	out.ID = ref.ExternalID()
	h := v.Hasher().ID(ref.Collection, out.ID)
	switch v.Overrides().WhyNobody(v.Rules(), out.ID, h) {
	case identity.ReasonBlocked:
		out.Blocked = true
		return h, nil
	case identity.ReasonIsolated:
		out.Blocked, out.Isolated = true, over.Isolating(ref.Collection, out.ID)
		return h, nil
	}
	if err := v.LoadOwners(h); err != nil {
		return h, err
	}
	if v.Identifier(h) == nil {
		return h, &space.UnknownError{Ref: ref}
	}
	if p, rec := v.Owner(h); rec != nil {
		out.Profile = p.Text(ref.Collection)
	}
	return h, nil
}

// askProfile finds an ID that stands for a profile: that of the highest priority.
func askProfile(v *space.View, ref space.Ref, out *Asked) (identity.Hash, error) {
	p, err := v.Resolve(ref)
	if errors.Is(err, space.ErrNotFound) {
		return identity.Hash{}, &space.UnknownError{Ref: ref}
	}
	if err != nil {
		return identity.Hash{}, err
	}
	if err := v.LoadProfiles(p); err != nil {
		return identity.Hash{}, err
	}
	rec := v.Profile(p)
	if rec == nil || len(rec.IDs) == 0 || rec.Collection != ref.Collection {
		return identity.Hash{}, &space.UnknownError{Ref: ref}
	}
	out.Profile = p.Text(ref.Collection)
	hashes := make([]identity.Hash, len(rec.IDs))
	for i, m := range rec.IDs {
		hashes[i] = m.Hash
	}
	if err := v.LoadIdentifiers(hashes...); err != nil {
		return identity.Hash{}, err
	}
	best := slices.MinFunc(hashes, func(a, b identity.Hash) int { return v.Rules().ComparePriority(idOf(v, a), idOf(v, b)) })
	out.ID = idOf(v, best)
	return best, nil
}

// idOf is the ID of a loaded node.
func idOf(v *space.View, h identity.Hash) identity.ID {
	if n := v.Identifier(h); n != nil {
		return n.ID
	}
	return identity.ID{}
}
