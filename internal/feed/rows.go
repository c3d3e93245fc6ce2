package feed

import (
	"encoding/binary"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
)

// Rows of a record are stored as
//
//	rows: n, and for each  flags(1), then, as far as the flags say so,
//	  strand(16) time received arrival(12); always  stream value
//	rewritten: n, then the strands
//
// time and received are differences from the row before, first from the time of the
// record; an event often has several rows, and a strand several events.
const (
	rowSameStrand = 1 << iota
	rowSameEvent
	rowSameBlock  // arrival is the ordinal alone
	knownRowFlags = 1<<iota - 1
)

const leastRow = 3 // bytes that a row takes

func (r *Record) appendRows(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(r.Rows)))
	before := Row{At: event.Moment{Time: r.Time, ReceivedAt: r.Time}}
	for i := range r.Rows {
		w := &r.Rows[i]
		var flags byte
		if w.Strand == before.Strand {
			flags |= rowSameStrand
		}
		if w.At == before.At {
			flags |= rowSameEvent
		}
		if w.At.Arrival.Block() == before.At.Arrival.Block() {
			flags |= rowSameBlock
		}
		dst = append(dst, flags)
		if flags&rowSameStrand == 0 {
			dst = append(dst, w.Strand[:]...)
		}
		if flags&rowSameEvent == 0 {
			dst = binary.AppendVarint(dst, w.At.Time-before.At.Time)
			dst = binary.AppendVarint(dst, w.At.ReceivedAt-before.At.ReceivedAt)
			if flags&rowSameBlock == 0 {
				dst = append(dst, w.At.Arrival[:]...)
			} else {
				dst = binary.AppendUvarint(dst, uint64(w.At.Arrival.Ordinal()))
			}
		}
		dst = binary.AppendUvarint(dst, uint64(w.Stream))
		dst = binary.AppendUvarint(dst, uint64(len(w.Value)))
		dst = append(dst, w.Value...)
		before = *w
	}
	dst = binary.AppendUvarint(dst, uint64(len(r.Rewritten)))
	for i := range r.Rewritten {
		dst = append(dst, r.Rewritten[i][:]...)
	}
	return dst
}

func (d *decoder) rows(r *Record) {
	n := d.count(leastRow)
	if n > 0 {
		r.Rows = make([]Row, 0, min(n, 1024))
	}
	before := Row{At: event.Moment{Time: r.Time, ReceivedAt: r.Time}}
	for range n {
		w := before
		w.Value = nil
		flags := d.byte()
		if flags > knownRowFlags {
			d.fail("a row has flags that nobody sets")
		}
		if flags&rowSameStrand == 0 {
			copy(w.Strand[:], d.take(len(w.Strand)))
		}
		if flags&rowSameEvent == 0 {
			w.At.Time += d.varint()
			w.At.ReceivedAt += d.varint()
			if flags&rowSameBlock == 0 {
				w.At.Arrival, _ = event.ParseArrival(d.take(event.ArrivalBytes))
			} else if o := d.uvarint(); o <= event.MaxOrdinal {
				w.At.Arrival = before.At.Arrival.Block().At(int(o))
			} else {
				d.fail("a row is of no event")
			}
		}
		stream := d.uvarint()
		if stream > 1<<32-1 {
			d.fail("a row is of no stream")
		}
		w.Stream = uint32(stream)
		if v := d.string(); v != "" {
			w.Value = []byte(v)
		}
		if d.err != nil {
			return
		}
		r.Rows = append(r.Rows, w)
		before = w
	}
	if n := d.count(len(identity.Hash{})); n > 0 {
		r.Rewritten = make([]identity.Hash, n)
		for i := range r.Rewritten {
			copy(r.Rewritten[i][:], d.take(len(identity.Hash{})))
		}
	}
}

// take takes n bytes; none if there are fewer.
func (d *decoder) take(n int) []byte {
	if len(d.b)-d.at < n {
		d.fail("it is cut short")
		return nil
	}
	d.at += n
	return d.b[d.at-n : d.at]
}
