package space

import (
	"fmt"
	"strings"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/space/dedupe"
	"github.com/selfsame-id/selfsame/internal/space/journal"
	"github.com/selfsame-id/selfsame/internal/space/rejects"
	"github.com/selfsame-id/selfsame/internal/space/tx"
)

// Fingerprint is the fingerprint of an event that came from a source.
func (e *prepared) Fingerprint() dedupe.Fingerprint {
	return dedupe.FingerprintOf(e.source, e.msg.Name, &journal.Head{
		Type: e.msg.Type,
		User: e.users.hash, HasUser: len(e.users.ids) > 0,
		Account: e.account.hash, HasAccount: len(e.account.ids) > 0,
	})
}

// MessageID is the messageId of an event and its hash.
func (e *prepared) MessageID() (id string, hash uint64) { return e.id, e.hash }

// rulesKnown is the time, in nanoseconds since 1970, after which all that came was
// looked at by the rules at work.
func (s *Space) rulesKnown() int64 {
	return tx.RulesKnown(s.version.Load().SetAt, !s.store.Exclusive())
}

// rejectUsed makes the reject of an event whose messageId another one had before.
func (e *prepared) rejectUsed() *rejects.Reject {
	body := e.msg.Body
	if e.msg.Inherited != nil {
		body = e.msg.AppendBody(nil)
	}
	return &rejects.Reject{
		Source: e.source, Code: string(event.IDUsed), ReceivedAt: e.msg.ReceivedAt, Sent: e.msg.Sent,
		MessageID: strings.Clone(e.id), Type: e.msg.Type.String(), Endpoint: e.msg.Type.String(), Body: body,
		Message: fmt.Sprintf("another event, with a different source, type, name or person, already had the messageId %.100q; give each event its own ID. When this one is sent again from here, it gets a new ID", e.id),
	}
}
