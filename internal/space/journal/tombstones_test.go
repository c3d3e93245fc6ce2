package journal

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

func TestTombstonesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := map[int]bool{}
		var stones Tombstones
		for _, o := range rapid.SliceOf(rapid.IntRange(0, maxBlockEvents-1)).Draw(t, "ordinals") {
			want[o] = true
			stones.add(o)
		}
		b := appendTombstones(nil, stones)
		got, err := decodeTombstones(b)
		if err != nil {
			t.Fatal(err)
		}
		clear(b) // the result is a copy
		if got.count() != len(want) {
			t.Fatalf("%d tombstones, want %d", got.count(), len(want))
		}
		for o := range want {
			if !got.has(o) || got.has(o+1) != want[o+1] || o > 0 && got.has(o-1) != want[o-1] {
				t.Fatalf("around %d: %v %v %v", o, got.has(o-1), got.has(o), got.has(o+1))
			}
		}
	})
	if Tombstones(nil).has(0) || Tombstones(nil).has(-1) {
		t.Error("no tombstones have one")
	}
}

func TestBadTombstonesAreRefused(t *testing.T) {
	for _, bad := range [][]byte{nil, {0, 1}, make([]byte, 2+maxBlockEvents/8)} {
		if _, err := decodeTombstones(bad); !errors.Is(err, kv.ErrCorrupt) {
			t.Errorf("%d bytes: %v", len(bad), err)
		}
	}
	if _, err := decodeTombstones([]byte{tombstonesVersion + 1}); !errors.Is(err, codec.ErrTooNew) {
		t.Errorf("a newer version: %v", err)
	}
}
