package event

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
)

// Arrival is an event's arrival number: given once, when the event is stored, and
// kept for good. It says which of two events came later, and it is where the event
// lies in the journal: its block, and its place in there.
//
// The bytes are big-endian, so that numbers sort as their bytes do:
//
//	clock(6) lane(4) ordinal(2)
//
// No event has the zero Arrival.
type Arrival [ArrivalBytes]byte

// Block is the number of a block of the journal: a hybrid clock, which reads the
// wall clock unless the block before is as late, and the lane of who wrote it.
type Block [BlockBytes]byte

// The lengths of the numbers, and their bounds.
const (
	ArrivalBytes = 12
	BlockBytes   = 10

	// MaxClock is the last value of a block's clock, in the year 2109.
	MaxClock = 1<<48 - 1
	// MaxOrdinal is the last place in a block.
	MaxOrdinal = 1<<16 - 1
	// clockUnit is a tick of the clock in nanoseconds, 1/64 ms: a lane may write
	// 64,000 blocks a second without running ahead of the wall clock.
	clockUnit = 15_625
)

// Clock is the value of a block's clock at a time in nanoseconds since 1970; 0
// before 1970.
func Clock(nanos int64) uint64 {
	if nanos < 0 {
		return 0
	}
	return min(uint64(nanos)/clockUnit, MaxClock)
}

// NewBlock makes the number of a block. clock is at most MaxClock.
func NewBlock(clock uint64, lane uint32) (b Block) {
	binary.BigEndian.PutUint16(b[:], uint16(clock>>32))
	binary.BigEndian.PutUint32(b[2:], uint32(clock))
	binary.BigEndian.PutUint32(b[6:], lane)
	return b
}

// Clock is the clock of the block, in units of 1/64 ms since 1970.
func (b Block) Clock() uint64 {
	return uint64(binary.BigEndian.Uint16(b[:]))<<32 | uint64(binary.BigEndian.Uint32(b[2:]))
}

// Time is what the block's clock shows, in nanoseconds since 1970: when its events
// came, or a little later.
func (b Block) Time() int64 { return int64(b.Clock() * clockUnit) }

// Lane says who wrote the block.
func (b Block) Lane() uint32 { return binary.BigEndian.Uint32(b[6:]) }

// Compare orders blocks as they were written: by clock, then by lane.
func (b Block) Compare(c Block) int {
	return cmp.Or(
		cmp.Compare(binary.BigEndian.Uint64(b[:]), binary.BigEndian.Uint64(c[:])),
		cmp.Compare(binary.BigEndian.Uint16(b[8:]), binary.BigEndian.Uint16(c[8:])))
}

// At is the arrival number of an event of the block; ordinal is at most MaxOrdinal.
func (b Block) At(ordinal int) (a Arrival) {
	copy(a[:], b[:])
	binary.BigEndian.PutUint16(a[BlockBytes:], uint16(ordinal))
	return a
}

// String gives the number in hexadecimal digits.
func (b Block) String() string { return hex.EncodeToString(b[:]) }

// MarshalText gives the number in hexadecimal digits.
func (b Block) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// ParseBlock reads the first BlockBytes of b; false if there are fewer.
func ParseBlock(b []byte) (out Block, ok bool) {
	ok = copy(out[:], b) == BlockBytes
	return out, ok
}

// ParseArrival reads the first ArrivalBytes of b; false if there are fewer.
func ParseArrival(b []byte) (a Arrival, ok bool) {
	ok = copy(a[:], b) == ArrivalBytes
	return a, ok
}

// Block is the block that the event lies in.
func (a Arrival) Block() (b Block) {
	copy(b[:], a[:])
	return b
}

// Ordinal is the event's place in its block, from 0.
func (a Arrival) Ordinal() int { return int(binary.BigEndian.Uint16(a[BlockBytes:])) }

// IsZero reports whether a is of no event.
func (a Arrival) IsZero() bool { return a == Arrival{} }

// Compare orders arrival numbers: the earlier is the smaller.
func (a Arrival) Compare(b Arrival) int {
	return cmp.Or(
		cmp.Compare(binary.BigEndian.Uint64(a[:]), binary.BigEndian.Uint64(b[:])),
		cmp.Compare(binary.BigEndian.Uint32(a[8:]), binary.BigEndian.Uint32(b[8:])))
}

// Before reports whether a came before b.
func (a Arrival) Before(b Arrival) bool { return a.Compare(b) < 0 }

// String gives the number in hexadecimal digits.
func (a Arrival) String() string { return hex.EncodeToString(a[:]) }

// Moment is where an event stands among all others: by its own time, events of one
// time by when they were received, and those by arrival. The zero Moment is of no
// event.
type Moment struct {
	Time       int64 // of the event, nanoseconds since 1970
	ReceivedAt int64 // when its request came, the same
	Arrival    Arrival
}

// Compare orders moments: the earlier is the smaller.
func (m Moment) Compare(n Moment) int {
	if c := cmp.Compare(m.Time, n.Time); c != 0 {
		return c
	}
	if c := cmp.Compare(m.ReceivedAt, n.ReceivedAt); c != 0 {
		return c
	}
	return m.Arrival.Compare(n.Arrival)
}

// Before reports whether m is earlier than n.
func (m Moment) Before(n Moment) bool { return m.Compare(n) < 0 }
