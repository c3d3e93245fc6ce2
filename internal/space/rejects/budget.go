package rejects

import (
	"maps"
	"math"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/tx"
)

// trimPage is how many rejects are removed in one commit.
const trimPage = 4096

// TooMany reports whether what this node has kept since the last look is a
// reason not to wait for the next one: somebody fills the budget.
func (k *Keeper) TooMany() bool {
	for source, n := range sourcesOf(k.counts) {
		if k.over(n.plus(k.elsewhere[source])) {
			return true
		}
	}
	return false
}

// over reports whether a source has more rejects than its budget.
func (k *Keeper) over(n rejectCount) bool {
	return n.records > k.cfg.Most || n.bytes > k.cfg.Bytes
}

// sourcesOf adds up the counts of each source.
func sourcesOf(counts rejectCounts) map[string]rejectCount {
	by := map[string]rejectCount{}
	for kind, n := range counts {
		by[kind.source] = by[kind.source].plus(n)
	}
	return by
}

// Trim removes a page of the rejects of one source that is over its budget or has too old
// ones, in a transaction of a lane. It returns how many it removed; 0: there are none.
func (k *Keeper) Trim(d *tx.Tx, lane uint64) (removed int, n *News, err error) {
	n = &News{}
	removed, err = k.trim(d, lane, n)
	return removed, n, err
}

// trim is Trim with its news to fill.
func (k *Keeper) trim(d *tx.Tx, lane uint64, news *News) (int, error) {
	counts, err := readCounts(d.Context(), d.Reader(), k.cfg.Keys, 0)
	if err != nil {
		return 0, err
	}
	all := sourcesOf(counts)
	k.elsewhere = maps.Clone(all)
	for source, n := range sourcesOf(k.counts) {
		k.elsewhere[source] = k.elsewhere[source].minus(n)
	}
	byTag := map[rejectTag]rejectCount{}
	for source, n := range all {
		tag := k.tag(source)
		byTag[tag] = byTag[tag].plus(n)
	}
	limit := d.Now().Add(-k.cfg.Age).UnixNano()
	for tag, n := range byTag {
		if !k.over(n) {
			from, end := codec.Under(codec.Rejects.Of(k.cfg.Keys, tag.number()))
			first, err := d.Reader().Scan(d.Context(), from, end, 1, false)
			if err != nil {
				return 0, err
			}
			if len(first) == 0 {
				continue
			}
			if id, ok := idOf(first[0].Key); ok && id.time() >= limit {
				continue
			}
		}
		removed, err := k.trimSource(d, lane, news, tag, n, limit, counts)
		if err != nil || removed > 0 {
			return removed, err
		}
	}
	return 0, nil
}

// trimSource removes the oldest rejects of a tag that has n, as many as must go,
// up to a page. counts are those of all rejects.
func (k *Keeper) trimSource(d *tx.Tx, lane uint64, news *News, tag rejectTag, n rejectCount, limit int64, counts rejectCounts) (int, error) {
	from, end := codec.Under(codec.Rejects.Of(k.cfg.Keys, tag.number()))
	oldest, err := d.Reader().Scan(d.Context(), from, end, trimPage, false)
	if err != nil {
		return 0, err
	}
	delta := rejectCounts{}
	var gone []rejectID
	for _, e := range oldest {
		id, ok := idOf(e.Key)
		if !ok {
			return 0, kv.ErrCorrupt
		}
		if !k.over(n) && id.time() >= limit {
			break
		}
		kind, size, err := k.size(d, id, e.Value, counts)
		if err != nil {
			return 0, err
		}
		d.Rely(e.Key, e.Value) // somebody may send it again in this moment
		less := rejectCount{}.minus(size)
		delta.add(kind, less)
		n = n.plus(less)
		gone = append(gone, id)
	}
	if len(gone) == 0 {
		return 0, nil
	}
	if !k.cfg.Shared {
		last := gone[len(gone)-1]
		d.Batch.DeleteRange(from, kv.After(rejectKey(codec.Rejects, k.cfg.Keys, last)))
		d.Batch.DeleteRange(codec.RejectBodies.Of(k.cfg.Keys, tag.number()), kv.After(rejectKey(codec.RejectBodies, k.cfg.Keys, last)))
	} else {
		// Another node may keep one in between that was received earlier.
		for _, id := range gone {
			d.Batch.Delete(rejectKey(codec.Rejects, k.cfg.Keys, id))
			d.Batch.Delete(rejectKey(codec.RejectBodies, k.cfg.Keys, id))
		}
	}
	news.delta = delta
	k.stageCounts(d, lane, delta)
	return len(gone), nil
}

// size is what a stored reject is counted by, and as what. One that is damaged
// does not say: it is taken for one message, of the kind that its source has most of.
func (k *Keeper) size(d *tx.Tx, id rejectID, stored []byte, counts rejectCounts) (kind rejectKind, n rejectCount, err error) {
	if head, err := decodeReject(id, stored); err == nil {
		return rejectKind{head.Source, head.Code}, rejectCount{1, head.Count, head.size()}, nil
	}
	body, err := d.Reader().Get(d.Context(), rejectKey(codec.RejectBodies, k.cfg.Keys, id))
	if err != nil {
		return kind, n, err
	}
	most := int64(math.MinInt64)
	for one, n := range counts {
		if k.tag(one.source) == id.tag() && n.records > most {
			kind, most = one, n.records
		}
	}
	return kind, rejectCount{1, 1, int64(len(body[0])) + rejectOverhead}, nil
}
