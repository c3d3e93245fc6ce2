package space

import (
	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// setTraits applies what identify calls say of users and group calls of
// accounts.
func (s *Space) setTraits(d *Tx) error {
	var strands []identity.Hash
	for h, old := range d.changedStrands {
		if old {
			continue
		}
		for _, t := range d.tables() {
			t.known(h) // a strand that is new has no rows yet
		}
	}
	for i := range d.fresh {
		if e := &d.fresh[i]; e.traits {
			if e.msg.Type == event.Identify && len(e.users.ids) > 0 {
				strands = append(strands, e.users.hash)
			}
			if e.msg.Type == event.Group && len(e.account.ids) > 0 {
				strands = append(strands, e.account.hash)
			}
		}
	}
	if err := d.traits.load(&d.View, strands...); err != nil {
		return err
	}
	defer d.deciding(none)
	for i := range d.fresh {
		e := &d.fresh[i]
		if !e.traits {
			continue
		}
		d.deciding(i)
		m := *e.msg
		m.MessageID = e.id
		if m.Type == event.Identify && len(e.users.ids) > 0 {
			if err := d.applyTraits(e.users.hash, profile.UserTraits(&m, e.source, e.at.Arrival), e); err != nil {
				return err
			}
		}
		if m.Type == event.Group && len(e.account.ids) > 0 {
			if err := d.applyTraits(e.account.hash, profile.AccountTraits(&m, e.source, e.at.Arrival), e); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *Tx) applyTraits(h identity.Hash, news []profile.Trait, e *placedEvent) error {
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
		d.emit(of, d.strands[h].Collection, feed.Change{Kind: kind, Trait: t.Name, Value: t.Value},
			occasion{pos: identity.Pos{Moment: t.Moment}, messageID: e.id})
	}
	return nil
}

// pair keeps where user strands and account strands were first seen together.
func (s *Space) pair(d *Tx) error {
	defer d.deciding(none)
	var keys [][]byte
	var at []*placedEvent
	for i := range d.fresh {
		e := &d.fresh[i]
		if len(e.users.ids) == 0 || len(e.account.ids) == 0 || s.pairs.has(e.users.hash, e.account.hash, e.msg.Time) {
			continue
		}
		d.deciding(i)
		d.dependencies.note(codec.UserAccounts.Tag(), e.users.hash[:], e.account.hash[:])
		keys = append(keys, codec.UserAccounts.Key(d.keys, e.users.hash, e.account.hash))
		at = append(at, e)
	}
	d.deciding(none)
	if len(keys) == 0 {
		return nil
	}
	values, err := d.get(keys)
	if err != nil {
		return err
	}
	best := map[string]*codec.Pair{}
	for i, e := range at {
		k := string(keys[i])
		p := best[k]
		if p == nil && values[i] != nil {
			if p, err = codec.DecodePair(values[i]); err != nil {
				return err
			}
			best[k] = p
		}
		if p == nil {
			d.rewrite(e.account.hash) // the account has another user
		}
		n := &codec.Pair{Moment: e.at, MessageID: e.id, Source: e.source}
		if p != nil && !n.Before(p.Moment) {
			continue
		}
		best[k] = n
		d.batch.Put(keys[i], n.Append(nil))
		d.batch.Put(codec.AccountUsers.Key(d.keys, e.account.hash, e.users.hash), nil)
	}
	return nil
}
