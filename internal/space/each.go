package space

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/journal"
)

// eachStrand calls f for every strand of the space.
func (s *Space) eachStrand(ctx context.Context, r kv.Reader, f func(*codec.Strand) error) error {
	return s.each(ctx, r, codec.Strands, scanPage, func(e kv.Entry) error {
		h, ok := codec.Strands.Parse(e.Key)
		if !ok {
			return kv.ErrCorrupt
		}
		st, err := codec.DecodeStrand(e.Value, h, s.hasher)
		if err != nil {
			return err
		}
		return f(st)
	})
}

// eachBlock calls f for every block of the journal that has a header, in order.
func (s *Space) eachBlock(ctx context.Context, r kv.Reader, f func(b *journal.Block) error) error {
	return s.each(ctx, r, codec.Headers, scanPage, func(e kv.Entry) error {
		id, ok := codec.Headers.Parse(e.Key)
		if !ok {
			return kv.ErrCorrupt
		}
		b, err := journal.Read(ctx, r, s.keys, id)
		if err != nil {
			return err
		}
		return f(b)
	})
}

// keyRange is a kind of keys, of which a space has a range.
type keyRange interface {
	All(codec.Keyspace) (from, to []byte)
}

// each calls f for every entry of a kind, in order of keys.
func (s *Space) each(ctx context.Context, r kv.Reader, kind keyRange, page int, f func(kv.Entry) error) error {
	from, end := kind.All(s.keys)
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
