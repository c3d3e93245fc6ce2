package journal

import (
	"fmt"
	"math/bits"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Tombstones are the ordinals of a block whose events were erased: bit o%8 of
// byte o/8. The nil Tombstones are none. Stored, a version byte goes before.
type Tombstones []byte

const tombstonesVersion = 1

// has reports whether the event with an ordinal was erased.
func (t Tombstones) has(ordinal int) bool {
	return ordinal >= 0 && ordinal/8 < len(t) && t[ordinal/8]&(1<<(ordinal%8)) != 0
}

// add marks the event with an ordinal, 0 to maxBlockEvents-1, as erased.
func (t *Tombstones) add(ordinal int) {
	for len(*t) <= ordinal/8 {
		*t = append(*t, 0)
	}
	(*t)[ordinal/8] |= 1 << (ordinal % 8)
}

// count is how many events were erased.
func (t Tombstones) count() (n int) {
	for _, b := range t {
		n += bits.OnesCount8(b)
	}
	return n
}

// appendTombstones appends the stored form of t to dst.
func appendTombstones(dst []byte, t Tombstones) []byte {
	return append(append(dst, tombstonesVersion), t...)
}

// decodeTombstones reads the stored form. Errors wrap kv.ErrCorrupt or
// codec.ErrTooNew. The result is a copy.
func decodeTombstones(b []byte) (Tombstones, error) {
	switch {
	case len(b) == 0 || b[0] == 0 || len(b) > 1+maxBlockEvents/8:
		return nil, fmt.Errorf("%w: tombstones of %d bytes", kv.ErrCorrupt, len(b))
	case b[0] > tombstonesVersion:
		return nil, fmt.Errorf("%w: tombstones version %d", codec.ErrTooNew, b[0])
	}
	return append(Tombstones(nil), b[1:]...), nil
}
