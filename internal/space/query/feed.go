package query

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/space"
)

// Feed reads up to limit change records after cursor ("" is the beginning) and
// the cursor after them. ErrBadCursor if the cursor is not one of ours.
func (r *Reader) Feed(ctx context.Context, cursor string, limit int) ([]feed.Record, string, error) {
	c, err := feed.ParseCursor(cursor)
	if err != nil {
		return nil, "", space.ErrBadCursor
	}
	v, err := r.space.View(ctx)
	if err != nil {
		return nil, "", err
	}
	defer v.Close()
	recs, c, err := feed.Read(ctx, v.Reader(), v.Keys(), c, min(max(limit, 1), 10_000))
	if err != nil {
		return nil, "", err
	}
	return recs, c.String(), nil
}
