package query

import "context"

// InsightsWithin is Insights that looks at less of the feed at a time.
func (r *Reader) InsightsWithin(ctx context.Context, q InsightQuery, records, changes int) (InsightPage, error) {
	return r.insightsWithin(ctx, q, records, changes)
}
