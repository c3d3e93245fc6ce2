package profile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"github.com/selfsame-id/selfsame/internal/event"
)

// Errors of DecodeTraits.
var (
	// ErrCorrupt: the bytes are not what AppendTraits writes.
	ErrCorrupt = errors.New("damaged trait set")
	// ErrNewer: a newer version of Selfsame wrote the set.
	ErrNewer = errors.New("trait set of a newer version")
)

// traitsVersion is the first byte of an encoded set. The rest of version 2:
//
//	count
//	for each trait, by name:
//	  length, name
//	  flags
//	  length, value              unless flagRemoved
//	  unless flagSameEvent:
//	    time                     less the trait's before, zigzag
//	    received                 less the time, zigzag
//	    arrival, 12 bytes
//	    length, message ID
//	    length, source           unless flagSameSource
//
// Numbers are varints. Most traits of a strand were set by one event, which is
// written once.
const traitsVersion = 2

const (
	flagRemoved    = 1 << iota
	flagSameEvent  // moment, message ID and source of the trait before
	flagSameSource // source of the trait before
	flagsKnown     = flagRemoved | flagSameEvent | flagSameSource
)

// AppendTraits appends the binary form of a set, versioned, to b.
func AppendTraits(b []byte, set Traits) []byte {
	b = append(b, traitsVersion)
	b = binary.AppendUvarint(b, uint64(len(set)))
	var before Trait
	for i, t := range set {
		flags := byte(0)
		if t.Removed() {
			flags |= flagRemoved
		}
		sameSource := i > 0 && t.Source == before.Source
		switch {
		case sameSource && t.Moment == before.Moment && t.MessageID == before.MessageID:
			flags |= flagSameEvent
		case sameSource:
			flags |= flagSameSource
		}
		b = appendText(b, t.Name)
		b = append(b, flags)
		if flags&flagRemoved == 0 {
			b = binary.AppendUvarint(b, uint64(len(t.Value)))
			b = append(b, t.Value...)
		}
		if flags&flagSameEvent == 0 {
			b = binary.AppendVarint(b, t.Time-before.Time)
			b = binary.AppendVarint(b, t.ReceivedAt-t.Time)
			b = append(b, t.Arrival[:]...)
			b = appendText(b, t.MessageID)
			if flags&flagSameSource == 0 {
				b = appendText(b, t.Source)
			}
		}
		before = t
	}
	return b
}

func appendText(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// DecodeTraits reads what AppendTraits wrote. The set shares memory with b,
// which must not be changed afterwards. Damaged bytes give ErrCorrupt, and cost
// memory only for the traits that are really there.
func DecodeTraits(b []byte) (Traits, error) {
	if len(b) == 0 {
		return nil, fmt.Errorf("%w: empty", ErrCorrupt)
	}
	if b[0] > traitsVersion {
		return nil, fmt.Errorf("%w: version %d, this one reads up to %d", ErrNewer, b[0], traitsVersion)
	}
	if b[0] < traitsVersion {
		return nil, fmt.Errorf("%w: version %d", ErrCorrupt, b[0])
	}
	d := decoder{b: b[1:]}
	count := d.number()
	// A trait takes three bytes or more: a name's length, flags, and a value's
	// length with a value or a removal's event. One that repeats its event and
	// is removed takes two.
	if d.bad || count > uint64(len(d.b)/2) {
		return nil, fmt.Errorf("%w: count", ErrCorrupt)
	}
	if count == 0 && len(d.b) == 0 {
		return nil, nil
	}
	// Room for a plausible set at once; a count that lies costs no more.
	set := make(Traits, 0, min(count, 64))
	var before Trait
	for i := range count {
		t := d.trait(before, i == 0)
		if d.bad || i > 0 && t.Name <= before.Name {
			return nil, fmt.Errorf("%w: trait %d of %d", ErrCorrupt, i, count)
		}
		set, before = append(set, t), t
	}
	if len(d.b) > 0 {
		return nil, fmt.Errorf("%w: %d bytes too many", ErrCorrupt, len(d.b))
	}
	return set, nil
}

// decoder reads from b and remembers that something was wrong.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) trait(before Trait, first bool) Trait {
	t := Trait{Name: d.text()}
	flags := d.flags()
	if flags&^flagsKnown != 0 || first && flags&(flagSameEvent|flagSameSource) != 0 || flags&flagSameEvent != 0 && flags&flagSameSource != 0 {
		d.bad = true
	}
	if flags&flagRemoved == 0 {
		if t.Value = d.take(); len(t.Value) == 0 {
			d.bad = true
		}
	}
	if flags&flagSameEvent != 0 {
		t.Moment, t.MessageID, t.Source = before.Moment, before.MessageID, before.Source
		return t
	}
	t.Time = before.Time + d.signed()
	t.ReceivedAt = t.Time + d.signed()
	arrival, ok := event.ParseArrival(d.b)
	if !ok {
		d.bad = true
		return t
	}
	t.Arrival, d.b = arrival, d.b[event.ArrivalBytes:]
	t.MessageID = d.text()
	if flags&flagSameSource != 0 {
		t.Source = before.Source
	} else {
		t.Source = d.text()
	}
	return t
}

func (d *decoder) number() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.bad = true
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) signed() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.bad = true
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) flags() byte {
	if len(d.b) == 0 {
		d.bad = true
		return 0
	}
	f := d.b[0]
	d.b = d.b[1:]
	return f
}

// take reads a length and so many bytes.
func (d *decoder) take() []byte {
	n := d.number()
	if n > uint64(len(d.b)) {
		d.bad = true
		return nil
	}
	out := d.b[:n:n]
	d.b = d.b[n:]
	return out
}

func (d *decoder) text() string {
	b := d.take()
	return unsafe.String(unsafe.SliceData(b), len(b))
}
