package space

import "context"

// InsightsWithin is Insights that looks at less of the feed at a time.
func (s *Space) InsightsWithin(ctx context.Context, q InsightQuery, records, changes int) (InsightPage, error) {
	return s.insights(ctx, q, records, changes)
}
