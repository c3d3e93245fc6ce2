package space

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// SourceCount is what is stored of a source's events.
type SourceCount = codec.SourceCount

// sourceCounts counts the stored events of each source. Each lane keeps its own
// counts, written with the commit that stores the events, so that nodes never
// wait for each other; the sum over lanes is what is stored.
type sourceCounts map[string]codec.SourceCount

// sourceNews is what a commit adds to the count of a source.
type sourceNews struct {
	source string
	codec.SourceCount
}

// stageSources adds the counts of a plan's sources to its batch.
func (s *Space) stageSources(c *Tx) {
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
		c.batch.Put(codec.SourceCounts.Key(s.keys, s.lane, n.source), s.sources[n.source].Plus(n.SourceCount).Append(nil))
	}
}

func (c *Tx) sourceNews(source string) *sourceNews {
	for i := range c.sources {
		if c.sources[i].source == source {
			return &c.sources[i]
		}
	}
	c.sources = append(c.sources, sourceNews{source: source})
	return &c.sources[len(c.sources)-1]
}

// learnSources takes over what a commit stored.
func (s *Space) learnSources(c *Tx) {
	for i := range c.sources {
		n := &c.sources[i]
		s.sources[n.source] = s.sources[n.source].Plus(n.SourceCount)
	}
}

// readSourceCounts reads what one lane counted, or all lanes together if lane
// is 0.
func readSourceCounts(ctx context.Context, r kv.Reader, keys codec.Keyspace, lane uint64) (sourceCounts, error) {
	from, end := codec.SourceCounts.All(keys)
	if lane != 0 {
		from, end = codec.Under(codec.SourceCounts.Of(keys, lane))
	}
	counts := sourceCounts{}
	for {
		page, err := r.Scan(ctx, from, end, scanPage, false)
		if err != nil {
			return nil, err
		}
		for _, e := range page {
			_, source, ok := codec.SourceCounts.Parse(e.Key)
			if !ok {
				return nil, kv.ErrCorrupt
			}
			n, err := codec.DecodeSourceCount(e.Value)
			if err != nil {
				return nil, err
			}
			counts[source] = counts[source].Plus(n)
		}
		if len(page) < scanPage {
			return counts, nil
		}
		from = kv.After(page[len(page)-1].Key)
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
	return readSourceCounts(ctx, r, s.keys, 0)
}
