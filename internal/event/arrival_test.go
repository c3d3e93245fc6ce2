package event

import (
	"bytes"
	"cmp"
	"testing"

	"pgregory.net/rapid"
)

func TestArrivalNumbersSortAsTheirBytes(t *testing.T) {
	clock := rapid.OneOf(rapid.Uint64Range(0, 3), rapid.Uint64Range(MaxClock-1, MaxClock), rapid.Uint64Range(0, MaxClock))
	lane := rapid.OneOf(rapid.Uint32Range(0, 2), rapid.Uint32Range(1<<32-2, 1<<32-1), rapid.Uint32Range(4095, 4097))
	ordinal := rapid.OneOf(rapid.IntRange(0, 2), rapid.IntRange(MaxOrdinal-1, MaxOrdinal))
	rapid.Check(t, func(t *rapid.T) {
		type parts struct {
			clock   uint64
			lane    uint32
			ordinal int
		}
		draw := func(name string) (parts, Arrival) {
			p := parts{clock.Draw(t, name+" clock"), lane.Draw(t, name+" lane"), ordinal.Draw(t, name+" ordinal")}
			return p, NewBlock(p.clock, p.lane).At(p.ordinal)
		}
		p, a := draw("a")
		q, b := draw("b")
		if a.Block().Clock() != p.clock || a.Block().Lane() != p.lane || a.Ordinal() != p.ordinal {
			t.Fatalf("%+v came back as %d %d %d", p, a.Block().Clock(), a.Block().Lane(), a.Ordinal())
		}
		want := cmp.Or(cmp.Compare(p.clock, q.clock), cmp.Compare(p.lane, q.lane), cmp.Compare(p.ordinal, q.ordinal))
		if got := a.Compare(b); got != want {
			t.Fatalf("%+v and %+v compare as %d", p, q, got)
		}
		if got := bytes.Compare(a[:], b[:]); got != want {
			t.Fatalf("the bytes of %+v and %+v compare as %d", p, q, got)
		}
		if got, want := a.Block().Compare(b.Block()), cmp.Or(cmp.Compare(p.clock, q.clock), cmp.Compare(p.lane, q.lane)); got != want {
			t.Fatalf("the blocks of %+v and %+v compare as %d", p, q, got)
		}
		if back, ok := ParseArrival(a[:]); !ok || back != a {
			t.Fatalf("%s is read as %s, %v", a, back, ok)
		}
		if back, ok := ParseBlock(a[:]); !ok || back != a.Block() {
			t.Fatalf("%s is read as block %s, %v", a, back, ok)
		}
	})
}

func TestArrivalsThatAreTooShort(t *testing.T) {
	if _, ok := ParseArrival(make([]byte, ArrivalBytes-1)); ok {
		t.Error("11 bytes are read as an arrival number")
	}
	if _, ok := ParseBlock(make([]byte, BlockBytes-1)); ok {
		t.Error("9 bytes are read as the number of a block")
	}
}

func TestClock(t *testing.T) {
	for _, c := range []struct {
		nanos int64
		want  uint64
	}{
		{-1, 0}, {0, 0}, {15_624, 0}, {15_625, 1}, {1_000_000, 64}, {1_573_826_924_000_000_000, 1_573_826_924 * 64_000},
		{1<<63 - 1, MaxClock},
	} {
		if got := Clock(c.nanos); got != c.want {
			t.Errorf("at %d ns the clock shows %d, want %d", c.nanos, got, c.want)
		}
	}
}

func TestMomentsGoByTimeReceiptAndArrival(t *testing.T) {
	at := func(time, received int64, clock uint64) Moment {
		return Moment{time, received, NewBlock(clock, 1).At(0)}
	}
	sorted := []Moment{{}, at(1, 9, 9), at(2, 1, 9), at(2, 2, 1), at(2, 2, 2), at(3, 0, 0)}
	for i, a := range sorted {
		for k, b := range sorted {
			if got, want := a.Compare(b), cmp.Compare(i, k); got != want {
				t.Errorf("%v and %v compare as %d, want %d", a, b, got, want)
			}
			if a.Before(b) != (i < k) {
				t.Errorf("%v before %v: %v", a, b, a.Before(b))
			}
		}
	}
}
