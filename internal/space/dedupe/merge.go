package dedupe

import (
	"context"
	"slices"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

const (
	// mergeRun is how many neighbouring generations, at least, become one;
	// together they are at least mergeGain times the largest, so that an entry
	// is not written again and again.
	mergeRun  = 4
	mergeGain = 2
	// mergeSpan is the part of the window that a generation may span: it is kept
	// until its youngest message is out of the window.
	mergeSpan = 4
	// filterBits is the size of a filter for each entry, about.
	fuseBits = 10
)

// mergeable returns the generations that should become one, oldest first; nil if
// there are none. Of several choices it takes the one with the fewest entries.
// gens are oldest first.
func (r *Recent) mergeable(gens []*generation) (run []*generation) {
	fewest := 0
	for from := range gens {
		oldest, newest, largest, count, filters := gens[from].oldest, gens[from].newest, 0, 0, int64(0)
		for i, g := range gens[from:] {
			oldest, newest = min(oldest, g.oldest), max(newest, g.newest)
			largest = max(largest, g.count)
			count += g.count
			filters += g.filterBytes()
			if newest-oldest > r.window/mergeSpan || run != nil && count >= fewest {
				break
			}
			if filters > 0 && int64(count)*fuseBits/8 > r.mergeBudget() {
				break // the old filters and the new one would be in memory at once
			}
			if i+1 >= mergeRun && count >= mergeGain*largest {
				run, fewest = gens[from:from+i+1], count
				break
			}
		}
	}
	return run
}

// merge makes one generation of several. Between its parts it seals what was
// frozen meanwhile.
func (s *sealer) merge(ctx context.Context, r *Recent, run []*generation) error {
	count, keep := 0, false
	for _, g := range run {
		count += g.count
		keep = keep || g.filterBytes() > 0
	}
	w := s.newWriter(r, count, keep)
	w.g.first, w.g.last, w.g.oldest, w.g.newest = run[0].first, run[0].last, run[0].oldest, run[0].newest
	old := map[uint64]bool{}
	for _, g := range run {
		old[g.id] = true
		w.g.first, w.g.last = min(w.g.first, g.first), max(w.g.last, g.last)
		w.g.oldest, w.g.newest = min(w.g.oldest, g.oldest), max(w.g.newest, g.newest)
	}
	snap, err := r.store.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer snap.Close()
	var list, spare []entry
	for part := range w.g.filters {
		if err := s.sealFrozen(ctx, r); err != nil {
			return s.abandon(w, err)
		}
		list = list[:0]
		ends := []int{0}
		for _, g := range run {
			if list, err = r.readPart(ctx, snap, list, g, w.g, part); err != nil {
				return s.abandon(w, err)
			}
			ends = append(ends, len(list))
		}
		list, spare = mergeSorted(list, spare, ends)
		list = slices.Compact(list)
		if err := w.write(ctx, part, list); err != nil {
			return s.abandon(w, err)
		}
	}
	for id := range old {
		w.batch.Delete(codec.RecentGenerations.Key(r.keys, id))
	}
	if err := w.finish(ctx); err != nil {
		return s.abandon(w, err)
	}
	s.replace(r, old, w.g)
	return nil
}

// mergeSorted sorts a list that is sorted between its ends, the first of which
// is 0. spare is memory for it, or nil; the list and what is spare now are
// returned.
func mergeSorted(list, spare []entry, ends []int) (sorted, left []entry) {
	for len(ends) > 2 {
		spare = spare[:0]
		kept := []int{0}
		for i := 1; i < len(ends); i += 2 {
			a, b := list[ends[i-1]:ends[i]], []entry(nil)
			if i+1 < len(ends) {
				b = list[ends[i]:ends[i+1]]
			}
			for len(a) > 0 && len(b) > 0 {
				if b[0].before(a[0]) {
					spare, b = append(spare, b[0]), b[1:]
				} else {
					spare, a = append(spare, a[0]), a[1:]
				}
			}
			spare = append(append(spare, a...), b...)
			kept = append(kept, len(spare))
		}
		list, spare, ends = spare, list, kept
	}
	return list, spare
}

// readPart appends the entries of g that belong to a part of another
// generation.
func (r *Recent) readPart(ctx context.Context, snap kv.Reader, dst []entry, g, other *generation, part int) ([]entry, error) {
	first := uint64(part) << (64 - other.partBits)
	last := first | (1<<(64-other.partBits) - 1)
	from, end := codec.RecentPages.Key(r.keys, g.id, uint32(g.page(first))), codec.RecentPages.Of(r.keys, g.id+1)
	if p := g.page(last); p+1 < 1<<g.pageBits {
		end = codec.RecentPages.Key(r.keys, g.id, uint32(p+1))
	}
	const most = 256
	for {
		entries, err := snap.Scan(ctx, from, end, most, false)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			p, err := readPage(e.Value)
			if err != nil {
				return nil, err
			}
			at := len(dst)
			dst = p.entries(dst)
			if g.pageBits < other.partBits {
				dst = append(dst[:at], slices.DeleteFunc(dst[at:], func(e entry) bool { return e.hash < first || e.hash > last })...)
			}
		}
		if len(entries) < most {
			return dst, nil
		}
		from = kv.After(entries[most-1].Key)
	}
}
