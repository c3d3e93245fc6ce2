package space

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/space/journal"
)

// seen says what a messageId tells about an event.
type seen uint8

const (
	unseen     seen = iota // the messageId is new
	usedBefore             // another message came before with this messageId
	repeated               // the same message came before
)

// fingerprint tells messages with one messageId apart: a message that is sent again has
// the same source, type, event name (of a track call) and external IDs. When it was
// sent, and what it says besides, may differ.
//
// who follows from the rules at work, which say where IDs are found.
type fingerprint struct{ what, who uint32 }

const fingerprintBytes = 8

func fingerprintOf(source, name string, h *journal.Head) fingerprint {
	var b [128]byte
	text := append(append(b[:0], byte(h.Type)), source...)
	if h.Type == event.Track {
		text = append(append(text, 0), name...)
	}
	p := fingerprint{what: uint32(xxhash.Sum64(text))}
	text = text[:0]
	if h.HasUser {
		text = append(append(text, 'u'), h.User[:]...)
	}
	if h.HasAccount {
		text = append(append(text, 'a'), h.Account[:]...)
	}
	p.who = uint32(xxhash.Sum64(text))
	return p
}

// fingerprint is the fingerprint of an event that came from a source.
func (e *prepared) fingerprint() fingerprint {
	return fingerprintOf(e.source, e.msg.Name, &journal.Head{
		Type: e.msg.Type,
		User: e.users.hash, HasUser: len(e.users.ids) > 0,
		Account: e.account.hash, HasAccount: len(e.account.ids) > 0,
	})
}

func (p fingerprint) append(b []byte) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, p.what), p.who)
}

func readFingerprint(b []byte) fingerprint {
	return fingerprint{binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])}
}

// rulesSlack is how far the clocks of nodes may be apart, with the time that a
// change of rules takes to reach all of them.
const rulesSlack = 10 * time.Second

// rulesKnown is the time, in nanoseconds since 1970, after which all that came was
// looked at by the rules at work.
func (s *Space) rulesKnown() int64 { return rulesKnown(s.version.Load().SetAt, !s.store.Exclusive()) }

func (d *View) rulesKnown() int64 { return rulesKnown(d.rulesSince, d.read != nil) }

func rulesKnown(setAt int64, shared bool) int64 {
	if shared {
		setAt += int64(rulesSlack)
	}
	return setAt
}

// compare says what an event is whose messageId came before, at a time, with a
// message of another fingerprint. New rules may have found other IDs in the same message
// since then, so only what does not depend on rules counts for what is older than
// these.
func (p fingerprint) compare(before fingerprint, came, rulesKnown int64) seen {
	if p.what != before.what || p.who != before.who && rulesKnown < came {
		return usedBefore
	}
	return repeated
}

// rejectUsed makes the reject of an event whose messageId another one had before.
func (e *prepared) rejectUsed() *Reject {
	body := e.msg.Body
	if e.msg.Inherited != nil {
		body = e.msg.AppendBody(nil)
	}
	return &Reject{
		Source: e.source, Code: string(event.IDUsed), ReceivedAt: e.msg.ReceivedAt, Sent: e.msg.Sent,
		MessageID: strings.Clone(e.id), Type: e.msg.Type.String(), Endpoint: e.msg.Type.String(), Body: body,
		Message: fmt.Sprintf("another event, with a different source, type, name or person, already had the messageId %.100q; give each event its own ID. When this one is sent again from here, it gets a new ID", e.id),
	}
}
