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
func (d *Tx) ReplayDeferred(recs []codec.Deferred) error {
	d.engine.Bound, d.touchBound, d.job = 0, 0, true
	for _, coll := range [...]identity.Collection{identity.Users, identity.Accounts} {
		if err := d.replayOf(recs, coll); err != nil {
			return err
		}
	}
	d.replayed = recs
	return nil
}

func (d *Tx) replayOf(recs []codec.Deferred, coll identity.Collection) error {
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
	if err := d.LoadStrands(hashes...); err != nil {
		return err
	}
	var ids []identity.Hash
	for i := range recs {
		k := d.strands[recs[i].Strand]
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
	change, err := d.engine.Replay(d, seeds)
	if err != nil {
		return err
	}
	d.Done.Replays++
	d.Done.Decisions += int64(change.Decisions)
	// The sources of events are in the journal: of the last that waited, to which
	// the changes are put down, and of those that became their strands' first.
	cause, err := d.occasionOf(seeds[len(seeds)-1].Pos)
	if err != nil {
		return err
	}
	if err := d.apply(change, cause); err != nil {
		return err
	}
	if err := d.sourceFirsts(change.Strands); err != nil {
		return err
	}
	return d.ClearPending(ids)
}

// ClearPending makes the answers about IDs final.
func (d *Tx) ClearPending(ids []identity.Hash) error {
	if err := d.LoadOwners(ids...); err != nil {
		return err
	}
	for _, h := range ids {
		if n := d.nodes[h]; n != nil && n.Pending {
			n.Pending = false
			d.changedNodes[h] = true
			if p, rec := d.Owner(h); rec != nil {
				d.touch(p)
			}
		}
	}
	return nil
}

// occasionOf tells of a stored event what the feed wants to know.
func (d *View) occasionOf(p identity.Pos) (Occasion, error) {
	e, err := journal.ReadEvent(d.ctx, d.r, d.keys, p.Moment)
	return Occasion{p, strings.Clone(e.MessageID), e.Source}, err
}

// sourceFirsts reads the sources of the strands' first events.
func (d *View) sourceFirsts(strands []*identity.Strand) error {
	for _, s := range strands {
		at := s.First.Arrival
		heads, err := journal.ReadHeads(d.ctx, d.r, d.keys, at.Block())
		if err != nil {
			return err
		}
		if o := at.Ordinal(); o < len(heads) && heads[o].Type != 0 {
			d.strands[s.Hash].Source = heads[o].Source
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
