package codec

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
)

// ErrTooNew: the store was written by a newer version of Selfsame.
var ErrTooNew = errors.New("the store was written by a newer version of Selfsame")

// reader takes a record apart. After the first mistake everything reads as zero
// and err is set.
type Reader struct {
	Rest []byte
	Err  error
}

func (r *Reader) Fail() {
	if r.Err == nil {
		r.Err = fmt.Errorf("%w: a record is cut short", kv.ErrCorrupt)
	}
	r.Rest = nil
}

func (r *Reader) Byte() byte {
	if len(r.Rest) < 1 {
		r.Fail()
		return 0
	}
	v := r.Rest[0]
	r.Rest = r.Rest[1:]
	return v
}

func (r *Reader) Uvarint() uint64 {
	v, n := binary.Uvarint(r.Rest)
	if n <= 0 {
		r.Fail()
		return 0
	}
	r.Rest = r.Rest[n:]
	return v
}

func (r *Reader) Varint() int64 {
	v, n := binary.Varint(r.Rest)
	if n <= 0 {
		r.Fail()
		return 0
	}
	r.Rest = r.Rest[n:]
	return v
}

// count reads a number of things of at least size bytes each.
func (r *Reader) Count(size int) int {
	n := r.Uvarint()
	if n > uint64(len(r.Rest)/size) {
		r.Fail()
		return 0
	}
	return int(n)
}

func (r *Reader) Text() string {
	n := r.Uvarint()
	if n > uint64(len(r.Rest)) {
		r.Fail()
		return ""
	}
	s := string(r.Rest[:n])
	r.Rest = r.Rest[n:]
	return s
}

func (r *Reader) Hash() (h identity.Hash) {
	if len(r.Rest) < len(h) {
		r.Fail()
		return h
	}
	copy(h[:], r.Rest)
	r.Rest = r.Rest[len(h):]
	return h
}

func (r *Reader) Profile() (p ProfileID) {
	if len(r.Rest) < len(p) {
		r.Fail()
		return p
	}
	copy(p[:], r.Rest)
	r.Rest = r.Rest[len(p):]
	return p
}

// Moment reads a moment of a record.
func (r *Reader) Moment() (m event.Moment) {
	m.Time = r.Varint()
	m.ReceivedAt = m.Time + r.Varint()
	arrival, ok := event.ParseArrival(r.Rest)
	if !ok {
		r.Fail()
		return m
	}
	m.Arrival, r.Rest = arrival, r.Rest[event.ArrivalBytes:]
	return m
}

// version reads the first byte of a record and refuses one that a newer
// Selfsame wrote.
func (r *Reader) Version(newest byte) byte {
	v := r.Byte()
	if v > newest && r.Err == nil {
		r.Err = fmt.Errorf("%w: record version %d", ErrTooNew, v)
		r.Rest = nil
	}
	return v
}

func AppendText(b []byte, s string) []byte {
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

func AppendIDType(b []byte, t string) []byte {
	if c, ok := idTypeCode[t]; ok {
		return append(b, c)
	}
	return AppendText(append(b, 0), t)
}

func (r *Reader) IDType() string {
	c := r.Byte()
	if c == 0 {
		return r.Text()
	}
	if int(c) >= len(idTypeCodes) {
		r.Fail()
		return ""
	}
	return idTypeCodes[c]
}
