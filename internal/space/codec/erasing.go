package codec

import "encoding/binary"

// Erasing says how far the erasure of a deleted space is, and who does it. Every
// portion requires the record unchanged and writes it anew, so that a process
// which lost it to another one erases nothing more.
type Erasing struct {
	Owner uint64 // a random number of the process
	Until int64  // when others may take over, nanoseconds since 1970
	Rows  int64  // erased so far
}

// Append appends the record.
func (e Erasing) Append(b []byte) []byte {
	b = binary.AppendUvarint(append(b, 1), e.Owner)
	return binary.AppendVarint(binary.AppendVarint(b, e.Until), e.Rows)
}

// DecodeErasing reads what Append appended.
func DecodeErasing(b []byte) (Erasing, error) {
	r := &Reader{Rest: b}
	r.Version(1)
	return Erasing{r.Uvarint(), r.Varint(), r.Varint()}, r.Err
}
