package computed

import (
	"encoding/binary"
	"slices"

	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// State is what was told of a profile.
type State struct {
	// Timer is when the profile is to be evaluated again although no event comes, in
	// nanoseconds since 1970; 0: never. It may be early.
	Timer int64
	// Strands is the sum of those that the values were made of, see sumOf; 0: it is not
	// known, or there were none.
	Strands uint64
	// Values are sorted by number. A computed trait without a value, and an audience
	// that the profile is not in, are not there.
	Values []Value
}

// Value is the value of one definition for one profile.
type Value struct {
	Definition uint32 // its number
	Since      int64  // the event time that made it so, in nanoseconds since 1970
	JSON       []byte // of a computed trait; empty: the profile is in the audience
}

// stateVersion 2 added Strands.
const stateVersion = 2

// Append appends the stored form of the state to dst.
func (s *State) Append(dst []byte) []byte {
	dst = append(dst, stateVersion)
	dst = binary.AppendVarint(dst, s.Timer)
	dst = binary.AppendUvarint(dst, uint64(len(s.Values)))
	last, since := uint32(0), int64(0)
	for i := range s.Values {
		v := &s.Values[i]
		dst = binary.AppendUvarint(dst, uint64(v.Definition-last))
		dst = binary.AppendVarint(dst, v.Since-since)
		dst = binary.AppendUvarint(dst, uint64(len(v.JSON)))
		dst = append(dst, v.JSON...)
		last, since = v.Definition, v.Since
	}
	return binary.AppendUvarint(dst, s.Strands)
}

// DecodeState reads what Append appended; nothing is the empty state. Errors are those
// of codec.Reader. The state shares no memory with b.
func DecodeState(b []byte) (State, error) {
	var s State
	if len(b) == 0 {
		return s, nil
	}
	r := &codec.Reader{Rest: b}
	version := r.Version(stateVersion)
	s.Timer = r.Varint()
	s.Values = make([]Value, r.Count(3))
	last, since := uint32(0), int64(0)
	for i := range s.Values {
		last += uint32(r.Uvarint())
		since += r.Varint()
		v := Value{Definition: last, Since: since}
		if text := r.Text(); text != "" {
			v.JSON = []byte(text)
		}
		s.Values[i] = v
	}
	if version > 1 {
		s.Strands = r.Uvarint()
	}
	return s, r.Err
}

// sumOf is a sum over strands, the same in any order. Their hashes are keyed, so that
// nobody can choose others with the same sum.
func sumOf(strands []*codec.Strand) (sum uint64) {
	for _, st := range strands {
		sum += binary.BigEndian.Uint64(st.Hash[:])
	}
	return sum
}

// empty reports whether nothing has to be remembered.
func (s *State) empty() bool { return s.Timer == 0 && len(s.Values) == 0 }

// get returns the value of a definition.
func (s *State) get(definition uint32) (Value, bool) {
	i, ok := slices.BinarySearchFunc(s.Values, definition, func(v Value, d uint32) int { return int(int64(v.Definition) - int64(d)) })
	if !ok {
		return Value{}, false
	}
	return s.Values[i], true
}
