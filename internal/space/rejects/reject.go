package rejects

import (
	"errors"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/space/tx"
)

// Reject is a message that was refused, kept with its reason.
type Reject struct {
	ID         string     `json:"id"` // given by the space
	Source     string     `json:"source"`
	Code       string     `json:"code"`    // event.Refusal's code
	Message    string     `json:"message"` // what was wrong, where, what to do
	ReceivedAt int64      `json:"-"`       // nanoseconds since 1970
	Sent       event.Sent `json:"-"`       // when its batch was sent, to set its time right when it is sent again
	MessageID  string     `json:"message_id,omitempty"`
	Type       string     `json:"type,omitempty"`
	Endpoint   string     `json:"endpoint,omitempty"` // the call implied by the URL ("" for batch)
	Count      int64      `json:"count"`              // identical ones, within an hour of the first; 0 is meant as 1
	LastAt     int64      `json:"-"`                  // when the last of them came, nanoseconds since 1970
	Body       []byte     `json:"-"`                  // as sent, whole; lists leave it out
	packed     []byte     // the body as it is stored, if that was made ahead
}

// Query narrows a list of rejects. The newest come first.
type Query struct {
	Source, Code string
	Limit        int // 1 to 1000
	Next         string
	Bodies       bool // with their bodies
}

// Page is a page of rejects; Next is "" on the last.
type Page struct {
	Rejects []Reject
	Next    string
}

// Count counts the rejects that are kept.
type Count struct {
	Source   string `json:"source"`
	Code     string `json:"code"`
	Count    int64  `json:"count"`    // records; identical messages share one
	Messages int64  `json:"messages"` // that they stand for
}

// Errors. Those of the store come through wrapped.
var (
	// ErrNotFound: no such reject is kept.
	ErrNotFound = tx.ErrNotFound
	// ErrBadCursor: a page token is not one of ours.
	ErrBadCursor = errors.New("not a valid page token")
)
