package query_test

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

// counted is a store that counts what is read.
type counted struct {
	kv.Store
	keys, ranges atomic.Int64
}

func (c *counted) Snapshot(ctx context.Context) (kv.Reader, error) {
	r, err := c.Store.Snapshot(ctx)
	return &countedReader{r, c}, err
}

type countedReader struct {
	kv.Reader
	c *counted
}

func (r *countedReader) Get(ctx context.Context, keys ...[]byte) ([][]byte, error) {
	r.c.keys.Add(int64(len(keys)))
	return r.Reader.Get(ctx, keys...)
}

func (r *countedReader) Scans(ctx context.Context, ranges []kv.Range, limit int, reverse bool) ([][]kv.Entry, error) {
	r.c.ranges.Add(int64(len(ranges)))
	return r.Reader.Scans(ctx, ranges, limit, reverse)
}

// A profile that was read before is read again by two look-ups, whatever its size: of
// the ID that it is asked for by, and of its version. No body is read for the messageIds
// of its identifiers, nor twice for that of its last event.
func TestKeptProfilesAreTwoLookUps(t *testing.T) {
	store := &counted{Store: memoryDisk()(t)}
	s := openSpace(t, store, space.Config{})
	ingest(t, s, world(rand.New(rand.NewPCG(3, 4)), 120, 2)...)
	ref := user("user_id", "u1")
	r := query.New(s)
	r.KeepProfiles(1 << 20)
	first, err := r.Profile(t.Context(), ref)
	if err != nil || first.Strands < 3 || len(first.Identifiers) < 3 {
		t.Fatalf("%d strands, %d identifiers, %v", first.Strands, len(first.Identifiers), err)
	}
	// What goes on in the background reads too: the least of some tries is the read's own.
	least := func(part query.Part) (keys, ranges int64) {
		keys, ranges = 1<<40, 1<<40
		for range 50 {
			store.keys.Store(0)
			store.ranges.Store(0)
			if _, err := r.ReadProfile(t.Context(), ref, part); err != nil {
				t.Fatal(err)
			}
			keys, ranges = min(keys, store.keys.Load()), min(ranges, store.ranges.Load())
		}
		return keys, ranges
	}
	for part, scans := range map[query.Part]int64{query.PartTraits: 0, query.PartIdentifiers: 0, query.PartMetadata: int64(first.Strands)} {
		if keys, ranges := least(part); keys != 2 || ranges != scans {
			t.Errorf("part %d: %d look-ups and %d scans, want 2 and %d", part, keys, ranges, scans)
		}
	}
}
