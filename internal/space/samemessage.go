package space

import (
	"fmt"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/space/dedupe"
	"github.com/selfsame-id/selfsame/internal/space/journal"
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
