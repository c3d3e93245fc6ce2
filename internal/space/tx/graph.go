package tx

import (
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// A View is the graph that the engine reads: the store as of the snapshot,
// under what this commit changed already.
var _ identity.Graph = (*View)(nil)

// scanPage is how many entries a scan takes at once.
const scanPage = 512

// Strands implements identity.Graph.
func (v *View) Strands(hashes []identity.Hash) ([]*identity.Strand, error) {
	if err := v.LoadStrands(hashes...); err != nil {
		return nil, err
	}
	out := make([]*identity.Strand, len(hashes))
	for i, h := range hashes {
		if s := v.strands[h]; s != nil {
			out[i] = s.Strand.Clone()
		}
	}
	return out, nil
}

// Accepting implements identity.Graph.
func (v *View) Accepting(ids []identity.Hash) ([][]identity.Hash, error) {
	if err := v.LoadIdentifiers(ids...); err != nil {
		return nil, err
	}
	out := make([][]identity.Hash, len(ids))
	for i, id := range ids {
		n := v.nodes[id]
		if n == nil {
			continue
		}
		for _, h := range n.Holders {
			if h.Accepted {
				out[i] = append(out[i], h.Strand)
			}
		}
		if n.Spilled {
			list, err := v.scanList(id, codec.Links.Of4(v.keys, id, codec.ListAccepted, 0, minTime), codec.ListAccepted, 0)
			if err != nil {
				return nil, err
			}
			out[i] = append(list, v.added[id]...)
		}
	}
	return out, nil
}

const minTime = -1 << 63

// Touching implements identity.Graph.
func (v *View) Touching(ids []identity.Hash, after identity.Pos) ([][]identity.Hash, error) {
	if err := v.LoadIdentifiers(ids...); err != nil {
		return nil, err
	}
	out := make([][]identity.Hash, len(ids))
	for i, id := range ids {
		n := v.nodes[id]
		if n == nil {
			continue
		}
		for _, h := range n.Holders {
			out[i] = append(out[i], h.Strand)
		}
		if !n.Spilled {
			continue
		}
		out[i] = append(out[i], v.added[id]...)
		for _, from := range []struct {
			key  []byte
			list byte
		}{
			{codec.Links.Of4(v.keys, id, codec.ListAccepted, after.Class, after.Time), codec.ListAccepted},
			{codec.Links.Of4(v.keys, id, codec.ListDemoted, after.Class, after.Time), codec.ListDemoted},
			{codec.Links.Of4(v.keys, id, codec.ListWindowed, 0, minTime), codec.ListWindowed},
		} {
			list, err := v.scanList(id, from.key, from.list, v.touchBound)
			if err != nil {
				return nil, err
			}
			out[i] = append(out[i], list...)
		}
	}
	return out, nil
}

func (v *View) scanList(id identity.Hash, from []byte, list byte, bound int) ([]identity.Hash, error) {
	var out []identity.Hash
	end := kv.PrefixEnd(codec.Links.Of2(v.keys, id, list))
	for {
		page, err := v.r.Scan(v.ctx, from, end, scanPage, false)
		if err != nil {
			return nil, err
		}
		for _, e := range page {
			_, _, _, _, strand, ok := codec.Links.Parse(e.Key)
			if !ok {
				return nil, kv.ErrCorrupt
			}
			out = append(out, strand)
		}
		if len(page) < scanPage {
			return out, nil
		}
		if bound > 0 && len(out) > bound {
			return nil, identity.ErrBound
		}
		from = kv.After(page[len(page)-1].Key)
	}
}

// Next implements identity.Graph: it looks at the stored events of the strand
// and at those of this commit.
func (v *View) Next(s *identity.Strand, after identity.Pos, from int64) (identity.Pos, bool, error) {
	class := s.First.Class // all events of a strand have one
	if class < after.Class {
		return identity.Pos{}, false, nil
	}
	var best identity.Pos
	found := false
	offer := func(p identity.Pos) {
		if after.Before(p) && p.Time >= from && (!found || p.Before(best)) {
			best, found = p, true
		}
	}
	if v.uncommitted == nil && v.listUncommitted != nil {
		v.uncommitted = v.listUncommitted()
	}
	for _, p := range v.uncommitted[s.Hash] {
		p.Class = class
		offer(p)
	}
	key := codec.EventsFrom(v.keys, s.Hash, from)
	if class == after.Class && from <= after.Time {
		key = codec.Events.Key(v.keys, s.Hash, after.Moment)
	}
	end := kv.PrefixEnd(codec.Events.Of(v.keys, s.Hash))
	page, err := v.r.Scan(v.ctx, key, end, 2, false) // the first may be the event at after itself
	if err != nil {
		return identity.Pos{}, false, err
	}
	for _, e := range page {
		at, ok := codec.EventMoment(e.Key)
		if !ok {
			return identity.Pos{}, false, kv.ErrCorrupt
		}
		v.observe(at.Arrival)
		offer(identity.Pos{Class: class, Moment: at, Strand: s.Hash})
	}
	return best, found, nil
}

// Merges implements identity.Graph.
func (v *View) Merges(id identity.Hash) (int, error) {
	if err := v.LoadOwners(id); err != nil {
		return 0, err
	}
	if _, p := v.Owner(id); p != nil {
		return p.Merges, nil
	}
	return 0, nil
}
