package space

import (
	"bytes"

	"github.com/selfsame-id/selfsame/internal/event"
)

// Of a refused message so much is kept: rejectBody of its body, into which one
// that is small enough to be accepted fits whole, and rejectText of what is
// copied from it beside that.
const (
	rejectBody = 64 << 10
	rejectText = 200
)

// NewReject completes the record of a message, or of a whole request, that is
// refused: known says why, whence and when; the body, the messageId and the type
// are read from raw, with which the record shares no memory. The type of a
// message is that of its endpoint where the record names one.
func NewReject(raw []byte, known Reject) Reject {
	r := known
	r.Body = bytes.Clone(raw[:min(len(raw), rejectBody)])
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
