package overrides

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/tx"
)

// Split asks for a CannotLink between the parts that an event merged.
const Split = "split"

// Undo is a wish to change what is one person: an override to be made or, with
// Remove, one to be taken back. Who asks and why is in the context, see package
// audit.
type Undo struct {
	Kind       string // Same, CannotLink, Isolate, Drop or Split
	Collection identity.Collection
	IDs        []identity.ID
	Strand     identity.Hash // with Drop
	Profile    space.Ref     // with Split, the profile as it is now; with Isolate, if it is not empty, the profile that has the IDs
	MessageID  string        // with Split: the event that merged it

	Remove string // the ID of an override; then nothing above counts

	// Only, if not nil, is the revision of the overrides on which the wish
	// relies: ErrChanged if another one is at work.
	Only *uint64
}

// Regrouping is what an Undo changes. Profiles that stay as they are, are not
// listed.
type Regrouping struct {
	Override codec.Override
	Revision uint64 // of the overrides: before it in a preview, else after it
	Applied  bool
	Before   []Summary
	After    []Summary
	// LeftOut are strands from which an ID is left out from now on, at most
	// mostLeftOut of the LeftOuts in all.
	LeftOut  []LeftOut
	LeftOuts int
	// Unowned are IDs that belong to no profile any more.
	Unowned []identity.ID
	// Unseen are IDs, named by a Same, that no event has shown yet.
	Unseen []identity.ID
	// Unresolved counts the events that are of nobody from now on: they carry
	// nothing else that names somebody. Counted up to briefEvents.
	Unresolved int64
	// Provisional says that pending work may still change these profiles.
	Provisional bool
	// Applying says that an ID is of so many strands that they are decided again in
	// the background, as when rules change: AwaitRules waits for the end.
	Applying bool
	// Unforeseen says that more hangs together here than can be looked through at
	// once, so that Before and After are not told.
	Unforeseen bool
}

// LeftOut is a strand and the ID that is left out of it.
type LeftOut struct {
	Strand identity.Hash
	IDs    []identity.ID // of the strand, in canonical order
	ID     identity.ID
	Reason string
}

const mostLeftOut = 100

// mostUndoIDs bounds the IDs of one override: of n IDs that are kept apart, each
// pair is remembered.
const mostUndoIDs = 50

// PreviewUndo says what an Undo would change, and changes nothing.
//
// ErrNotFound: an ID, profile, event or override is not in the space. ErrExists:
// the override was made already. ErrInvalid: it cannot be, the text says why.
// ErrConflict, ErrChanged, ErrApplying: see there.
func (e *Editor) PreviewUndo(ctx context.Context, u Undo) (Regrouping, error) {
	d, err := e.space.Draft(ctx)
	if err != nil {
		return Regrouping{}, err
	}
	defer d.Close()
	w, err := e.work(ctx, d, u)
	if err != nil {
		return Regrouping{}, err
	}
	if err := w.decide(); err != nil {
		return Regrouping{}, err
	}
	return w.out, nil
}

// ApplyUndo makes an Undo so: in one commit, or, where an ID is of very many
// strands, in one that makes the override hold and then in the background. The
// errors are those of PreviewUndo.
func (e *Editor) ApplyUndo(ctx context.Context, u Undo) (Regrouping, error) {
	foreseen, err := e.foresee(ctx, u)
	if err != nil {
		return Regrouping{}, err
	}
	var w *undoing
	revision, err := e.space.ChangeOverrides(ctx, func(d *space.Tx) (space.OverrideChange, error) {
		if w, err = e.work(ctx, d, u); err != nil {
			return space.OverrideChange{}, err
		}
		if !w.many {
			if err := w.decide(); err != nil {
				return space.OverrideChange{}, err
			}
		}
		w.tellTraits()
		return space.OverrideChange{Override: w.out.Override, Removed: u.Remove != "", Background: w.many}, nil
	})
	if err != nil {
		return Regrouping{}, err
	}
	if w.many {
		made := w.out.Override
		w.out = Regrouping{Provisional: true} // it was of fewer a moment ago
		if foreseen != nil {
			w.out = *foreseen
		}
		w.out.Override, w.out.Applying = made, true
	}
	w.out.Revision, w.out.Applied = revision, true
	return w.out, nil
}

