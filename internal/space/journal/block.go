package journal

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Head is one event of a block, as the block's header says. The zero Head stands
// for an event that was erased, whose body is empty. A block is written without any,
// and only Rewrite puts them in; readers skip whatever body there is.
type Head struct {
	User, Account       identity.Hash // strands; zero without HasUser, HasAccount
	HasUser, HasAccount bool
	Time, ReceivedAt    int64 // nanoseconds since 1970
	Source              string
	Type                event.Type
	Name                uint32 // hash of the event's name, see NameHash
	MessageHash         uint64
	GivenID             string // messageId, where the body does not say it word for word; else ""
}

// stored is what was decided about the event.
func (e *Head) stored() event.Stored {
	return event.Stored{Type: e.Type, Time: e.Time, ReceivedAt: e.ReceivedAt, MessageID: e.GivenID}
}

// Moment is that of an event of a block.
func (e *Head) Moment(block event.Block, ordinal int) event.Moment {
	return event.Moment{Time: e.Time, ReceivedAt: e.ReceivedAt, Arrival: block.At(ordinal)}
}

// NameHash is the hash of an event's name by which a block says which events it has:
// 0 of no name.
func NameHash(name string) uint32 {
	if name == "" {
		return 0
	}
	return max(1, uint32(xxhash.Sum64String(name)))
}

// A header is stored as
//
//	version(1) checksum(8, little-endian) sources: n, then the texts
//	names: n, then the hashes(4, little-endian)
//	events: n, and for each mask(2, little-endian) and, as far as the mask says so,
//	  user strand(16) account strand(16) received source name time messageHash(8) givenID
//
// received is the difference from the event before, time the difference back from
// received: in milliseconds where these are whole, as they are for what SDKs send.
// The events of a block often have a user in common, one source, few names, and one
// time of receipt. The checksum (xxHash64) is that of all that follows it.
const (
	headerVersion = 3
	headerPrefix  = 1 + 8
)

// The mask of an event. An event without a type is no event, and its mask is 0.
const (
	headType       = 7 // the lowest three bits: event.Type
	headUser       = 1 << 3
	headSameUser   = 1 << 4 // that of the last event with a user
	headAccount    = 1 << 5
	headSameAcct   = 1 << 6
	headReceived   = 1 << 7 // received differs from the event before
	headSource     = 1 << 8 // source differs from the event before
	headMillis     = 1 << 9 // time's difference is in milliseconds
	headGivenID    = 1 << 10
	headName       = 1 << 11 // name differs from the event before
	headKnown      = 1<<12 - 1
	headMaskBytes  = 2
	headHashBytes  = 8
	nameHashBytes  = 4
	nanosPerMilli  = 1e6
	maxBlockEvents = event.MaxOrdinal + 1
)

// AppendHeader appends the header of a block to dst: at most maxBlockEvents
// events, in the order of their bodies.
func AppendHeader(dst []byte, events []Head) []byte {
	start := len(dst)
	dst = append(dst, headerVersion, 0, 0, 0, 0, 0, 0, 0, 0)
	sources := sourceTable(events)
	dst = binary.AppendUvarint(dst, uint64(len(sources)))
	for _, s := range sources {
		dst = codec.AppendText(dst, s)
	}
	names := nameTable(events)
	dst = binary.AppendUvarint(dst, uint64(len(names)))
	for _, n := range names {
		dst = binary.LittleEndian.AppendUint32(dst, n)
	}
	dst = binary.AppendUvarint(dst, uint64(len(events)))
	var user, account identity.Hash
	received, source, name := int64(0), "", uint32(0)
	for i := range events {
		e := &events[i]
		if e.Type == 0 {
			dst = append(dst, 0, 0)
			continue
		}
		mask := uint16(e.Type) & headType
		switch {
		case !e.HasUser:
		case e.User == user:
			mask |= headSameUser
		default:
			mask |= headUser
		}
		switch {
		case !e.HasAccount:
		case e.Account == account:
			mask |= headSameAcct
		default:
			mask |= headAccount
		}
		if e.ReceivedAt != received {
			mask |= headReceived
		}
		if e.Source != source {
			mask |= headSource
		}
		if e.Name != name {
			mask |= headName
		}
		back := e.ReceivedAt - e.Time
		if back%nanosPerMilli == 0 {
			mask |= headMillis
			back /= nanosPerMilli
		}
		if e.GivenID != "" {
			mask |= headGivenID
		}

		dst = binary.LittleEndian.AppendUint16(dst, mask)
		if mask&headUser != 0 {
			user = e.User
			dst = append(dst, user[:]...)
		}
		if mask&headAccount != 0 {
			account = e.Account
			dst = append(dst, account[:]...)
		}
		if mask&headReceived != 0 {
			dst = binary.AppendVarint(dst, e.ReceivedAt-received)
			received = e.ReceivedAt
		}
		if mask&headSource != 0 {
			source = e.Source
			dst = binary.AppendUvarint(dst, uint64(slices.Index(sources, source)))
		}
		if mask&headName != 0 {
			name = e.Name
			dst = binary.AppendUvarint(dst, uint64(slices.Index(names, name)))
		}
		dst = binary.AppendVarint(dst, back)
		dst = binary.LittleEndian.AppendUint64(dst, e.MessageHash)
		if mask&headGivenID != 0 {
			dst = codec.AppendText(dst, e.GivenID)
		}
	}
	binary.LittleEndian.PutUint64(dst[start+1:], xxhash.Sum64(dst[start+headerPrefix:]))
	return dst
}

