package refused

import (
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/space"
)

// New makes the record of a message, or of a whole request, that err refuses.
// It shares no memory with raw.
func New(raw []byte, source, endpoint string, receivedAt int64, err error) space.Reject {
	p := answer.Of(err)
	return space.NewReject(raw, space.Reject{
		Source: source, Endpoint: endpoint, ReceivedAt: receivedAt, Code: p.Code, Message: p.Message,
	})
}