// foresee previews an Undo that will be applied in the background; nil for one that
// will not.
func (e *Editor) foresee(ctx context.Context, u Undo) (*Regrouping, error) {
	d, err := e.space.Draft(ctx)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	w, err := e.work(ctx, d, u)
	if err != nil || !w.many {
		return nil, err
	}
	return &w.out, w.decide()
}

// undoing is an Undo at work on a snapshot.
type undoing struct {
	space  *space.Space
	undo   Undo
	tx     *space.Tx       // as it becomes
	was    *space.View     // as it is
	hashes []identity.Hash // of the override's IDs
	many   bool            // one of them is of more strands than one commit decides
	now    int64
	before map[codec.ProfileID]*summarized
	after  map[codec.ProfileID]*summarized
	out    Regrouping
}

// work finds out which override an Undo is about, and makes the transaction go by
// what is left with it.
func (e *Editor) work(ctx context.Context, d *space.Tx, u Undo) (*undoing, error) {
	switch {
	case d.Applying():
		return nil, space.ErrApplying
	case u.Only != nil && *u.Only != d.OverrideRevision():
		return nil, fmt.Errorf("%w: revision %d of the overrides is in force, not %d", space.ErrChanged, d.OverrideRevision(), *u.Only)
	}
	w := &undoing{
		space: e.space, undo: u, tx: d, was: d.Before(), now: d.Now().UnixNano(),
		before: map[codec.ProfileID]*summarized{}, after: map[codec.ProfileID]*summarized{},
	}
	d.BoundTouching(0)
	all := d.OverrideList()
	var o codec.Override
	if u.Remove != "" {
		i := slices.IndexFunc(all, func(o codec.Override) bool { return o.ID == u.Remove })
		if i < 0 {
			return nil, fmt.Errorf("override %q: %w", u.Remove, space.ErrNotFound)
		}
		o = all[i]
		all = slices.Delete(slices.Clone(all), i, i+1)
	} else {
		var err error
		if o, err = w.override(ctx, all); err != nil {
			return nil, err
		}
		all = append(slices.Clone(all), o)
	}
	w.out = Regrouping{Override: o, Revision: d.OverrideRevision()}
	d.SetOverrides(all)
	w.hashes = make([]identity.Hash, len(o.IDs))
	for i, id := range o.IDs {
		w.hashes[i] = d.Hasher().ID(o.Collection, id)
	}
	if u.Remove == "" {
		if err := w.conflict(&o); err != nil {
			return nil, err
		}
	}
	bound := w.was.Engine().Bound
	n, err := holders(w.was, w.hashes, bound)
	w.many = n > bound
	if o.Kind == codec.Same && u.Remove == "" {
		for i, id := range o.IDs {
			if w.was.Identifier(w.hashes[i]) == nil {
				w.out.Unseen = append(w.out.Unseen, id)
			}
		}
	}
	return w, err
}

// decide finds out what changes.
func (w *undoing) decide() error {
	n, err := holders(w.was, w.hashes, tx.MostClosure)
	if err != nil {
		return err
	}
	var change *identity.Change
	if n <= tx.MostClosure {
		change, err = w.tx.Reconsider(w.out.Override.Collection, w.hashes)
		if err != nil && !errors.Is(err, space.ErrTooLarge) {
			return err
		}
	}
	if n > tx.MostClosure || err != nil {
		w.many = true // more hangs together than can be looked through at once
		w.out.Unforeseen, w.out.Provisional = true, true
	}
	w.out.Applying = w.many
	if w.out.Unforeseen {
		return nil
	}
	return w.regroup(change)
}

// holders counts the strands that hold the most frequent of some IDs, up to most
// and one more.
func holders(v *space.View, ids []identity.Hash, most int) (int, error) {
	if err := v.LoadIdentifiers(ids...); err != nil {
		return 0, err
	}
	n := 0
	for _, id := range ids {
		node := v.Identifier(id)
		if node == nil {
			continue
		}
		held := len(node.Holders)
		for _, list := range [...]byte{codec.ListAccepted, codec.ListDemoted} {
			if node.Spilled && held <= most {
				page, err := v.Reader().Scan(v.Context(), codec.Links.Of4(v.Keys(), id, list, 0, math.MinInt64), kv.PrefixEnd(codec.Links.Of2(v.Keys(), id, list)), most+1-held, false)
				if err != nil {
					return 0, err
				}
				held += len(page)
			}
		}
		n = max(n, held)
	}
	return n, nil
}
