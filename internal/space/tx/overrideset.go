package tx

import (
	"context"
	"iter"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// OverrideSet is the overrides at work. It is never changed.
type OverrideSet struct {
	Revision uint64              // moves with every change of an override
	Identity *identity.Overrides // as the engine wants them; nil: there are none
	All      codec.OverrideList  // by ID
}

// NewOverrideSet compiles overrides.
func NewOverrideSet(h identity.Hasher, revision uint64, all []codec.Override) *OverrideSet {
	set := &OverrideSet{Revision: revision, All: all}
	if len(all) == 0 {
		return set
	}
	set.Identity = &identity.Overrides{}
	for i := range all {
		all[i].AddTo(set.Identity, h)
	}
	return set
}

// ReadOverrides reads all overrides of a snapshot.
func ReadOverrides(ctx context.Context, r kv.Reader, keys codec.Keyspace) ([]codec.Override, error) {
	var all []codec.Override
	err := Each(ctx, r, keys, codec.Overrides, scanPage, func(e kv.Entry) error {
		o, err := codec.DecodeOverride(e.Value)
		all = append(all, o)
		return err
	})
	return all, err
}

// goBy makes overrides those that the view goes by.
func (v *View) goBy(set *OverrideSet) { v.overrides, v.engine.Overrides = set, set.Identity }

// SetOverrides makes overrides those that the transaction goes by, and that are at
// work when it is committed.
func (tx *Tx) SetOverrides(all []codec.Override) {
	tx.goBy(NewOverrideSet(tx.hasher, tx.overrides.Revision, all))
}

// OverrideSet is the overrides that the view goes by.
func (v *View) OverrideSet() *OverrideSet { return v.overrides }

// OverrideRevision moves with every change of an override.
func (v *View) OverrideRevision() uint64 { return v.overrides.Revision }

// Before is a view of the transaction's snapshot, without what it has changed. It is
// closed with the transaction.
func (tx *Tx) Before() *View {
	v := &View{
		ctx: tx.ctx, keys: tx.keys, hasher: tx.hasher, rules: tx.rules, engine: tx.engine, overrides: tx.overrides,
		r: tx.r, now: tx.now, stale: tx.stale, rulesSince: tx.rulesSince, touchBound: tx.touchBound,
	}
	v.makeRoom()
	return v
}

// Regroup makes strands and profiles what a decision says that no event made.
func (tx *Tx) Regroup(c *identity.Change) error {
	if err := tx.prune(c); err != nil {
		return err
	}
	return tx.apply(c, tx.noEvent())
}

// Changed lists the profiles that the transaction has changed, in any order.
func (tx *Tx) Changed() iter.Seq2[codec.ProfileID, *codec.Profile] {
	return func(yield func(codec.ProfileID, *codec.Profile) bool) {
		for p := range tx.changedProfiles {
			if !yield(p, tx.profiles[p]) {
				return
			}
		}
	}
}
