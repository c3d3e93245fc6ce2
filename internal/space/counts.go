package space

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/counts"
)

// laneHour is what the writer's lane has counted in its current hour.
type laneHour struct {
	known bool
	hour  int64
	lane  uint64
	total counts.Hourly
}

// stageCounts adds to a plan what its commit makes of the hour's counts. The lane
// is ours, so the total in memory is the one in the store; the writer takes it
// over with landed when the commit has happened.
func (s *Space) stageCounts(ctx context.Context, c *commit) error {
	c.hour = laneHour{}
	add := counts.Of(&c.record, c.refused())
	if add.IsZero() {
		return nil
	}
	now := laneHour{known: true, hour: counts.HourOf(c.record.Time), lane: c.record.Lane}
	key := codec.Tallies.Key(s.keys, now.hour, now.lane)
	if t := &s.hour; t.known && t.hour == now.hour && t.lane == now.lane {
		now.total = t.total
	} else {
		r, err := s.store.Snapshot(ctx)
		if err != nil {
			return err
		}
		got, err := r.Get(ctx, key)
		r.Close()
		if err != nil {
			return err
		}
		if got[0] != nil {
			if now.total, err = counts.DecodeHourly(got[0]); err != nil {
				return err
			}
		}
	}
	now.total = now.total.Plus(&add)
	c.Batch.Put(key, now.total.Append(nil))
	c.hour = now
	return nil
}

// SourceCount is what is stored of a source's events.
type SourceCount = codec.SourceCount

// sourceNews is what a commit adds to the count of a source.
type sourceNews struct {
	source string
	codec.SourceCount
}

// stageSources adds the counts of a plan's sources to its batch.
func (s *Space) stageSources(c *commit) {
	c.sources = c.sources[:0]
	var last *sourceNews // most commits have one source, and all have runs of one
	for i := range c.fresh {
		e := &c.fresh[i]
		if last == nil || last.source != e.source {
			last = c.sourceNews(e.source)
		}
		last.SourceCount = last.Plus(codec.SourceCount{Events: 1, Last: e.at.ReceivedAt})
	}
	for i := range c.sources {
		n := &c.sources[i]
		c.Batch.Put(codec.SourceCounts.Key(s.keys, s.lane, n.source), s.sources[n.source].Plus(n.SourceCount).Append(nil))
	}
}

func (c *commit) sourceNews(source string) *sourceNews {
	for i := range c.sources {
		if c.sources[i].source == source {
			return &c.sources[i]
		}
	}
	c.sources = append(c.sources, sourceNews{source: source})
	return &c.sources[len(c.sources)-1]
}

// learnSources takes over what a commit stored.
func (s *Space) learnSources(c *commit) {
	for i := range c.sources {
		n := &c.sources[i]
		s.sources[n.source] = s.sources[n.source].Plus(n.SourceCount)
	}
}

// SourceCounts returns what is stored of each source's events, by the source's
// ID. Sources that were deleted are among them, and so is what imports wrote.
func (s *Space) SourceCounts(ctx context.Context) (map[string]SourceCount, error) {
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return counts.ReadSources(ctx, r, s.keys, 0)
}
