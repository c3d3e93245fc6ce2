package compute

import (
	"github.com/selfsame-id/selfsame/internal/compute/values"

	"encoding/binary"

	"github.com/selfsame-id/selfsame/internal/event"
)

// Row is what one event contributes to one stream.
type Row struct {
	Stream StreamID
	// Account says that the row hangs on the strand of the event's account, else on
	// that of its user.
	Account bool
	At      event.Moment // without Arrival until the event has one
	// Value is the encoded value or values, empty if the stream takes none.
	Value []byte
}

// Values of a row are encoded one after the other, each as its length (a varint) and
// its bytes. What the bytes are depends on the stream: a decimal number in canonical
// text, a text, or JSON.

func appendValue[T string | []byte](b []byte, value T) []byte {
	b = binary.AppendUvarint(b, uint64(len(value)))
	return append(b, value...)
}

// eachValue calls f for every value of an encoded row, in the event's order. The
// slices share memory with b.
func eachValue(b []byte, f func(value []byte) error) error {
	for len(b) > 0 {
		n, used := binary.Uvarint(b)
		if used <= 0 || n > uint64(len(b)-used) {
			return values.ErrCorrupt
		}
		if err := f(b[used : used+int(n)]); err != nil {
			return err
		}
		b = b[used+int(n):]
	}
	return nil
}

// Rows gives the rows of one profile: those of all its strands. For an account these
// are the rows on its own strands and those on the strands of its users.
//
// Times are in nanoseconds since 1970; from is in, to is not. A row is valid only
// during the call that it is passed to.
type Rows interface {
	// Scan passes the rows of a stream in the order of their moments, until row
	// returns false.
	Scan(stream StreamID, from, to int64, row func(*Row) bool) error
	// Latest returns the latest row of a stream before to; ok is false if there is
	// none. It is the caller's.
	Latest(stream StreamID, to int64) (r Row, ok bool, err error)
	// Fold passes every row of a stream between from and to once, in any order, by
	// itself or within a tile. A tile may only be of a day of UTC that lies wholly
	// between from and to.
	Fold(stream StreamID, from, to int64, tile func(*Tile) error, row func(*Row) error) error
}
