package query_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync/atomic"
	"testing"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/query"
	"github.com/selfsame-id/selfsame/internal/space/spacetest"
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

// countedTracker is a countedReader that knows what was written.
type countedTracker struct {
	*countedReader
	kv.Tracker
}

func (r countedTracker) Get(ctx context.Context, keys ...[]byte) ([][]byte, error) {
	return r.countedReader.Get(ctx, keys...)
}

func (r countedTracker) Scan(ctx context.Context, from, to []byte, limit int, reverse bool) ([]kv.Entry, error) {
	return r.countedReader.Scan(ctx, from, to, limit, reverse)
}

func (r countedTracker) Scans(ctx context.Context, ranges []kv.Range, limit int, reverse bool) ([][]kv.Entry, error) {
	return r.countedReader.Scans(ctx, ranges, limit, reverse)
}

func (r countedTracker) Close() error { return r.countedReader.Close() }

type countedTracking struct{ counted }

func (c *countedTracking) Snapshot(ctx context.Context) (kv.Reader, error) {
	r, err := c.Store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return countedTracker{&countedReader{r, &c.counted}, r.(kv.Tracker)}, nil
}

// On a store that knows what was written, a profile that was read before and has not
// changed is read without a look-up, and one that changed is read as it is.
func TestKeptProfilesWithoutLookUps(t *testing.T) {
	store := &countedTracking{counted{Store: spacetest.PebbleDisk()(t)}}
	s := openSpace(t, store, space.Config{})
	ingest(t, s, world(rand.New(rand.NewPCG(3, 4)), 120, 2)...)
	r := query.New(s)
	r.KeepProfiles(1 << 20)
	read := func(ref space.Ref) (p query.Profile, keys int64) {
		t.Helper()
		keys = 1 << 40
		for range 50 { // what goes on in the background reads too
			store.keys.Store(0)
			var err error
			if p, err = r.ReadProfile(t.Context(), ref, query.PartTraits|query.PartIdentifiers); err != nil {
				t.Fatal(err)
			}
			keys = min(keys, store.keys.Load())
		}
		return p, keys
	}
	for i := range 6 { // more anonymous IDs than these break a limit, and leave work pending
		p, keys := read(user("user_id", "u1"))
		if keys != 0 {
			t.Errorf("after %d changes a read takes %d look-ups, want none", i, keys)
		}
		want, err := query.New(s).ReadProfile(t.Context(), user("user_id", "u1"), query.PartTraits|query.PartIdentifiers)
		if err != nil || !reflect.DeepEqual(p, want) {
			t.Fatalf("after %d changes %+v is read, want %+v, %v", i, p, want, err)
		}
		// A trait; another ID, which makes the profile larger; a merge.
		switch i % 3 {
		case 0:
			ingest(t, s, fmt.Sprintf(`{"type":"identify","messageId":"n%d","userId":"u1","traits":{"plan":"p%d"}}`, i, i))
		case 1:
			ingest(t, s, fmt.Sprintf(`{"type":"track","event":"e","messageId":"n%d","userId":"u1","anonymousId":"new%d"}`, i, i))
		case 2:
			ingest(t, s, fmt.Sprintf(`{"type":"track","event":"e","messageId":"m%d","anonymousId":"apart%d"}`, i, i))
			if apart, _ := read(user("anonymous_id", fmt.Sprint("apart", i))); apart.ID == p.ID {
				t.Fatal("it is one profile before anything says so")
			}
			ingest(t, s, fmt.Sprintf(`{"type":"track","event":"e","messageId":"n%d","userId":"u1","anonymousId":"apart%d"}`, i, i))
			merged, _ := read(user("anonymous_id", fmt.Sprint("apart", i)))
			if now, _ := read(user("user_id", "u1")); merged.ID != now.ID {
				t.Errorf("after the merge %s and %s are read", merged.ID, now.ID)
			}
		}
	}
}
