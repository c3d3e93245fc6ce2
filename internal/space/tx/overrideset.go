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
func (d *View) goBy(set *OverrideSet) { d.overrides, d.engine.Overrides = set, set.Identity }

// SetOverrides makes overrides those that the transaction goes by, and that are at
// work when it is committed.
func (d *Tx) SetOverrides(all []codec.Override) {
	d.goBy(NewOverrideSet(d.hasher, d.overrides.Revision, all))
}

// OverrideSet is the overrides that the view goes by.
func (d *View) OverrideSet() *OverrideSet { return d.overrides }

// OverrideRevision moves with every change of an override.
func (d *View) OverrideRevision() uint64 { return d.overrides.Revision }

// Before is a view of the transaction's snapshot, without what it has changed. It is
// closed with the transaction.
func (d *Tx) Before() *View {
	v := &View{
		ctx: d.ctx, keys: d.keys, hasher: d.hasher, rules: d.rules, engine: d.engine, overrides: d.overrides,
		r: d.r, now: d.now, stale: d.stale, rulesSince: d.rulesSince, touchBound: d.touchBound,
	}
	v.makeRoom()
	return v
}

// Regroup makes strands and profiles what a decision says that no event made.
func (d *Tx) Regroup(c *identity.Change) error {
	if err := d.prune(c); err != nil {
		return err
	}
	return d.apply(c, d.noEvent())
}

// Changed lists the profiles that the transaction has changed, in any order.
func (d *Tx) Changed() iter.Seq2[codec.ProfileID, *codec.Profile] {
	return func(yield func(codec.ProfileID, *codec.Profile) bool) {
		for p := range d.changedProfiles {
			if !yield(p, d.profiles[p]) {
				return
			}
		}
	}
}
