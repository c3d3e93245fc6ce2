package profile

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/selfsame-id/selfsame/internal/event"
)

func sample() Traits {
	return Traits{
		{Name: "email", Value: []byte(`"jane@example.com"`), Moment: moment(1_573_826_924_000_000_000, 6), MessageID: "jane-008", Source: "ios"},
		{Name: "name", Value: []byte(`{"first":"Jane"}`), Moment: moment(1_573_826_924_000_000_000, 6), MessageID: "jane-008", Source: "ios"},
		{Name: "plan", Moment: event.Moment{Time: 1_573_826_925_000_000_000, ReceivedAt: 1_573_826_925_100_000_000, Arrival: event.NewBlock(1<<47, 1<<31).At(7)}, MessageID: "jane-009", Source: "ios"},
		{Name: "zip", Value: []byte(`8000`), Moment: moment(-5, 1), MessageID: "", Source: "web"},
	}
}

func TestEncodingIsCompact(t *testing.T) {
	text := 0
	for _, x := range sample() {
		text += len(x.Name) + len(x.Value)
	}
	// The names and values, the events "jane-008" and "jane-009" once, and their sources.
	if got := len(AppendTraits(nil, sample())); got > text+8+8+3+3+3*event.ArrivalBytes+60 {
		t.Errorf("%d bytes for %d bytes of names and values", got, text)
	}
}

// TestEncodingStays: what an earlier version wrote must be read for ever.
func TestEncodingStays(t *testing.T) {
	const v2 = "020405656d61696c0012226a616e65406578616d706c652e636f6d2280e0b9eff6cfadd72bffdfb9eff6cfadd72b000000000006000000010000086a616e652d30303803696f73046e616d6502107b226669727374223a224a616e65227d04706c616e0580a8d6b9078084af5f800000000000800000000007086a616e652d303039037a6970000438303030898890a9fecfadd72b0a0000000000010000000100000003776562"
	if got := hex.EncodeToString(AppendTraits(nil, sample())); got != v2 {
		t.Errorf("the encoding changed:\n got %s\nwant %s", got, v2)
	}
	written, err := hex.DecodeString(v2)
	if err != nil {
		t.Fatal(err)
	}
	set, err := DecodeTraits(written)
	if err != nil || !reflect.DeepEqual(set, sample()) {
		t.Errorf("%s, %v", show(set), err)
	}
}

func TestDecodeTraitsRefuses(t *testing.T) {
	good := AppendTraits(nil, sample())
	for n := range good {
		if _, err := DecodeTraits(good[:n]); !errors.Is(err, ErrCorrupt) {
			t.Errorf("cut to %d of %d bytes: %v", n, len(good), err)
		}
	}
	if _, err := DecodeTraits(append(bytes.Clone(good), 0)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("with a byte more: %v", err)
	}
	if _, err := DecodeTraits([]byte{traitsVersion + 1, 0}); !errors.Is(err, ErrNewer) {
		t.Errorf("a newer version: %v", err)
	}
	if _, err := DecodeTraits([]byte{0, 0}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("version 0: %v", err)
	}
	if _, err := DecodeTraits([]byte{traitsVersion, 0xff, 0xff, 0xff, 0xff, 0x0f}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a count of billions: %v", err)
	}
	unsorted := Traits{{Name: "b", Value: []byte("1")}, {Name: "a", Value: []byte("1")}}
	if _, err := DecodeTraits(AppendTraits(nil, unsorted)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("names out of order: %v", err)
	}
}

func TestEncodingRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want, _ := Traits(nil).Apply(rapid.SliceOfN(traitGen(), 0, 20).Draw(t, "traits"))
		encoded := AppendTraits(nil, want)
		got, err := DecodeTraits(encoded)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%x gives %s (%v), want %s", encoded, show(got), err, show(want))
		}
	})
}

// FuzzDecodeTraits: any bytes give an error or a set that is written and read
// again as it is.
func FuzzDecodeTraits(f *testing.F) {
	f.Add(AppendTraits(nil, sample()))
	f.Add(AppendTraits(nil, nil))
	f.Add([]byte{traitsVersion, 1, 0, 1, 0, 0, 0})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		set, err := DecodeTraits(b)
		if err != nil {
			if set != nil || !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrNewer) {
				t.Fatalf("%x: %v, %v", b, set, err)
			}
			return
		}
		again, err := DecodeTraits(AppendTraits(nil, set))
		if err != nil || !reflect.DeepEqual(again, set) {
			t.Fatalf("%x: %s, then %s, %v", b, show(set), show(again), err)
		}
	})
}
