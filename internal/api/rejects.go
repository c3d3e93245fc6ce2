package api

import (
	"time"

	"github.com/selfsame-id/selfsame/internal/space/rejects"
)

// Reject is a refused message.
type Reject struct {
	rejects.Reject
	ReceivedAt *time.Time `json:"received_at"`
	LastAt     *time.Time `json:"last_at,omitempty"`     // of identical ones
	Body       string     `json:"body,omitempty"`        // as text, if it is text
	Binary     []byte     `json:"body_base64,omitempty"` // else
}

// Resent is what became of refused messages that were sent again.
type Resent struct {
	Resolved int            `json:"resolved"` // rejects that are gone now
	Stored   int            `json:"stored"`   // events that came of them
	Repeats  int            `json:"repeats"`
	Refused  int            `json:"refused"` // still, and kept
	Reasons  []StillRefused `json:"reasons,omitempty"`
}

// StillRefused is a message that was refused again.
type StillRefused struct {
	ID      string `json:"id"`
	Code    string `json:"code"`
	Message string `json:"message"`
}
