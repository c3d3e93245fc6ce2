package space

import (
	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/tx"
)

// setTraits applies what identify calls say of users and group calls of
// accounts.
func (s *Space) setTraits(c *commit) error {
	var strands []identity.Hash
	c.NewStrandsHaveNoRows()
	for i := range c.fresh {
		if e := &c.fresh[i]; e.traits {
			if e.msg.Type == event.Identify && len(e.users.ids) > 0 {
				strands = append(strands, e.users.hash)
			}
			if e.msg.Type == event.Group && len(e.account.ids) > 0 {
				strands = append(strands, e.account.hash)
			}
		}
	}
	if err := c.LoadTraits(strands...); err != nil {
		return err
	}
	defer c.Deciding(tx.None)
	for i := range c.fresh {
		e := &c.fresh[i]
		if !e.traits {
			continue
		}
		c.Deciding(i)
		for k := range e.said {
			e.said[k].Moment = e.at
		}
		if e.msg.Type == event.Identify && len(e.users.ids) > 0 {
			if err := c.ApplyTraits(e.users.hash, e.said, e.id); err != nil {
				return err
			}
		}
		if e.msg.Type == event.Group && len(e.account.ids) > 0 {
			if err := c.ApplyTraits(e.account.hash, e.said, e.id); err != nil {
				return err
			}
		}
	}
	return nil
}

// pair keeps where user strands and account strands were first seen together.
func (s *Space) pair(c *commit) error {
	defer c.Deciding(tx.None)
	var keys [][]byte
	var at []*placedEvent
	for i := range c.fresh {
		e := &c.fresh[i]
		if len(e.users.ids) == 0 || len(e.account.ids) == 0 || s.pairs.has(e.users.hash, e.account.hash, e.msg.Time) {
			continue
		}
		c.Deciding(i)
		c.DependOn(codec.UserAccounts.Tag(), e.users.hash[:], e.account.hash[:])
		keys = append(keys, codec.UserAccounts.Key(c.Keys(), e.users.hash, e.account.hash))
		at = append(at, e)
	}
	c.Deciding(tx.None)
	if len(keys) == 0 {
		return nil
	}
	values, err := c.Get(keys)
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
			c.Rewrite(e.account.hash) // the account has another user
		}
		n := &codec.Pair{Moment: e.at, MessageID: e.id, Source: e.source}
		if p != nil && !n.Before(p.Moment) {
			continue
		}
		best[k] = n
		c.Batch.Put(keys[i], n.Append(nil))
		c.Batch.Put(codec.AccountUsers.Key(c.Keys(), e.account.hash, e.users.hash), nil)
	}
	return nil
}
