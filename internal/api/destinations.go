package api

import (
	"encoding/json"
	"time"
)

// DestinationsChange is what applying a document changes, or would, of destinations.
type DestinationsChange struct {
	Added   []string `json:"added"`
	Changed []string `json:"changed"`
	Removed []string `json:"removed"` // with all that is kept of them
}

// Destination is where something is told.
type Destination struct {
	Key         string     `json:"key"`
	Type        string     `json:"type"`
	Name        string     `json:"name,omitempty"`
	Description string     `json:"description,omitempty"`
	State       string     `json:"state"` // working, starting, behind, stopped, disabled
	Stopped     string     `json:"stopped,omitempty"`
	StoppedAt   *time.Time `json:"stopped_at,omitempty"`
	Definition  string     `json:"definition"` // YAML, without secrets
	SetAt       *time.Time `json:"set_at,omitempty"`
	SetBy       string     `json:"set_by,omitempty"`
	// Queued messages wait; Oldest is when the oldest of them was made.
	Queued int64      `json:"queued"`
	Oldest *time.Time `json:"oldest,omitempty"`
	// DeadLetters are counted up to 10,000.
	DeadLetters   int64      `json:"dead_letters"`
	Delivered     int64      `json:"delivered"` // since it was made, as what follows
	Refused       int64      `json:"refused"`
	Dropped       int64      `json:"dropped"`
	Unknown       int64      `json:"unknown"`
	Replaced      int64      `json:"replaced"`
	Failures      int64      `json:"failures"` // tries that failed
	LastDelivered *time.Time `json:"last_delivered,omitempty"`
	LastFailed    *time.Time `json:"last_failed,omitempty"`
	LastReason    string     `json:"last_reason,omitempty"`
}

// DeliveryMessage is what a destination is told, or would be.
type DeliveryMessage struct {
	ID         string          `json:"id"`
	Type       string          `json:"type"` // audience_entered, trait_set, …
	Profile    string          `json:"profile,omitempty"`
	From       string          `json:"from,omitempty"`
	Identifier string          `json:"identifier,omitempty"` // type:value
	Key        string          `json:"key,omitempty"`
	Mail       string          `json:"mail,omitempty"`
	Value      json.RawMessage `json:"value,omitempty"`
	Event      json.RawMessage `json:"event,omitempty"`
	At         *time.Time      `json:"at,omitempty"` // since when it is so
}

// Delivery is a message that waits, or was not delivered.
type Delivery struct {
	Number  uint64          `json:"number"`
	State   string          `json:"state"` // queued; refused, dropped, unknown
	Message DeliveryMessage `json:"message"`
	Tries   int             `json:"tries"`
	Next    *time.Time      `json:"next,omitempty"`   // the next try
	Reason  string          `json:"reason,omitempty"` // why it was not delivered so far
	At      *time.Time      `json:"at,omitempty"`     // when it was given up
}

// DeliveryPreview is what would be sent.
type DeliveryPreview struct {
	Message  DeliveryMessage `json:"message"`
	To       string          `json:"to,omitempty"`
	Subject  string          `json:"subject,omitempty"`
	Body     string          `json:"body,omitempty"`
	HTML     string          `json:"html,omitempty"`
	Withheld string          `json:"withheld,omitempty"` // why it would not be sent now
}

// DeadLetterRequest names dead letters.
type DeadLetterRequest struct {
	Numbers []uint64 `json:"numbers"` // 1 to 1,000
}

// DestinationTest is what a test sends.
type DestinationTest struct {
	To      string `json:"to,omitempty"`      // where a test mail goes
	Profile string `json:"profile,omitempty"` // the profile's own ID whose traits it shows
	Mail    string `json:"mail,omitempty"`
}

// DestinationTested is what became of a test.
type DestinationTested struct {
	Delivered bool   `json:"delivered"`
	Reason    string `json:"reason,omitempty"`
}

// Suppression says why no mails go to an address.
type Suppression struct {
	Reason string     `json:"reason"` // unsubscribed, bounced
	At     *time.Time `json:"at,omitempty"`
	Detail string     `json:"detail,omitempty"`
}
