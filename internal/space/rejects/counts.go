package rejects

import (
	"context"
	"encoding/binary"
	"strings"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/tx"
)

// rejectKind is what kept rejects are counted by.
type rejectKind struct{ source, code string }

// rejectCount counts rejects: records, the messages that they stand for, and bytes
// as the budget has them.
type rejectCount struct{ records, messages, bytes int64 }

func (n rejectCount) plus(o rejectCount) rejectCount {
	return rejectCount{n.records + o.records, n.messages + o.messages, n.bytes + o.bytes}
}

func (n rejectCount) minus(o rejectCount) rejectCount {
	return n.plus(rejectCount{-o.records, -o.messages, -o.bytes})
}

// rejectCounts is what one lane has added, less what it removed. The sum over
// lanes is what is kept.
type rejectCounts map[rejectKind]rejectCount

func (r rejectCounts) add(k rejectKind, n rejectCount) {
	if n = r[k].plus(n); n == (rejectCount{}) {
		delete(r, k)
	} else {
		r[k] = n
	}
}

// key is what a key of codec.RejectCounts has behind the lane.
func (k rejectKind) key() string { return k.source + "\x00" + k.code }

func (n rejectCount) append(b []byte) []byte {
	return binary.AppendVarint(binary.AppendVarint(binary.AppendVarint(b, n.records), n.messages), n.bytes)
}

func decodeRejectCount(b []byte) (rejectCount, error) {
	r := &codec.Reader{Rest: b}
	n := rejectCount{r.Varint(), r.Varint(), r.Varint()}
	return n, r.Err
}

// stageCounts puts what a transaction makes of the counts of its lane.
func (k *Keeper) stageCounts(d *tx.Tx, lane uint64, delta rejectCounts) {
	for kind, n := range delta {
		key := codec.RejectCounts.Key(k.cfg.Keys, lane, kind.key())
		if n = k.counts[kind].plus(n); n != (rejectCount{}) {
			d.Batch.Put(key, n.append(nil))
		} else {
			d.Batch.Delete(key)
		}
	}
}

// countsPage is how many counts are read at once.
const countsPage = 512

// readCounts reads what one lane counted, or all lanes together if lane
// is 0.
func readCounts(ctx context.Context, r kv.Reader, keys codec.Keyspace, lane uint64) (rejectCounts, error) {
	from, end := codec.RejectCounts.All(keys)
	if lane != 0 {
		from, end = codec.Under(codec.RejectCounts.Of(keys, lane))
	}
	counts := rejectCounts{}
	for {
		page, err := r.Scan(ctx, from, end, countsPage, false)
		if err != nil {
			return nil, err
		}
		for _, e := range page {
			_, text, ok := codec.RejectCounts.Parse(e.Key)
			source, code, cut := strings.Cut(text, "\x00")
			if !ok || !cut {
				return nil, kv.ErrCorrupt
			}
			n, err := decodeRejectCount(e.Value)
			if err != nil {
				return nil, err
			}
			counts.add(rejectKind{source, code}, n)
		}
		if len(page) < countsPage {
			return counts, nil
		}
		from = kv.After(page[len(page)-1].Key)
	}
}
