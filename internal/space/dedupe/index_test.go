package dedupe

import (
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

// The index finds exactly what was added, whether it lies in memory or in a file,
// with hashes that several messages have, at the ends of pages too.
func TestIndexFindsWhatWasAdded(t *testing.T) {
	for _, n := range []int{0, 1, 100, 5_000, 60_000} {
		dir := t.TempDir()
		b := NewBuilder(dir)
		b.most = 1 << 12
		rnd := rand.New(rand.NewPCG(1, uint64(n)))
		want := map[uint64][]uint64{}
		add := func(hash, place uint64) {
			if err := b.Add(hash, place); err != nil {
				t.Fatal(err)
			}
			want[hash] = append(want[hash], place)
		}
		for i := range n {
			hash := rnd.Uint64()
			if i%10 == 0 {
				hash = uint64(i/10%50) * 0x1111_1111_1111_1111 // many places, 0 and the highest among them
			}
			add(hash, uint64(i))
		}
		x, err := b.Index()
		if err != nil {
			t.Fatal(err)
		}
		if x.Len() != int64(n) || (x.Disk() > 0) != (n > 1<<12) {
			t.Errorf("%d messages: %d, %d bytes on disk", n, x.Len(), x.Disk())
		}
		for hash, places := range want {
			got, err := x.Find(nil, hash)
			slices.Sort(got)
			if err != nil || !slices.Equal(got, places) {
				t.Fatalf("%d messages: %x is at %d, found at %d (%v)", n, hash, places, got, err)
			}
		}
		for range 10_000 {
			hash := rnd.Uint64()
			if got, err := x.Find(nil, hash); err != nil || len(got) != len(want[hash]) {
				t.Fatalf("%x: %d %v", hash, got, err)
			}
		}
		if err := x.Close(); err != nil {
			t.Error(err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%d files are left (%v)", len(left), err)
		}
	}
}

func TestBuilderGivenUpLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	b := NewBuilder(dir)
	b.most = 10
	for i := range uint64(100) {
		if err := b.Add(i, i); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Error("files are left")
	}
	if err := NewBuilder("/nowhere/at/all").Close(); err != nil {
		t.Error(err)
	}
}

// filler keeps the compiler from leaving the search out.
var filler []uint64

func BenchmarkIndex(b *testing.B) {
	const n = 4_000_000
	build := NewBuilder(b.TempDir())
	rnd := rand.New(rand.NewPCG(1, 1))
	for i := range uint64(n) {
		if err := build.Add(rnd.Uint64(), i); err != nil {
			b.Fatal(err)
		}
	}
	x, err := build.Index()
	if err != nil {
		b.Fatal(err)
	}
	defer x.Close()
	b.ReportMetric(float64(x.Memory())/n, "B/message")
	b.Run("absent", func(b *testing.B) {
		for range b.N {
			filler, _ = x.Find(filler[:0], rnd.Uint64())
		}
	})
	same := rand.New(rand.NewPCG(1, 1))
	b.Run("present", func(b *testing.B) {
		for range b.N {
			filler, _ = x.Find(filler[:0], same.Uint64())
		}
	})
}
