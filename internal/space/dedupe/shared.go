package dedupe

import (
	"slices"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Shared is what a shared store keeps of a recent message: when it came, in nanoseconds
// since 1970, its fingerprint and its messageId.
type Shared struct {
	Came        int64
	Fingerprint Fingerprint
	ID          string
}

const sharedHead = 8 + fingerprintBytes

// Append appends the stored form.
func (m *Shared) Append(b []byte) []byte {
	b = slices.Grow(b, sharedHead+len(m.ID))
	return append(m.Fingerprint.Append(codec.AppendTime(b, m.Came)), m.ID...)
}

// DecodeShared reads what Append wrote. Errors are kv.ErrCorrupt.
func DecodeShared(b []byte) (Shared, error) {
	if len(b) < sharedHead {
		return Shared{}, kv.ErrCorrupt
	}
	return Shared{codec.ParseTime(b), ReadFingerprint(b[8:]), string(b[sharedHead:])}, nil
}
