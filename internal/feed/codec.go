package feed

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/kv"
)

// A record is stored as
//
//	version(1) lane seq time events
//	blocks: n, and for each clock, less the one before, and lane, xor the record's
//	changes: n, and for each  kind(1) mask, then the fields that mask names
//	in version 3, rows: see appendRows
//
// Integers are varints, signed ones zigzagged; strings have their length before
// them. Most changes of a commit repeat the profile, the message, the source and
// nearly the time of the change before, so these are told by a bit or a difference.
const (
	recordVersion = 2
	rowsVersion   = 3 // of a record with rows, or with strands whose rows were rewritten
)

// The mask of a change: which fields follow, in this order.
const (
	hasProfile uint64 = 1 << iota
	hasVersion
	hasFrom
	hasIDType
	hasIDValue
	hasReason
	hasTrait
	hasValue
	hasTime      // difference from the last time told, first from the record's
	hasMessageID // with sameMessage and sameProfile nothing follows for the field
	sameProfile
	sameMessage
	hasSource // with sameSource nothing follows for the field
	sameSource
	knownFields = 1<<iota - 1
)

// Append appends the stored form of the record to dst and returns the result. A
// Value that is empty is stored as absent.
func (r *Record) Append(dst []byte) []byte {
	rows := len(r.Rows) > 0 || len(r.Rewritten) > 0
	if rows {
		dst = append(dst, rowsVersion)
	} else {
		dst = append(dst, recordVersion)
	}
	dst = binary.AppendUvarint(dst, r.Lane)
	dst = binary.AppendUvarint(dst, r.Seq)
	dst = binary.AppendVarint(dst, r.Time)
	dst = binary.AppendVarint(dst, int64(r.Events))
	dst = binary.AppendUvarint(dst, uint64(len(r.Blocks)))
	last := uint64(0)
	for _, b := range r.Blocks {
		dst = binary.AppendVarint(dst, int64(b.Clock()-last))
		dst = binary.AppendUvarint(dst, uint64(b.Lane()^uint32(r.Lane)))
		last = b.Clock()
	}
	dst = binary.AppendUvarint(dst, uint64(len(r.Changes)))
	before := Change{Time: r.Time}
	for i := range r.Changes {
		dst = r.Changes[i].append(dst, &before)
	}
	if rows {
		dst = r.appendRows(dst)
	}
	return dst
}

// append appends the stored form of a change. before holds the profile, the
// message, the source and the time that were told last; append keeps it so.
func (c *Change) append(dst []byte, before *Change) []byte {
	var mask uint64
	bit := func(on bool, m uint64) {
		if on {
			mask |= m
		}
	}
	switch {
	case c.Profile == "":
	case c.Profile == before.Profile:
		mask |= sameProfile
	default:
		mask |= hasProfile
		before.Profile = c.Profile
	}
	switch {
	case c.MessageID == "":
	case c.MessageID == before.MessageID:
		mask |= sameMessage
	default:
		mask |= hasMessageID
		before.MessageID = c.MessageID
	}
	switch {
	case c.Source == "":
	case c.Source == before.Source:
		mask |= sameSource
	default:
		mask |= hasSource
		before.Source = c.Source
	}
	bit(c.Version != 0, hasVersion)
	bit(c.From != "", hasFrom)
	bit(c.IDType != "", hasIDType)
	bit(c.IDValue != "", hasIDValue)
	bit(c.Reason != "", hasReason)
	bit(c.Trait != "", hasTrait)
	bit(len(c.Value) > 0, hasValue)
	bit(c.Time != 0, hasTime)

	dst = append(dst, byte(c.Kind))
	dst = binary.AppendUvarint(dst, mask)
	text := func(m uint64, s string) {
		if mask&m != 0 {
			dst = binary.AppendUvarint(dst, uint64(len(s)))
			dst = append(dst, s...)
		}
	}
	text(hasProfile, c.Profile)
	if mask&hasVersion != 0 {
		dst = binary.AppendUvarint(dst, c.Version)
	}
	text(hasFrom, c.From)
	text(hasIDType, c.IDType)
	text(hasIDValue, c.IDValue)
	text(hasReason, c.Reason)
	text(hasTrait, c.Trait)
	if mask&hasValue != 0 {
		dst = binary.AppendUvarint(dst, uint64(len(c.Value)))
		dst = append(dst, c.Value...)
	}
	if mask&hasTime != 0 {
		dst = binary.AppendVarint(dst, c.Time-before.Time)
		before.Time = c.Time
	}
	text(hasMessageID, c.MessageID)
	text(hasSource, c.Source)
	return dst
}

// Decode reads the stored form of a record. Text that is not whole is
// kv.ErrCorrupt, a version or a field that a newer Selfsame added is
// kv.ErrTooNew; a kind of change that is not known is kept as it is. The record
// shares no memory with b, but its strings share one copy of it.
func Decode(b []byte) (Record, error) { return decode(b, nil) }