// sourceTable lists the sources of events in the order in which they first
// occur. A block has few.
func sourceTable(events []Head) []string {
	var sources []string
	last := ""
	for i := range events {
		if e := &events[i]; e.Type != 0 && e.Source != last {
			last = e.Source
			if !slices.Contains(sources, last) {
				sources = append(sources, last)
			}
		}
	}
	return sources
}

// nameTable lists the names of events in the order in which they first occur.
func nameTable(events []Head) []uint32 {
	var names []uint32
	last := uint32(0)
	for i := range events {
		if e := &events[i]; e.Type != 0 && e.Name != last {
			last = e.Name
			if !slices.Contains(names, last) {
				names = append(names, last)
			}
		}
	}
	return names
}

// DecodeHeader reads the header of a block. Errors wrap kv.ErrCorrupt or
// codec.ErrTooNew. The events share no memory with b; events of one source share its
// text.
func DecodeHeader(b []byte) ([]Head, error) {
	switch {
	case len(b) == 0 || b[0] < headerVersion:
		return nil, fmt.Errorf("%w: no block header", kv.ErrCorrupt)
	case b[0] > headerVersion:
		return nil, fmt.Errorf("%w: block header version %d", codec.ErrTooNew, b[0])
	case len(b) < headerPrefix || xxhash.Sum64(b[headerPrefix:]) != binary.LittleEndian.Uint64(b[1:]):
		return nil, fmt.Errorf("%w: the checksum of a block header is wrong", kv.ErrCorrupt)
	}
	r := &codec.Reader{Rest: b[headerPrefix:]}
	sources := make([]string, r.Count(1))
	for i := range sources {
		sources[i] = r.Text()
	}
	names := make([]uint32, r.Count(nameHashBytes))
	for i := range names {
		names[i] = binary.LittleEndian.Uint32(r.Rest)
		r.Rest = r.Rest[nameHashBytes:]
	}
	n := r.Count(headMaskBytes)
	if r.Err == nil && n > maxBlockEvents {
		r.Err = fmt.Errorf("%w: a block header counts %d events", kv.ErrCorrupt, n)
	}
	if r.Err != nil {
		return nil, r.Err
	}
	events := make([]Head, n)
	var user, account identity.Hash
	received, source, name := int64(0), "", uint32(0)
	for i := range events {
		mask := uint16(r.Byte()) | uint16(r.Byte())<<8
		if mask == 0 {
			continue
		}
		if mask > headKnown || mask&headType == 0 || mask&headType > uint16(event.Alias) {
			return nil, fmt.Errorf("%w: a block header has the mask %#x", kv.ErrCorrupt, mask)
		}
		e := &events[i]
		e.Type = event.Type(mask & headType)
		if mask&headUser != 0 {
			user = r.Hash()
		}
		if e.HasUser = mask&(headUser|headSameUser) != 0; e.HasUser {
			e.User = user
		}
		if mask&headAccount != 0 {
			account = r.Hash()
		}
		if e.HasAccount = mask&(headAccount|headSameAcct) != 0; e.HasAccount {
			e.Account = account
		}
		if mask&headReceived != 0 {
			received += r.Varint()
		}
		if mask&headSource != 0 {
			k := r.Uvarint()
			if k >= uint64(len(sources)) {
				r.Fail()
				return nil, r.Err
			}
			source = sources[k]
		}
		if mask&headName != 0 {
			k := r.Uvarint()
			if k >= uint64(len(names)) {
				r.Fail()
				return nil, r.Err
			}
			name = names[k]
		}
		back := r.Varint()
		if mask&headMillis != 0 {
			back *= nanosPerMilli
		}
		e.ReceivedAt, e.Source, e.Name, e.Time = received, source, name, received-back
		if len(r.Rest) < headHashBytes {
			r.Fail()
			return nil, r.Err
		}
		e.MessageHash = binary.LittleEndian.Uint64(r.Rest)
		r.Rest = r.Rest[headHashBytes:]
		if mask&headGivenID != 0 {
			e.GivenID = r.Text()
		}
		if r.Err != nil {
			return nil, r.Err
		}
	}
	if len(r.Rest) > 0 {
		return nil, fmt.Errorf("%w: something follows a block header", kv.ErrCorrupt)
	}
	return events, r.Err
}
