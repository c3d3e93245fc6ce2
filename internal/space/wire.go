package space

import (
	"encoding/binary"
	"fmt"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
)

// reader takes a record apart. After the first mistake everything reads as zero
// and err is set.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail() {
	if r.err == nil {
		r.err = fmt.Errorf("%w: a record is cut short", kv.ErrCorrupt)
	}
	r.b = nil
}

func (r *reader) byte() byte {
	if len(r.b) < 1 {
		r.fail()
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

// count reads a number of things of at least size bytes each.
func (r *reader) count(size int) int {
	n := r.uvarint()
	if n > uint64(len(r.b)/size) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *reader) string() string {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.fail()
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

func (r *reader) hash() (h identity.Hash) {
	if len(r.b) < len(h) {
		r.fail()
		return h
	}
	copy(h[:], r.b)
	r.b = r.b[len(h):]
	return h
}

func (r *reader) profile() (p profileID) {
	if len(r.b) < len(p) {
		r.fail()
		return p
	}
	copy(p[:], r.b)
	r.b = r.b[len(p):]
	return p
}

// version reads the first byte of a record and refuses one that a newer
// Selfsame wrote.
func (r *reader) version(newest byte) byte {
	v := r.byte()
	if v > newest && r.err == nil {
		r.err = fmt.Errorf("%w: record version %d", ErrTooNew, v)
		r.b = nil
	}
	return v
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// idTypeCodes are the types that nearly every ID has; they take a byte in a
// record. The order is part of the format.
var idTypeCodes = [...]string{"", "user_id", "anonymous_id", "email", "ios.id", "android.id", "ios.idfa", "android.idfa",
	"ios.push_token", "android.push_token", "ga_client_id", "cross_domain_id", "braze_id", "group_id"}

var idTypeCode = func() map[string]byte {
	m := map[string]byte{}
	for i, t := range idTypeCodes {
		if t != "" {
			m[t] = byte(i)
		}
	}
	return m
}()

func appendIDType(b []byte, t string) []byte {
	if c, ok := idTypeCode[t]; ok {
		return append(b, c)
	}
	return appendString(append(b, 0), t)
}

func (r *reader) idType() string {
	c := r.byte()
	if c == 0 {
		return r.string()
	}
	if int(c) >= len(idTypeCodes) {
		r.fail()
		return ""
	}
	return idTypeCodes[c]
}
