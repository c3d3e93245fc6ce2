package feed

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// laneBytes and keyBytes are what follows the prefix in the key of a lane, and
// of a record: lane and sequence number, big-endian.
const (
	laneBytes = 8
	keyBytes  = laneBytes + 8
)

// Key is the key of a record under prefix. It shares no memory with prefix.
func Key(prefix []byte, lane, seq uint64) []byte {
	b := make([]byte, 0, len(prefix)+keyBytes)
	b = append(b, prefix...)
	b = binary.BigEndian.AppendUint64(b, lane)
	return binary.BigEndian.AppendUint64(b, seq)
}

// Read returns up to limit records after c, and the cursor after the last of
// them; c itself is not changed. The records lie under Key(prefix, lane, seq),
// and nothing else under prefix, which must not be empty.
//
// The records of a lane come in the order of their sequence numbers, which
// begin at 1; lanes are taken together by the time of their next records, and
// of equal times the lower lane comes first. Where a sequence number is
// missing, nothing behind it in its lane is returned until it is there.
// Fewer than limit records mean that there are no more now.
//
// Errors: kv.ErrInvalid for a limit under 1, kv.ErrCorrupt and kv.ErrTooNew for
// what cannot be read, and those of r.
func Read(ctx context.Context, r kv.Reader, prefix []byte, c Cursor, limit int) ([]Record, Cursor, error) {
	if err := kv.CheckLimit(limit); err != nil {
		return nil, nil, err
	}
	lanes, err := lanesAfter(ctx, r, prefix, c, limit)
	if err != nil {
		return nil, nil, err
	}
	after := maps.Clone(c)
	if after == nil {
		after = Cursor{}
	}
	var records []Record
	for len(records) < limit {
		var next *lane
		for _, l := range lanes {
			if err := l.fill(ctx, r, limit-len(records)); err != nil {
				return nil, nil, err
			}
			if len(l.ready) > 0 && (next == nil || l.ready[0].Time < next.ready[0].Time) {
				next = l
			}
		}
		if next == nil {
			break
		}
		records = append(records, next.ready[0])
		after[next.number] = next.ready[0].Seq
		next.ready = next.ready[1:]
	}
	return records, after, nil
}

// lane is what Read knows of one lane.
type lane struct {
	prefix []byte
	number uint64
	seq    uint64 // of the last record read
	page   int    // records read at once
	ready  []Record
	done   bool // nothing more to read now
}

// lanesPage bounds the records that wait when there are many lanes.
const lanesPage = 32

// lanesAfter finds the lanes that exist, in the order of their numbers, with one
// look for each and one for the end.
func lanesAfter(ctx context.Context, r kv.Reader, prefix []byte, c Cursor, limit int) ([]*lane, error) {
	var lanes []*lane
	from, end := prefix, kv.PrefixEnd(prefix)
	for from != nil {
		found, err := r.Scan(ctx, from, end, 1, false)
		if err != nil {
			return nil, fmt.Errorf("lanes of the feed: %w", err)
		}
		if len(found) == 0 {
			break
		}
		number, _, err := parseKey(prefix, found[0].Key)
		if err != nil {
			return nil, err
		}
		lanes = append(lanes, &lane{prefix: prefix, number: number, seq: c[number], page: limit})
		from = kv.PrefixEnd(found[0].Key[:len(prefix)+laneBytes])
	}
	if len(lanes) > 1 {
		for _, l := range lanes {
			l.page = min(limit, lanesPage)
		}
	}
	return lanes, nil
}

// fill reads the next page of a lane when none of it is left; most is how many
// records are of use.
func (l *lane) fill(ctx context.Context, r kv.Reader, most int) error {
	if len(l.ready) > 0 || l.done {
		return nil
	}
	if l.seq == 1<<64-1 {
		l.done = true
		return nil
	}
	n := min(l.page, most)
	end := kv.PrefixEnd(Key(l.prefix, l.number, 0)[:len(l.prefix)+laneBytes])
	entries, err := r.Scan(ctx, Key(l.prefix, l.number, l.seq+1), end, n, false)
	if err != nil {
		return fmt.Errorf("lane %d of the feed: %w", l.number, err)
	}
	l.done = len(entries) < n
	for _, e := range entries {
		_, seq, err := parseKey(l.prefix, e.Key)
		if err != nil {
			return err
		}
		if seq != l.seq+1 {
			l.done = true // a gap: what lies behind it waits
			break
		}
		rec, err := Decode(e.Value)
		if err == nil && (rec.Lane != l.number || rec.Seq != seq) {
			err = fmt.Errorf("%w: feed record: it is that of lane %d, number %d", kv.ErrCorrupt, rec.Lane, rec.Seq)
		}
		if err != nil {
			return fmt.Errorf("lane %d, number %d: %w", l.number, seq, err)
		}
		l.ready = append(l.ready, rec)
		l.seq = seq
	}
	return nil
}

func parseKey(prefix, key []byte) (lane, seq uint64, err error) {
	if len(key) != len(prefix)+keyBytes {
		return 0, 0, fmt.Errorf("%w: a key of the feed has %d bytes", kv.ErrCorrupt, len(key)-len(prefix))
	}
	key = key[len(prefix):]
	return binary.BigEndian.Uint64(key), binary.BigEndian.Uint64(key[laneBytes:]), nil
}

// End returns the cursor behind all records that a snapshot has, gaps or not.
func End(ctx context.Context, r kv.Reader, prefix []byte) (Cursor, error) {
	c := Cursor{}
	from, end := prefix, kv.PrefixEnd(prefix)
	for from != nil {
		last, err := r.Scan(ctx, from, end, 1, true)
		if err != nil {
			return nil, fmt.Errorf("lanes of the feed: %w", err)
		}
		if len(last) == 0 {
			break
		}
		number, seq, err := parseKey(prefix, last[0].Key)
		if err != nil {
			return nil, err
		}
		c[number] = seq
		end = Key(prefix, number, 0)
	}
	return c, nil
}
