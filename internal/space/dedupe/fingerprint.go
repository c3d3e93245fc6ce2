package dedupe

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/space/journal"
)

// Seen says what a messageId tells about an event.
type Seen uint8

const (
	Unseen     Seen = iota // the messageId is new
	UsedBefore             // another message came before with this messageId
	Repeated               // the same message came before
)

// Fingerprint tells messages with one messageId apart: a message that is sent again has
// the same source, type, event name (of a track call) and external IDs. When it was
// sent, and what it says besides, may differ.
//
// Who follows from the rules at work, which say where IDs are found.
type Fingerprint struct{ What, Who uint32 }

const fingerprintBytes = 8

// FingerprintOf is the fingerprint of a message that a source sent; name is that of a
// track call. The header says whose it is.
func FingerprintOf(source, name string, h *journal.Head) Fingerprint {
	var b [128]byte
	text := append(append(b[:0], byte(h.Type)), source...)
	if h.Type == event.Track {
		text = append(append(text, 0), name...)
	}
	p := Fingerprint{What: uint32(xxhash.Sum64(text))}
	text = text[:0]
	if h.HasUser {
		text = append(append(text, 'u'), h.User[:]...)
	}
	if h.HasAccount {
		text = append(append(text, 'a'), h.Account[:]...)
	}
	p.Who = uint32(xxhash.Sum64(text))
	return p
}

// Append appends the stored form, of fingerprintBytes.
func (p Fingerprint) Append(b []byte) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, p.What), p.Who)
}

// ReadFingerprint reads what Append wrote.
func ReadFingerprint(b []byte) Fingerprint {
	return Fingerprint{binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])}
}

// Compare says what an event is whose messageId came before, at a time, with a
// message of another fingerprint. New rules may have found other IDs in the same message
// since then, so only what does not depend on rules counts for what is older than
// these.
func (p Fingerprint) Compare(before Fingerprint, came, rulesKnown int64) Seen {
	if p.What != before.What || p.Who != before.Who && rulesKnown < came {
		return UsedBefore
	}
	return Repeated
}
