package compute

import (
	"github.com/selfsame-id/selfsame/internal/compute/values"

	"encoding/binary"

	"github.com/cockroachdb/apd/v3"

	"github.com/selfsame-id/selfsame/internal/event"
)

// appendMoment appends a moment in fixed length: time, receivedAt, arrival.
func appendMoment(b []byte, m event.Moment) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(m.Time))
	b = binary.BigEndian.AppendUint64(b, uint64(m.ReceivedAt))
	return append(b, m.Arrival[:]...)
}

func appendInt(b []byte, n int64) []byte { return binary.AppendVarint(b, n) }

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

func appendNumber(b []byte, d *apd.Decimal) []byte { return appendValue(b, d.Text('e')) }

// decoder reads what the functions above wrote. After damage it reads zeros.
type decoder struct {
	b       []byte
	damaged bool
}

func (d *decoder) take(n int) []byte {
	if n < 0 || n > len(d.b) {
		d.b, d.damaged = nil, true
		return nil
	}
	out := d.b[:n:n]
	d.b = d.b[n:]
	return out
}

func (d *decoder) moment() (m event.Moment) {
	if b := d.take(16 + event.ArrivalBytes); b != nil {
		m.Time, m.ReceivedAt = int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:]))
		m.Arrival, _ = event.ParseArrival(b[16:])
	}
	return m
}

func (d *decoder) int() int64 {
	n, used := binary.Varint(d.b)
	if used <= 0 {
		d.take(-1)
		return 0
	}
	d.b = d.b[used:]
	return n
}

// count reads the number of things that follow, each of at least a byte.
func (d *decoder) count() int {
	n := d.int()
	if n < 0 || n > int64(len(d.b)) {
		d.take(-1)
		return 0
	}
	return int(n)
}

func (d *decoder) bool() bool {
	b := d.take(1)
	return b != nil && b[0] == 1
}

// value shares memory with what is read.
func (d *decoder) value() []byte {
	n, used := binary.Uvarint(d.b)
	if used <= 0 || n > uint64(len(d.b)-used) {
		return d.take(-1)
	}
	d.b = d.b[used:]
	return d.take(int(n))
}

func (d *decoder) number(to *apd.Decimal) {
	if values.ReadNumber(d.value(), to) != nil {
		to.SetInt64(0)
		d.take(-1)
	}
}

// err is ErrCorrupt if something was damaged, or is left.
func (d *decoder) err() error {
	if d.damaged || len(d.b) > 0 {
		return values.ErrCorrupt
	}
	return nil
}
