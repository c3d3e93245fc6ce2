package space

import (
	"context"
	"fmt"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/tx"
)

// What is read and changed is package tx's. Whoever works with a space has these from
// here.
type (
	// View reads one snapshot of a space.
	View = tx.View
	// Tx is a change of a space.
	Tx = tx.Tx
	// Ref names a profile.
	Ref = tx.Ref
	// UnknownError says that there never was a profile of an ID.
	UnknownError = tx.UnknownError
)

// basis is what views of the space are made of, by rules.
func (s *Space) basis(rs *identity.Ruleset) tx.Basis {
	version := s.version.Load()
	return tx.Basis{
		Keys: s.keys, Hasher: s.hasher, Rules: rs, Overrides: s.overrides.Load(), Bound: s.cfg.ReplayBound,
		Stale: version.Applying, RulesSince: version.SetAt,
		Shared: !s.store.Exclusive(), RowsTold: s.definitions.Load().Revision > 0,
	}
}

// View opens a view of the space as it is now, by the rules and overrides at work
// on this node. Whoever opens a view closes it.
func (s *Space) View(ctx context.Context) (*View, error) {
	return s.viewBy(ctx, s.rules.Load())
}

// viewBy opens a view of the space as it is now by rules.
func (s *Space) viewBy(ctx context.Context, rs *identity.Ruleset) (*View, error) {
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return tx.NewView(ctx, r, s.cfg.Now(), s.basis(rs)), nil
}

// ViewInForce is View with the rules and overrides that are in force in the very
// snapshot, whichever node set them. It waits for a commit that is under way.
func (s *Space) ViewInForce(ctx context.Context) (*View, error) {
	s.writing.Lock() // rules change under it
	defer s.writing.Unlock()
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.followRules(ctx, r); err != nil {
		r.Close()
		return nil, err
	}
	return tx.NewView(ctx, r, s.cfg.Now(), s.basis(s.rules.Load())), nil
}

// ViewOfDraft opens a view of the space as it is now, by draft rules and by the
// overrides that are stored in the same snapshot. It returns the rules that are stored
// there as well. Whoever opens a view closes it.
func (s *Space) ViewOfDraft(ctx context.Context, draft *identity.Ruleset) (_ *View, was identity.Rules, err error) {
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return nil, was, err
	}
	b := s.basis(draft)
	rec, err := s.storedBasis(ctx, r, &b)
	if err != nil {
		r.Close()
		return nil, was, err
	}
	return tx.NewView(ctx, r, s.cfg.Now(), b), rec.Rules, nil
}

// Draft opens a transaction by the rules and overrides of its snapshot that is never
// committed: it shows what a change would make of the space. Whoever opens it closes
// it.
func (s *Space) Draft(ctx context.Context) (*Tx, error) {
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	d, err := s.draft(ctx, r)
	if err != nil {
		r.Close()
	}
	return d, err
}

func (s *Space) draft(ctx context.Context, r kv.Reader) (*Tx, error) {
	b := s.basis(nil)
	rec, err := s.storedBasis(ctx, r, &b)
	if err != nil {
		return nil, err
	}
	if b.Rules, err = identity.Compile(rec.Rules); err != nil {
		return nil, fmt.Errorf("the stored rules: %w", err)
	}
	b.Stale = rec.Applying
	d := tx.New()
	d.Open(ctx, r, s.cfg.Now(), b)
	return d, nil
}

// storedBasis makes the overrides of a snapshot those of a basis, and returns the record
// of its rules.
func (s *Space) storedBasis(ctx context.Context, r kv.Reader, b *tx.Basis) (rulesRecord, error) {
	rec, _, err := s.storedRules(ctx, r)
	if err != nil {
		return rec, err
	}
	all, err := tx.ReadOverrides(ctx, r, s.keys)
	if err == nil {
		b.Overrides = tx.NewOverrideSet(s.hasher, rec.Overrides, all)
	}
	return rec, err
}
