package query

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/counts"
)

// steps is how many whole steps a time is after 1970, rounded down.
func steps(ns, step int64) int64 {
	n := ns / step
	if ns%step < 0 {
		n--
	}
	return n
}

// CountsQuery asks for hourly counts of a time.
type CountsQuery struct {
	Since, Until int64 // nanoseconds since 1970; Since is rounded down, Until up
	Daily        bool  // one for each day (UTC) instead of each hour
}

// MostCounts bounds the hours or days of one question.
const MostCounts = 1000

// CountsAt is the hourly counts of the hour or day that begins at At.
type CountsAt struct {
	At int64 // nanoseconds since 1970
	counts.Hourly
}

// Counts counts what happened, hour by hour or day by day, the oldest first and
// without a gap. The time is that of the commits; with an import that is when it
// ran. ErrInvalid if that are more than MostCounts.
func (r *Reader) Counts(ctx context.Context, q CountsQuery) ([]CountsAt, error) {
	step := int64(time.Hour)
	if q.Daily {
		step *= 24
	}
	if q.Since >= q.Until {
		return nil, fmt.Errorf("%w: the period ends before it begins", space.ErrInvalid)
	}
	// Whole steps, which cannot overflow: the ends may be those of int64.
	first, last := steps(q.Since, step), steps(q.Until-1, step)
	n := last - first + 1
	since, until := first*step, (last+1)*step
	switch {
	case n > MostCounts:
		return nil, fmt.Errorf("%w: the chart would have %d points; ask for at most %d: by day instead of by hour, or for a shorter period", space.ErrInvalid, n, MostCounts)
	}
	if first <= steps(math.MinInt64, step) || last >= steps(math.MaxInt64, step) {
		return nil, fmt.Errorf("%w: the time is not between the years 1678 and 2261", space.ErrInvalid)
	}
	out := make([]CountsAt, n)
	for i := range out {
		out[i].At = since + int64(i)*step
	}
	v, err := r.space.View(ctx)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	err = v.EachHour(since, until, func(hour int64, t *counts.Hourly) {
		at := &out[(hour-since)/step]
		at.Hourly = at.Plus(t)
	})
	return out, err
}
