package space

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/selfsame-id/selfsame/internal/audit"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
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
	Profile    Ref           // with Split, the profile as it is now; with Isolate, if it is not empty, the profile that has the IDs
	MessageID  string        // with Split: the event that merged it

	Remove string // the ID of an override; then nothing above counts

	// Only, if not nil, is the revision of the overrides on which the wish
	// relies: ErrChanged if another one is at work.
	Only *uint64
}

// Regrouping is what an Undo changes. Profiles that stay as they are, are not
// listed.
type Regrouping struct {
	Override Override
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
func (s *Space) PreviewUndo(ctx context.Context, u Undo) (Regrouping, error) {
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return Regrouping{}, err
	}
	defer r.Close()
	w, err := s.work(ctx, r, u, nil)
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
func (s *Space) ApplyUndo(ctx context.Context, u Undo) (Regrouping, error) {
	foreseen, err := s.foresee(ctx, u)
	if err != nil {
		return Regrouping{}, err
	}
	s.ruling.Lock()
	defer s.ruling.Unlock()
	s.writing.Lock()
	defer s.writing.Unlock()
	s.announceRules(ctx)
	var out Regrouping
	err = s.again(ctx, func() (err error) {
		out, err = s.applyUndo(ctx, u, foreseen)
		return err
	})
	return out, err
}

func (s *Space) applyUndo(ctx context.Context, u Undo, foreseen *Regrouping) (out Regrouping, err error) {
	var w *undoing
	var rec rulesRecord
	var stored []byte
	_, err = s.try(ctx, change{detached: true}, func(d *Tx) (err error) {
		if w, err = s.work(ctx, d.r, u, d); err != nil {
			return err
		}
		rec, stored, err = w.stage(ctx)
		return err
	})
	if err != nil {
		return Regrouping{}, err
	}
	w.set.revision = rec.Overrides
	s.overrides.Store(w.set)
	s.adopt(s.rules.Load(), rec, stored)
	if w.many {
		made := w.out.Override
		w.out = Regrouping{Provisional: true} // it was of fewer a moment ago
		if foreseen != nil {
			w.out = *foreseen
		}
		w.out.Override, w.out.Applying = made, true
	}
	w.out.Revision, w.out.Applied = rec.Overrides, true
	return w.out, nil
}

// stage puts the override, what it changes and the rules' record that counts
// overrides into the transaction.
func (w *undoing) stage(ctx context.Context) (rec rulesRecord, stored []byte, err error) {
	s, u := w.s, &w.undo
	if !w.many {
		if err := w.decide(); err != nil {
			return rec, nil, err
		}
	}
	cause := "override: " + w.out.Override.ID
	if u.Remove != "" {
		cause = "override taken back: " + u.Remove
	}
	rec = w.rec
	rec.Overrides++
	if w.many {
		rec.Applying, rec.Cause = true, cause
		if w.tx.read != nil {
			w.tx.read = map[string][]byte{} // who adds to such an ID need not wait
		}
	}
	if stored, err = json.Marshal(rec); err != nil {
		return rec, nil, err
	}
	b := &w.tx.batch
	key := codec.Overrides.Key(s.keys, w.out.Override.ID)
	action := "override.add"
	if u.Remove != "" {
		action = "override.remove"
		b.Delete(key)
	} else {
		v, err := json.Marshal(w.out.Override.record())
		if err != nil {
			return rec, nil, err
		}
		b.Put(key, v)
	}
	b.Put(codec.Rules.Key(s.keys), stored)
	if err := s.putAudit(b, audit.New(ctx, w.now, action, w.out.Override.ID, w.out.Override.detail())); err != nil {
		return rec, nil, err
	}
	w.tx.putSeeds(b)
	w.correct()
	w.tx.setCause(cause)
	return rec, stored, nil
}

// undoing is an Undo at work on a snapshot.
type undoing struct {
	s      *Space
	undo   Undo
	tx     *Tx   // as it becomes
	was    *View // as it is
	rec    rulesRecord
	set    *overrideSet    // with the change
	hashes []identity.Hash // of the override's IDs
	many   bool            // one of them is of more strands than one commit decides
	now    int64
	before map[codec.ProfileID]*summarized
	after  map[codec.ProfileID]*summarized
	out    Regrouping
}

// work finds out what an Undo changes. Nothing is written. Profiles that it
// creates are younger than last.
func (s *Space) work(ctx context.Context, r kv.Reader, u Undo, d *Tx) (*undoing, error) {
	rec, _, err := s.storedRules(ctx, r)
	if err != nil {
		return nil, err
	}
	switch {
	case rec.Applying:
		return nil, ErrApplying
	case u.Only != nil && *u.Only != rec.Overrides:
		return nil, fmt.Errorf("%w: revision %d of the overrides is in force, not %d", ErrChanged, rec.Overrides, *u.Only)
	}
	rs, err := identity.Compile(rec.Rules)
	if err != nil {
		return nil, fmt.Errorf("the stored rules: %w", err)
	}
	if now := s.rules.Load(); s.version.Load().Version == rec.Version {
		rs = now // compiled already, and commits compare it
	}
	all, err := s.readOverrides(ctx, r)
	if err != nil {
		return nil, err
	}
	at := s.cfg.Now()
	w := &undoing{s: s, undo: u, rec: rec, now: at.UnixNano(), before: map[codec.ProfileID]*summarized{}, after: map[codec.ProfileID]*summarized{}}
	w.was = s.newViewBy(ctx, r, rs)
	before := newOverrideSet(s.hasher, rec.Overrides, all)
	w.was.engine.Overrides = before.identity
	if w.tx = d; d == nil {
		w.tx = s.newTx(ctx, r, rs, at)
	}
	w.tx.touchBound = 0

	var o Override
	if u.Remove != "" {
		i := slices.IndexFunc(all, func(o Override) bool { return o.ID == u.Remove })
		if i < 0 {
			return nil, fmt.Errorf("override %q: %w", u.Remove, ErrNotFound)
		}
		o = all[i]
		all = slices.Delete(slices.Clone(all), i, i+1)
	} else {
		if o, err = w.override(ctx, all); err != nil {
			return nil, err
		}
		all = append(slices.Clone(all), o)
	}
	w.set = newOverrideSet(s.hasher, rec.Overrides, all)
	w.tx.engine.Overrides = w.set.identity
	w.out = Regrouping{Override: o, Revision: rec.Overrides}

	w.hashes = make([]identity.Hash, len(o.IDs))
	for i, id := range o.IDs {
		w.hashes[i] = s.hasher.ID(o.Collection, id)
	}
	if u.Remove == "" {
		if err := w.conflict(&o, before); err != nil {
			return nil, err
		}
	}
	n, err := w.was.holders(w.hashes, s.cfg.ReplayBound)
	w.many = n > s.cfg.ReplayBound
	if o.Kind == Same && u.Remove == "" {
		for i, id := range o.IDs {
			if w.was.nodes[w.hashes[i]] == nil {
				w.out.Unseen = append(w.out.Unseen, id)
			}
		}
	}
	return w, err
}

// decide finds out what changes.
func (w *undoing) decide() error {
	n, err := w.was.holders(w.hashes, MostClosure)
	if err != nil {
		return err
	}
	var change *identity.Change
	if n <= MostClosure {
		change, err = w.tx.Reconsider(w.out.Override.Collection, w.hashes)
		if err != nil && !errors.Is(err, ErrTooLarge) {
			return err
		}
	}
	if n > MostClosure || err != nil {
		w.many = true // more hangs together than can be looked through at once
		w.out.Unforeseen, w.out.Provisional = true, true
	}
	w.out.Applying = w.many
	if w.out.Unforeseen {
		return nil
	}
	return w.regroup(change)
}

// foresee previews an Undo that will be applied in the background; nil for one that
// will not.
func (s *Space) foresee(ctx context.Context, u Undo) (*Regrouping, error) {
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	w, err := s.work(ctx, r, u, nil)
	if err != nil || !w.many {
		return nil, err
	}
	return &w.out, w.decide()
}

// holders counts the strands that hold the most frequent of some IDs, up to most
// and one more.
func (d *View) holders(ids []identity.Hash, most int) (int, error) {
	if err := d.LoadIdentifiers(ids...); err != nil {
		return 0, err
	}
	n := 0
	for _, id := range ids {
		node := d.nodes[id]
		if node == nil {
			continue
		}
		held := len(node.Holders)
		for _, list := range [...]byte{codec.ListAccepted, codec.ListDemoted} {
			if node.Spilled && held <= most {
				page, err := d.r.Scan(d.ctx, codec.Links.Of4(d.keys, id, list, 0, minTime), kv.PrefixEnd(codec.Links.Of2(d.keys, id, list)), most+1-held, false)
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
