package tx

import (
	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// LoadTraits reads the traits of strands that are not loaded yet, all in one round trip.
func (v *View) LoadTraits(strands ...identity.Hash) error { return v.traits.load(v, strands...) }

// SetTraits makes what was said under a strand just these traits; nothing is told of it.
func (tx *Tx) SetTraits(strand identity.Hash, t profile.Traits) { tx.traits.put(strand, t) }

// ApplyTraits adds what an event says of traits to those of its strand, and tells of what
// changed.
func (tx *Tx) ApplyTraits(h identity.Hash, news []profile.Trait, messageID string) error {
	if err := tx.traits.load(&tx.View, h); err != nil {
		return err
	}
	before := tx.traits.row(h)
	after, won := before.Apply(news)
	if len(won) == 0 {
		return nil
	}
	tx.traits.put(h, after)
	var of codec.ProfileID
	if err := tx.LoadStrands(h); err != nil {
		return err
	}
	if top, ok := tx.strands[h].Top(tx.rules, tx.engine.Overrides); ok {
		if err := tx.LoadOwners(top.Hash); err != nil {
			return err
		}
		if p, rec := tx.Owner(top.Hash); rec != nil {
			tx.touch(p)
			of = p
		}
	}
	for _, t := range won {
		if old, ok := before.Get(t.Name); ok && string(old.Value) == string(t.Value) && old.Removed() == t.Removed() {
			continue
		}
		kind := feed.TraitSet
		if t.Removed() {
			kind = feed.TraitRemoved
		}
		tx.Emit(of, tx.strands[h].Collection, feed.Change{Kind: kind, Trait: t.Name, Value: t.Value},
			Occasion{Pos: identity.Pos{Moment: t.Moment}, MessageID: messageID})
	}
	return nil
}
