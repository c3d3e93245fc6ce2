package refused

import (
	"bytes"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/space"
)

// mostBody is how much of a body is kept. A message that is small enough to be
// accepted fits whole.
const mostBody = 64 << 10

// mostShown bounds what is copied from a refused message beside its body.
const mostShown = 200

// New makes the record of a message, or of a whole request, that err refuses.
// It shares no memory with raw.
func New(raw []byte, source, endpoint string, receivedAt int64, err error) space.Reject {
	p := answer.Of(err)
	r := space.Reject{
		Source: source, Endpoint: endpoint, ReceivedAt: receivedAt,
		Code: p.Code, Message: p.Message,
		Body: bytes.Clone(raw[:min(len(raw), mostBody)]),
	}
	if p.Code != string(event.BadJSON) {
		r.MessageID = text(raw, "messageId")
		r.Type = text(raw, "type")
	}
	if endpoint != "" {
		r.Type = endpoint
	}
	return r
}

// text reads a short string of a message.
func text(raw []byte, key string) string {
	s, _ := event.Text(event.Lookup(raw, key))
	if len(s) > mostShown {
		s = s[:mostShown]
	}
	return string(bytes.ToValidUTF8([]byte(s), []byte("?")))
}
