package space

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
)

// eachStrand calls f for every strand of the space.
func (s *Space) eachStrand(ctx context.Context, r kv.Reader, f func(*strandRecord) error) error {
	return s.each(ctx, r, kindStrand, scanPage, func(e kv.Entry) error {
		var h identity.Hash
		copy(h[:], e.Key[len(e.Key)-len(h):])
		st, err := decodeStrand(e.Value, h, s.hasher)
		if err != nil {
			return err
		}
		return f(st)
	})
}

// eachBlock calls f for every block of the journal, in order.
func (s *Space) eachBlock(ctx context.Context, r kv.Reader, f func(id uint64, b *openBlock) error) error {
	return s.each(ctx, r, kindHeader, scanPage, func(e kv.Entry) error {
		id := blockID(e.Key)
		b, err := readBlock(ctx, r, s.keys, id)
		if err != nil || b == nil {
			return err
		}
		return f(id, b)
	})
}

// each calls f for every entry of a kind, in order of keys.
func (s *Space) each(ctx context.Context, r kv.Reader, kind byte, page int, f func(kv.Entry) error) error {
	from := s.keys.key(kind)
	end := kv.PrefixEnd(from)
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
