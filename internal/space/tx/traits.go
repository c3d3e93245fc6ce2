package tx

import (
	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// LoadTraits reads the traits of strands that are not loaded yet, all in one round trip.
func (d *View) LoadTraits(strands ...identity.Hash) error { return d.traits.load(d, strands...) }

// SetTraits makes what was said under a strand just these traits; nothing is told of it.
func (d *Tx) SetTraits(strand identity.Hash, t profile.Traits) { d.traits.put(strand, t) }

// ApplyTraits adds what an event says of traits to those of its strand, and tells of what
// changed.
func (d *Tx) ApplyTraits(h identity.Hash, news []profile.Trait, messageID string) error {
	if err := d.traits.load(&d.View, h); err != nil {
		return err
	}
	before := d.traits.row(h)
	after, won := before.Apply(news)
	if len(won) == 0 {
		return nil
	}
	d.traits.put(h, after)
	var of codec.ProfileID
	if err := d.LoadStrands(h); err != nil {
		return err
	}
	if top, ok := d.strands[h].Top(d.rules, d.engine.Overrides); ok {
		if err := d.LoadOwners(top.Hash); err != nil {
			return err
		}
		if p, rec := d.Owner(top.Hash); rec != nil {
			d.touch(p)
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
		d.Emit(of, d.strands[h].Collection, feed.Change{Kind: kind, Trait: t.Name, Value: t.Value},
			Occasion{Pos: identity.Pos{Moment: t.Moment}, MessageID: messageID})
	}
	return nil
}
