package feed

import (
	"context"
	"fmt"
	"maps"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Read returns up to limit records after c, and the cursor after the last of
// them; c itself is not changed.
//
// The records of a lane come in the order of their sequence numbers, which
// begin at 1; lanes are taken together by the time of their next records, and
// of equal times the lower lane comes first. Where a sequence number is
// missing, nothing behind it in its lane is returned until it is there.
// Fewer than limit records mean that there are no more now.
//
// Errors: kv.ErrInvalid for a limit under 1, kv.ErrCorrupt and kv.ErrTooNew for
// what cannot be read, and those of r.
func Read(ctx context.Context, r kv.Reader, ks codec.Keyspace, c Cursor, limit int) ([]Record, Cursor, error) {
	return readOf(ctx, r, ks, c, limit, nil)
}

// ReadOf is Read for who follows some changes only: the records have those that keep
// chooses, and no rows. keep gets the record as far as it was read; the change is its own
// only during the call.
func ReadOf(ctx context.Context, r kv.Reader, ks codec.Keyspace, c Cursor, limit int, keep Keep) ([]Record, Cursor, error) {
	return readOf(ctx, r, ks, c, limit, keep)
}

// Keep says whether a change of a record is wanted.
type Keep func(*Record, *Change) bool

func readOf(ctx context.Context, r kv.Reader, ks codec.Keyspace, c Cursor, limit int, keep Keep) ([]Record, Cursor, error) {
	if err := kv.CheckLimit(limit); err != nil {
		return nil, nil, err
	}
	lanes, err := lanesAfter(ctx, r, ks, c, limit)
	for _, l := range lanes {
		l.keep = keep
	}
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
	keys   codec.Keyspace
	number uint64
	seq    uint64 // of the last record read
	page   int    // records read at once
	ready  []Record
	done   bool // nothing more to read now
	keep   Keep // nil: everything
}

// lanesPage bounds the records that wait when there are many lanes.
const lanesPage = 32

// lanesAfter finds the lanes that exist, in the order of their numbers, with one
// look for each and one for the end.
func lanesAfter(ctx context.Context, r kv.Reader, ks codec.Keyspace, c Cursor, limit int) ([]*lane, error) {
	var lanes []*lane
	from, end := codec.FeedRecords.All(ks)
	for from != nil {
		found, err := r.Scan(ctx, from, end, 1, false)
		if err != nil {
			return nil, fmt.Errorf("lanes of the feed: %w", err)
		}
		if len(found) == 0 {
			break
		}
		number, _, err := parseKey(found[0].Key)
		if err != nil {
			return nil, err
		}
		lanes = append(lanes, &lane{keys: ks, number: number, seq: c[number], page: limit})
		from = kv.PrefixEnd(codec.FeedRecords.Of(ks, number))
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
	end := kv.PrefixEnd(codec.FeedRecords.Of(l.keys, l.number))
	entries, err := r.Scan(ctx, codec.FeedRecords.Key(l.keys, l.number, l.seq+1), end, n, false)
	if err != nil {
		return fmt.Errorf("lane %d of the feed: %w", l.number, err)
	}
	l.done = len(entries) < n
	for _, e := range entries {
		_, seq, err := parseKey(e.Key)
		if err != nil {
			return err
		}
		if seq != l.seq+1 {
			l.done = true // a gap: what lies behind it waits
			break
		}
		rec, err := decode(e.Value, l.keep)
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

func parseKey(key []byte) (lane, seq uint64, err error) {
	lane, seq, ok := codec.FeedRecords.Parse(key)
	if !ok {
		return 0, 0, fmt.Errorf("%w: a key of the feed has %d bytes", kv.ErrCorrupt, len(key))
	}
	return lane, seq, nil
}

// End returns the cursor behind all records that a snapshot has, gaps or not.
func End(ctx context.Context, r kv.Reader, ks codec.Keyspace) (Cursor, error) {
	c := Cursor{}
	from, end := codec.FeedRecords.All(ks)
	for from != nil {
		last, err := r.Scan(ctx, from, end, 1, true)
		if err != nil {
			return nil, fmt.Errorf("lanes of the feed: %w", err)
		}
		if len(last) == 0 {
			break
		}
		number, seq, err := parseKey(last[0].Key)
		if err != nil {
			return nil, err
		}
		c[number] = seq
		end = codec.FeedRecords.Of(ks, number)
	}
	return c, nil
}
