package rules

import (
	"github.com/selfsame-id/selfsame/internal/compute"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/tx"
)

// moveEvent gives an event to its new strand.
func moveEvent(d *space.Tx, e *movedEvent) error {
	if e.had {
		d.Delete(codec.Events.Key(d.Keys(), e.was, e.at))
	}
	if len(e.ids) == 0 {
		return nil
	}
	d.Put(codec.Events.Key(d.Keys(), e.hash, e.at), nil)
	sight := tx.Occasion{Pos: identity.Pos{Moment: e.at, Strand: e.hash}, MessageID: e.messageID, Source: e.source}
	if err := d.MoveIn(e.hash, e.collection, e.ids, sight); err != nil {
		return err
	}
	if len(e.traits) == 0 {
		return nil
	}
	had, err := d.TraitsOf(e.hash)
	if err != nil {
		return err
	}
	if after, won := had[0].Apply(e.traits); len(won) > 0 {
		d.SetTraits(e.hash, after)
	}
	return nil
}

// movePairs keeps which users and accounts moved events show together.
func movePairs(d *space.Tx, pairs []movedPair) error {
	keys := make([][]byte, len(pairs))
	for i, p := range pairs {
		keys[i] = codec.UserAccounts.Key(d.Keys(), p.user, p.account)
	}
	if len(keys) == 0 {
		return nil
	}
	values, err := d.Get(keys)
	if err != nil {
		return err
	}
	best := map[string]*codec.Pair{}
	for i := range pairs {
		k := string(keys[i])
		if best[k] == nil && values[i] != nil {
			if best[k], err = codec.DecodePair(values[i]); err != nil {
				return err
			}
		}
		if best[k] == nil {
			d.Rewrite(pairs[i].account)
		}
		if p := &pairs[i].Pair; best[k] == nil || p.Before(best[k].Moment) {
			best[k] = p
			d.Put(keys[i], p.Append(nil))
			d.Put(codec.AccountUsers.Key(d.Keys(), pairs[i].account, pairs[i].user), nil)
		}
	}
	return nil
}

// moveRows gives rows to the new strands of their events.
func moveRows(d *space.Tx, moved []movedRows) {
	for i := range moved {
		m := &moved[i]
		tx.PlaceRows(m.was, m.rows, func(strand identity.Hash, row *compute.Row) {
			d.Delete(codec.Rows.Key(d.Keys(), strand, uint32(row.Stream), m.at))
			d.Rewrite(strand)
		})
		tx.PlaceRows(m.now, m.rows, func(strand identity.Hash, row *compute.Row) {
			d.Put(codec.Rows.Key(d.Keys(), strand, uint32(row.Stream), m.at), row.Value)
			d.Rewrite(strand)
		})
	}
}
