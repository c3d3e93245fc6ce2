package computed

import (
	"context"
	"time"

	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/space"
)

// Behind is how far the evaluator is behind what is stored.
type Behind struct {
	Records int64 // of the feed, each of one commit
	// Time is how long the oldest of them has been stored; 0 if there is none.
	Time time.Duration
}

// DefinitionsBehind says how far the evaluator is behind what is stored, by what it has
// stored of its position, and on the node where it runs by what it has read. Without
// definitions it is not behind.
func (c *Computed) DefinitionsBehind(ctx context.Context) (Behind, error) {
	if c.space.Definitions().Revision == 0 {
		return Behind{}, nil
	}
	v, err := c.space.View(ctx)
	if err != nil {
		return Behind{}, err
	}
	defer v.Close()
	pos, err := readPosition(ctx, v.Reader(), v.Keys())
	if err != nil {
		return Behind{}, err
	}
	return c.behind(v, pos)
}

func (c *Computed) behind(v *space.View, pos *position) (b Behind, err error) {
	if pos.Time == 0 {
		return b, nil // it has not begun, and begins at the end
	}
	at := feed.Cursor{}
	for lane, seq := range pos.cursor {
		at[lane] = seq
	}
	if seen := c.evaluator.seen.Load(); seen != nil {
		for lane, seq := range *seen {
			at[lane] = max(at[lane], seq)
		}
	}
	end, err := feed.End(v.Context(), v.Reader(), v.Keys())
	if err != nil {
		return b, err
	}
	for lane, seq := range end {
		if n := int64(seq) - int64(at[lane]); n > 0 {
			b.Records += n
		}
	}
	if b.Records == 0 {
		return b, nil
	}
	next, _, err := feed.Read(v.Context(), v.Reader(), v.Keys(), at, 1)
	if err == nil && len(next) > 0 {
		b.Time = max(v.Now().Sub(time.Unix(0, next[0].Time)), 0)
	}
	return b, err
}
