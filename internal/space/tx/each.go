package tx

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/journal"
)

// EachStrand calls f for every strand of the space.
func EachStrand(ctx context.Context, r kv.Reader, keys codec.Keyspace, hasher identity.Hasher, f func(*codec.Strand) error) error {
	return Each(ctx, r, keys, codec.Strands, scanPage, func(e kv.Entry) error {
		h, ok := codec.Strands.Parse(e.Key)
		if !ok {
			return kv.ErrCorrupt
		}
		st, err := codec.DecodeStrand(e.Value, h, hasher)
		if err != nil {
			return err
		}
		return f(st)
	})
}

// EachBlock calls f for every block of the journal that has a header, in order.
func EachBlock(ctx context.Context, r kv.Reader, keys codec.Keyspace, f func(b *journal.Block) error) error {
	return Each(ctx, r, keys, codec.Headers, scanPage, func(e kv.Entry) error {
		id, ok := codec.Headers.Parse(e.Key)
		if !ok {
			return kv.ErrCorrupt
		}
		b, err := journal.Read(ctx, r, keys, id)
		if err != nil {
			return err
		}
		return f(b)
	})
}

// KeyRange is a kind of keys, of which a space has a range.
type KeyRange interface {
	All(codec.Keyspace) (from, to []byte)
}

// Each calls f for every entry of a kind, in order of keys.
func Each(ctx context.Context, r kv.Reader, keys codec.Keyspace, kind KeyRange, page int, f func(kv.Entry) error) error {
	from, end := kind.All(keys)
	for {
		entries, err := r.Scan(ctx, from, end, page, false)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := f(e); err != nil {
				return err
			}
		}
		if len(entries) < page {
			return nil
		}
		from = kv.After(entries[len(entries)-1].Key)
	}
}

// ReadCounters adds up what all lanes counted.
func ReadCounters(ctx context.Context, r kv.Reader, keys codec.Keyspace) (codec.Counters, error) {
	var total codec.Counters
	from, end := codec.LaneCounters.All(keys)
	for {
		page, err := r.Scan(ctx, from, end, scanPage, false)
		if err != nil {
			return total, err
		}
		for _, e := range page {
			c, err := codec.DecodeCounters(e.Value)
			if err != nil {
				return total, err
			}
			total.Add(c)
		}
		if len(page) < scanPage {
			return total, nil
		}
		from = kv.After(page[len(page)-1].Key)
	}
}
