package tx

import (
	"context"
	"strings"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/journal"
)

// ReplayDeferred decides replays that were deferred, and what follows from them, without
// a bound. They wait no more.
func (tx *Tx) ReplayDeferred(recs []codec.Deferred) error {
	tx.engine.Bound, tx.touchBound, tx.job = 0, 0, true
	for _, coll := range [...]identity.Collection{identity.Users, identity.Accounts} {
		if err := tx.replayOf(recs, coll); err != nil {
			return err
		}
	}
	tx.replayed = recs
	return nil
}

func (tx *Tx) replayOf(recs []codec.Deferred, coll identity.Collection) error {
	var seeds []identity.Seed
	var hashes []identity.Hash
	for i := range recs {
		if recs[i].Collection == coll {
			hashes = append(hashes, recs[i].Strand)
		}
	}
	if len(hashes) == 0 {
		return nil
	}
	if err := tx.LoadStrands(hashes...); err != nil {
		return err
	}
	var ids []identity.Hash
	for i := range recs {
		k := tx.strands[recs[i].Strand]
		if recs[i].Collection != coll || k == nil {
			continue
		}
		pos := identity.Pos{Class: k.First.Class, Moment: recs[i].Moment, Strand: k.Hash}
		seeds = append(seeds, identity.Seed{Strand: k.Strand, Pos: pos, Unsettled: true})
		for j := range k.Links {
			ids = append(ids, k.Links[j].Hash)
		}
	}
	if len(seeds) == 0 {
		return nil
	}
	change, err := tx.engine.Replay(tx, seeds)
	if err != nil {
		return err
	}
	tx.Done.Replays++
	tx.Done.Decisions += int64(change.Decisions)
	// The sources of events are in the journal: of the last that waited, to which
	// the changes are put down, and of those that became their strands' first.
	cause, err := tx.occasionOf(seeds[len(seeds)-1].Pos)
	if err != nil {
		return err
	}
	if err := tx.apply(change, cause); err != nil {
		return err
	}
	if err := tx.sourceFirsts(change.Strands); err != nil {
		return err
	}
	return tx.ClearPending(ids)
}

// ClearPending makes the answers about IDs final.
func (tx *Tx) ClearPending(ids []identity.Hash) error {
	if err := tx.LoadOwners(ids...); err != nil {
		return err
	}
	for _, h := range ids {
		if n := tx.nodes[h]; n != nil && n.Pending {
			n.Pending = false
			tx.changedNodes[h] = true
			if p, rec := tx.Owner(h); rec != nil {
				tx.touch(p)
			}
		}
	}
	return nil
}

// occasionOf tells of a stored event what the feed wants to know.
func (v *View) occasionOf(p identity.Pos) (Occasion, error) {
	e, err := journal.ReadEvent(v.ctx, v.r, v.keys, p.Moment)
	return Occasion{p, strings.Clone(e.MessageID), e.Source}, err
}

// sourceFirsts reads the sources of the strands' first events.
func (v *View) sourceFirsts(strands []*identity.Strand) error {
	for _, s := range strands {
		at := s.First.Arrival
		heads, err := journal.ReadHeads(v.ctx, v.r, v.keys, at.Block())
		if err != nil {
			return err
		}
		if o := at.Ordinal(); o < len(heads) && heads[o].Type != 0 {
			v.strands[s.Hash].Source = heads[o].Source
		}
	}
	return nil
}

// ReadDeferred lists replays that wait for the job, limit of them at most.
func ReadDeferred(ctx context.Context, r kv.Reader, keys codec.Keyspace, limit int) ([]codec.Deferred, error) {
	from, end := codec.Deferrals.All(keys)
	page, err := r.Scan(ctx, from, end, limit, false)
	if err != nil {
		return nil, err
	}
	seeds := make([]codec.Deferred, 0, len(page))
	for _, e := range page {
		rec, err := codec.DecodeDeferred(e.Value)
		if err != nil {
			return nil, err
		}
		seeds = append(seeds, *rec)
	}
	return seeds, nil
}
