package space

import (
	"context"
	"encoding/binary"
	"strings"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// rejectKey is what kept rejects are counted by.
type rejectKey struct{ source, code string }

// rejectCount counts rejects: records, the messages that they stand for, and bytes
// as the budget has them.
type rejectCount struct{ records, messages, bytes int64 }

func (n rejectCount) plus(o rejectCount) rejectCount {
	return rejectCount{n.records + o.records, n.messages + o.messages, n.bytes + o.bytes}
}

// rejectCounts is what one lane has added, less what it removed. The sum over
// lanes is what is kept.
type rejectCounts map[rejectKey]rejectCount

func (r rejectCounts) add(k rejectKey, n rejectCount) {
	if n = r[k].plus(n); n == (rejectCount{}) {
		delete(r, k)
	} else {
		r[k] = n
	}
}

func (k keyspace) rejectCount(lane uint64, c rejectKey) []byte {
	return k.key(kindRejectCount, binary.BigEndian.AppendUint64(nil, lane), []byte(c.source), []byte{0}, []byte(c.code))
}

func (n rejectCount) append(b []byte) []byte {
	return binary.AppendVarint(binary.AppendVarint(binary.AppendVarint(b, n.records), n.messages), n.bytes)
}

func decodeRejectCount(b []byte) (rejectCount, error) {
	r := &reader{b: b}
	n := rejectCount{r.varint(), r.varint(), r.varint()}
	return n, r.err
}

// stageRejectCounts adds to a plan what it makes of the numbers of kept rejects.
func (s *Space) stageRejectCounts(c *commitPlan, delta rejectCounts) {
	c.counts = delta
	for k, n := range delta {
		if n = s.rejected[k].plus(n); n != (rejectCount{}) {
			c.batch.Put(s.keys.rejectCount(s.lane, k), n.append(nil))
		} else {
			c.batch.Delete(s.keys.rejectCount(s.lane, k))
		}
	}
}

// rejectsLanded takes over what a commit made of the rejects.
func (s *Space) rejectsLanded(c *commitPlan) {
	for k, n := range c.counts {
		s.rejected.add(k, n)
	}
	for same, o := range c.openRejects {
		s.openRejects.put(same, *o)
	}
}

// readRejectCounts reads what one lane counted, or all lanes together if lane
// is 0.
func readRejectCounts(ctx context.Context, r kv.Reader, keys keyspace, lane uint64) (rejectCounts, error) {
	from := keys.key(kindRejectCount)
	if lane != 0 {
		from = keys.number(kindRejectCount, lane)
	}
	head := len(keys) + 1 + 8
	end := kv.PrefixEnd(from)
	counts := rejectCounts{}
	for {
		page, err := r.Scan(ctx, from, end, scanPage, false)
		if err != nil {
			return nil, err
		}
		for _, e := range page {
			source, code, _ := strings.Cut(string(e.Key[head:]), "\x00")
			n, err := decodeRejectCount(e.Value)
			if err != nil {
				return nil, err
			}
			counts.add(rejectKey{source, code}, n)
		}
		if len(page) < scanPage {
			return counts, nil
		}
		from = kv.After(page[len(page)-1].Key)
	}
}
