package feed

import (
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Read backward from any place, a feed of several lanes is all of its records
// before that place, the newest first.
func TestBackReadsEverythingBeforeAPlace(t *testing.T) {
	store := openStore(t)
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		keys := codec.NewKeyspace(uint16(n))
		var all []Record
		var batch kv.Batch
		for _, lane := range rapid.SliceOfNDistinct(rapid.Uint64Range(0, 1<<60), 0, 4, rapid.ID).Draw(t, "lanes") {
			at := rapid.Int64Range(-5, 20).Draw(t, "start")
			for seq := range rapid.Uint64Range(1, 40).Draw(t, "length") {
				at += rapid.Int64Range(0, 2).Draw(t, "step")
				r := Record{Lane: lane, Seq: seq + 1, Time: at}
				all = append(all, r)
				batch.Put(codec.FeedRecords.Key(keys, lane, seq+1), r.Append(nil))
			}
		}
		if len(all) > 0 {
			if err := store.Commit(t.Context(), &batch); err != nil {
				t.Fatal(err)
			}
		}
		slices.SortFunc(all, func(a, b Record) int {
			if a.Place().Before(b.Place()) {
				return 1
			}
			return -1
		})
		var before *Place
		switch rapid.IntRange(0, 2).Draw(t, "place") {
		case 1:
			before = &Place{Time: rapid.Int64Range(-6, 90).Draw(t, "time")}
		case 2:
			if len(all) > 0 {
				p := rapid.SampledFrom(all).Draw(t, "record").Place()
				p.Seq += rapid.Uint64Range(0, 1).Draw(t, "inside")
				before = &p
			}
		}
		var want []Record
		for _, r := range all {
			if before == nil || r.Place().Before(*before) {
				want = append(want, r)
			}
		}
		reader, err := store.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		b, err := Back(t.Context(), reader, keys, before)
		if err != nil {
			t.Fatal(err)
		}
		var got []Record
		for {
			r, ok, err := b.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			got = append(got, r)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("before %v:\n got %v\nwant %v", before, got, want)
		}
	})
}
