package feed

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// ErrBadCursor: a text is not a cursor that String gave.
var ErrBadCursor = errors.New("not a cursor of the feed")

// Cursor says how far a reader has come: the sequence number of the last record
// read of each lane. A lane that it does not name was not read yet, so the nil
// Cursor is the beginning.
type Cursor map[uint64]uint64

const (
	cursorVersion = 1
	// mostCursor bounds the text of a cursor: some hundred thousand lanes.
	mostCursor = 1 << 20
)

// String gives the cursor as an opaque text that may stand in a URL, "" for the
// beginning. Equal cursors have equal texts.
func (c Cursor) String() string {
	b := []byte{cursorVersion}
	last := uint64(0)
	for _, lane := range slices.Sorted(maps.Keys(c)) {
		if c[lane] == 0 {
			continue // nothing of it was read
		}
		b = binary.AppendUvarint(b, lane-last)
		b = binary.AppendUvarint(b, c[lane])
		last = lane
	}
	if len(b) == 1 {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// ParseCursor reads what String gave. Anything else is ErrBadCursor.
func ParseCursor(s string) (Cursor, error) {
	if s == "" {
		return nil, nil
	}
	if len(s) > mostCursor {
		return nil, fmt.Errorf("%w: it has %d characters", ErrBadCursor, len(s))
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) < 3 || b[0] != cursorVersion {
		return nil, ErrBadCursor
	}
	b = b[1:]
	c := Cursor{}
	last := uint64(0)
	for len(b) > 0 {
		step, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, ErrBadCursor
		}
		seq, m := binary.Uvarint(b[n:])
		lane := last + step
		if m <= 0 || seq == 0 || lane < last || (step == 0 && len(c) > 0) {
			return nil, ErrBadCursor
		}
		c[lane] = seq
		last, b = lane, b[n+m:]
	}
	if c.String() != s { // a number in more bytes than it needs, a line break
		return nil, ErrBadCursor
	}
	return c, nil
}
