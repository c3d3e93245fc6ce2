package dedupe

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// load reads the generations, with the filters that fit into the budget, and
// deletes leftovers.
func (r *Recent) load(ctx context.Context) (*recentState, error) {
	s, err := r.store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	sealed, err := s.Get(ctx, codec.RecentSealed.Key(r.keys))
	if err != nil {
		return nil, err
	}
	if b := sealed[0]; len(b) == 8 {
		r.seal.block.Store(binary.BigEndian.Uint64(b))
	} else if b != nil {
		return nil, fmt.Errorf("%w: the sealed block has %d bytes", kv.ErrCorrupt, len(b))
	}
	v := &recentState{}
	from, end := codec.RecentGenerations.All(r.keys)
	const page = 256
	for from != nil {
		entries, err := s.Scan(ctx, from, end, page, false)
		if err != nil {
			return nil, err
		}
		from = nil
		for _, e := range entries {
			id, ok := codec.RecentGenerations.Parse(e.Key)
			if !ok {
				return nil, fmt.Errorf("%w: a key of a generation has %d bytes", kv.ErrCorrupt, len(e.Key))
			}
			g, err := decodeGeneration(id, e.Value)
			if err != nil {
				return nil, err
			}
			v.gens = append(v.gens, g)
			r.seal.nextID = g.id
			r.now = max(r.now, g.newest)
		}
		if len(entries) == page {
			from = kv.After(entries[page-1].Key)
		}
	}
	r.seal.nextID++
	if err := r.sweep(ctx, s, v.gens); err != nil {
		return nil, err
	}
	slices.SortFunc(v.gens, func(a, b *generation) int { return cmp.Compare(a.first, b.first) })
	v.gens, err = r.loadFilters(ctx, s, v.gens)
	return v, err
}

// loadFilters returns the generations, oldest first, with the filters that the
// budget allows besides those in memory, of the youngest first. Generations that
// get some are copied. A filter that is missing or damaged only costs reads.
func (r *Recent) loadFilters(ctx context.Context, s kv.Reader, gens []*generation) ([]*generation, error) {
	left := r.filterBudget()
	for _, g := range gens {
		left -= g.filterBytes()
	}
	out := slices.Clone(gens)
	for i := len(gens) - 1; i >= 0 && left > 0; i-- {
		g := *gens[i]
		g.filters = slices.Clone(g.filters)
		for part := range g.filters {
			if g.filters[part] != nil {
				continue
			}
			got, err := s.Get(ctx, codec.RecentFilters.Key(r.keys, g.id, uint32(part)))
			if err != nil {
				return nil, err
			}
			f, err := decodeFilter(got[0])
			if err != nil {
				r.log.Warn("a filter of recent messages is lost; the store is asked instead", "generation", g.id, "part", part, "error", err)
				continue
			}
			if left -= f.bytes(); left < 0 {
				break
			}
			g.filters[part] = f
			out[i] = &g
		}
	}
	return out, nil
}

// sweep deletes pages and filters that belong to no generation. gens are in the
// order of their IDs.
func (r *Recent) sweep(ctx context.Context, s kv.Reader, gens []*generation) error {
	var b kv.Batch
	for _, kind := range [...]codec.Key2[uint64, uint32]{codec.RecentPages, codec.RecentFilters} {
		from, end := kind.All(r.keys)
		clean := func(to []byte) error {
			found, err := s.Scan(ctx, from, to, 1, false)
			if err == nil && len(found) > 0 {
				b.DeleteRange(from, to)
			}
			return err
		}
		for _, g := range gens {
			if err := clean(kind.Of(r.keys, g.id)); err != nil {
				return err
			}
			from = kind.Of(r.keys, g.id+1)
		}
		if err := clean(end); err != nil {
			return err
		}
	}
	if b.Len() == 0 {
		return nil
	}
	return r.store.Commit(ctx, &b)
}
