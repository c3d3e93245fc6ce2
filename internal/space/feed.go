package space

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Feed reads up to limit change records after cursor ("" is the beginning) and
// the cursor after them. ErrBadCursor if the cursor is not one of ours.
func (s *Space) Feed(ctx context.Context, cursor string, limit int) ([]feed.Record, string, error) {
	c, err := feed.ParseCursor(cursor)
	if err != nil {
		return nil, "", ErrBadCursor
	}
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return nil, "", err
	}
	defer r.Close()
	recs, c, err := feed.Read(ctx, r, codec.FeedRecords.Prefix(s.keys), c, min(max(limit, 1), 10_000))
	if err != nil {
		return nil, "", err
	}
	return recs, c.String(), nil
}

// Mark reads the value that the last committed Mark of that name left; nil if
// there is none.
func (s *Space) Mark(ctx context.Context, name string) ([]byte, error) {
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	got, err := r.Get(ctx, codec.Marks.Key(s.keys, name))
	if err != nil {
		return nil, err
	}
	return got[0], nil
}