// decode is Decode; with keep it leaves out the changes that are not wanted, and the rows.
func decode(b []byte, keep Keep) (Record, error) {
	d := decoder{b: b}
	version := d.byte()
	if v := version; v != recordVersion && v != rowsVersion && d.err == nil {
		if v > rowsVersion {
			return Record{}, fmt.Errorf("%w: version %d of a feed record", kv.ErrTooNew, v)
		}
		return Record{}, fmt.Errorf("%w: version %d of a feed record", kv.ErrCorrupt, v)
	}
	d.text = string(b)
	r := Record{Lane: d.uvarint(), Seq: d.uvarint(), Time: d.varint(), Events: int(d.varint())}
	if n := d.count(2); n > 0 {
		r.Blocks = make([]event.Block, n)
		clock := uint64(0)
		for i := range r.Blocks {
			clock += uint64(d.varint())
			lane := d.uvarint()
			if clock > event.MaxClock || lane > math.MaxUint32 {
				return Record{}, fmt.Errorf("%w: the number of a block in a feed record", kv.ErrCorrupt)
			}
			r.Blocks[i] = event.NewBlock(clock, uint32(lane)^uint32(r.Lane))
		}
	}
	if n := d.count(leastChange); n > 0 {
		if keep == nil {
			r.Changes = make([]Change, 0, min(n, 1024)) // in memory a change is many times what it says of itself
		}
		before := Change{Time: r.Time}
		for range n {
			c := d.change(&before)
			if d.err != nil {
				break
			}
			if keep == nil || keep(&r, &c) {
				r.Changes = append(r.Changes, c)
			}
		}
	}
	if version == rowsVersion && keep == nil {
		d.rows(&r)
	}
	if d.err == nil && d.at != len(b) && (version != rowsVersion || keep == nil) {
		d.fail("something follows it")
	}
	if d.err != nil {
		return Record{}, d.err
	}
	return r, nil
}

// leastChange is the fewest bytes that a change takes: its kind and mask.
const leastChange = 2

// decoder takes a record apart. After the first mistake err is set and
// everything reads as zero.
type decoder struct {
	b    []byte
	text string // b, for strings
	at   int
	err  error
}

func (d *decoder) fail(why string) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: feed record: %s", kv.ErrCorrupt, why)
	}
	d.at = len(d.b)
}

func (d *decoder) byte() byte {
	if d.at >= len(d.b) {
		d.fail("it is cut short")
		return 0
	}
	d.at++
	return d.b[d.at-1]
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b[d.at:])
	if n <= 0 {
		d.fail("a number is not whole")
		return 0
	}
	d.at += n
	return v
}

func (d *decoder) varint() int64 {
	v := d.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

// count reads the number of things that take at least size bytes each.
func (d *decoder) count(size int) int {
	n := d.uvarint()
	if n > uint64((len(d.b)-d.at)/size) {
		d.fail("it says that more follows than does")
		return 0
	}
	return int(n)
}

func (d *decoder) string() string {
	n := d.count(1)
	d.at += n
	if d.err != nil {
		return ""
	}
	return d.text[d.at-n : d.at]
}

func (d *decoder) change(before *Change) Change {
	c := Change{Kind: Kind(d.byte())}
	mask := d.uvarint()
	if mask > knownFields && d.err == nil {
		d.err = fmt.Errorf("%w: a field of a change in a feed record", kv.ErrTooNew)
	}
	switch {
	case mask&hasProfile != 0:
		before.Profile = d.string()
		c.Profile = before.Profile
	case mask&sameProfile != 0:
		c.Profile = before.Profile
	}
	if mask&hasVersion != 0 {
		c.Version = d.uvarint()
	}
	if mask&hasFrom != 0 {
		c.From = d.string()
	}
	if mask&hasIDType != 0 {
		c.IDType = d.string()
	}
	if mask&hasIDValue != 0 {
		c.IDValue = d.string()
	}
	if mask&hasReason != 0 {
		c.Reason = d.string()
	}
	if mask&hasTrait != 0 {
		c.Trait = d.string()
	}
	if mask&hasValue != 0 {
		c.Value = json.RawMessage(d.string())
	}
	if mask&hasTime != 0 {
		c.Time = before.Time + d.varint()
		before.Time = c.Time
	}
	switch {
	case mask&hasMessageID != 0:
		before.MessageID = d.string()
		c.MessageID = before.MessageID
	case mask&sameMessage != 0:
		c.MessageID = before.MessageID
	}
	switch {
	case mask&hasSource != 0:
		before.Source = d.string()
		c.Source = before.Source
	case mask&sameSource != 0:
		c.Source = before.Source
	}
	return c
}
