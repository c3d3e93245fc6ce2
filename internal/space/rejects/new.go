package rejects

import (
	"bytes"

	"github.com/selfsame-id/selfsame/internal/event"
)

// rejectText is how much is copied from a refused message beside its body, which
// is kept whole.
const rejectText = 200

// New completes the record of a message, or of a whole request, that is
// refused: known says why, whence and when; the body, the messageId and the type
// are read from raw, with which the record shares no memory. The type of a
// message is that of its endpoint where the record names one.
func New(raw []byte, known Reject) Reject {
	r := known
	r.Body = bytes.Clone(raw)
	if r.Code != string(event.BadJSON) {
		r.MessageID = shownText(raw, "messageId")
		r.Type = shownText(raw, "type")
	}
	if r.Endpoint != "" {
		r.Type = r.Endpoint
	}
	return r
}

// shownText reads a short string of a message.
func shownText(raw []byte, key string) string {
	s, _ := event.Text(event.Lookup(raw, key))
	if len(s) > rejectText {
		s = s[:rejectText]
	}
	return string(bytes.ToValidUTF8([]byte(s), []byte("?")))
}
