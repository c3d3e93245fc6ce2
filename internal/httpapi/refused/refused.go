package refused

import (
	"strings"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/space/rejects"
)

// New makes the record of a message, or of a whole request, that err refuses.
// It shares no memory with raw.
func New(raw []byte, source, endpoint string, receivedAt int64, err error) rejects.Reject {
	p := answer.Of(err)
	return rejects.New(raw, rejects.Reject{
		Source: source, Endpoint: endpoint, ReceivedAt: receivedAt, Code: p.Code, Message: p.Message,
	})
}

// Note makes the record of what people should hear about a message that was
// taken: its timestamp could not be read. It has no body, so that all of one
// source's are counted in one record, with the reason of the first.
func Note(m *event.Message, endpoint string) rejects.Reject {
	return rejects.Reject{
		Endpoint: endpoint, ReceivedAt: m.ReceivedAt, Code: string(m.Unread.Code), Message: m.Unread.Reason,
		MessageID: strings.Clone(m.MessageID), Type: m.Type.String(),
	}
}
