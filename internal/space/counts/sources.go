package counts

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Sources counts the stored events of each source. Each lane keeps its own
// counts, written with the commit that stores the events, so that nodes never
// wait for each other; the sum over lanes is what is stored.
type Sources map[string]codec.SourceCount

// ReadSources reads what one lane counted, or all lanes together if lane
// is 0.
func ReadSources(ctx context.Context, r kv.Reader, keys codec.Keyspace, lane uint64) (Sources, error) {
	from, end := codec.SourceCounts.All(keys)
	if lane != 0 {
		from, end = codec.Under(codec.SourceCounts.Of(keys, lane))
	}
	counts := Sources{}
	for {
		entries, err := r.Scan(ctx, from, end, pageSize, false)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
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
		if len(entries) < pageSize {
			return counts, nil
		}
		from = kv.After(entries[len(entries)-1].Key)
	}
}
