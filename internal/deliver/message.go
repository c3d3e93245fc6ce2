package deliver

import (
	"context"
	"encoding/json"
	"time"
)

// Class says what a key is.
type Class string

// The classes of keys.
const (
	Trait    Class = "trait"    // a computed trait
	Audience Class = "audience" // its only value is true
)

// What says what a message tells.
type What string

// What messages tell.
const (
	Entered      What = "audience_entered"
	Exited       What = "audience_exited"
	TraitSet     What = "trait_set"
	TraitRemoved What = "trait_removed"
	Merged       What = "profiles_merged"   // From is one profile with Profile now
	Unmerged     What = "profiles_unmerged" // Profile was split off from From
	Event        What = "event"             // an event of Profile came
)

// Identifier is an external ID of a profile.
type Identifier struct {
	Type  string `json:"type"`
	Value string `json:"id"`
}

// Message is one thing that a destination is told. Its JSON is how it lies in the
// queue; what goes out is made of it by the kind.
type Message struct {
	// ID names the message. It is the same on every try, so that who is told twice,
	// because an answer was lost, can know.
	ID      string `json:"id"`
	What    What   `json:"what"`
	Profile string `json:"profile"`        // use_… or acc_…, as of when the message was made; "": of none any more
	From    string `json:"from,omitempty"` // the other profile of a merge or unmerge

	// Of audiences and traits.
	Identifier Identifier      `json:"identifier,omitzero"` // who is told about
	Key        string          `json:"key,omitempty"`
	Class      Class           `json:"class,omitempty"`
	Value      json.RawMessage `json:"value,omitempty"`  // nil: removed, or exited
	Before     json.RawMessage `json:"before,omitempty"` // what was said before; nil: nothing

	Event json.RawMessage `json:"event,omitempty"` // as sent, with its time and messageId

	At     int64 `json:"at"`     // since when it is so, by the event that made it so, ns since 1970
	Queued int64 `json:"queued"` // when the message was made, ns since 1970
	// NotBefore is when it is sent at the earliest; 0: at once.
	NotBefore int64 `json:"not_before,omitempty"`
	// Mail names the mail of a destination that has several for one audience.
	Mail string `json:"mail,omitempty"`
}

// IsValue reports whether a message tells the value of a key, of which only the
// newest counts.
func (m *Message) IsValue() bool { return m.Key != "" }

// Result is what became of a try.
type Result uint8

// The results of a try.
const (
	Delivered Result = iota + 1
	// Retry: it was not taken, or nobody knows; it is tried again after a pause.
	Retry
	// Refused: the destination does not want this message, whenever it is tried. It
	// becomes a dead letter.
	Refused
	// Disabled: the destination wants nothing any more (410), or does not know us any
	// more (401, 403). Nothing is sent until people enable it again.
	Disabled
	// Dropped: it does not have to be sent any more, or must not be: somebody left the
	// audience in time, or has unsubscribed. It is listed.
	Dropped
	// Unknown: it may have been delivered, and must not be sent twice. It is listed for
	// people to decide.
	Unknown
	// Later: it is not due yet; it was not tried.
	Later
)

// Outcome says what became of one message of a try.
type Outcome struct {
	Result Result
	// Reason says why in words for people; nothing personal, no secret.
	Reason string
	// After is how long the destination wants to be left alone (Retry), or how long
	// the message waits (Later). 0: it did not say.
	After time.Duration
	// Trouble means that the failure says something about the destination and not
	// about this message: after some of them it is left alone for a while.
	Trouble bool
	// NotTaken means that the message was certainly not taken (Retry): something newer may
	// go in its place. Of what is delivered at most once, Retry always means that.
	NotTaken bool
	// Bounced is an address that the receiving server refused for good; "": none.
	Bounced string
}

// Sender speaks to one destination. Its methods may be called from many goroutines
// at once.
type Sender interface {
	// Send tries messages and says of each what became of it. There are at most as
	// many as Limits.Batch says, in the order of their lanes. ctx ends when the
	// process does: what was tried then is not known.
	Send(ctx context.Context, batch []Message) []Outcome
	// Close releases connections. Nothing is sent after it.
	Close() error
}

// Limits says how a Sender wants its messages.
type Limits struct {
	Batch   int // most messages of one try
	Workers int // most tries at once
	// AtMostOnce: a message is never tried again by itself once a try may have
	// reached the destination.
	AtMostOnce bool
	// PerPerson: a person is told once, however many identifiers he has, and not
	// about leaving.
	PerPerson bool
	// Gather is how long messages wait for others to fill a batch.
	Gather time.Duration
	// Hour is how many messages may be delivered in an hour; 0: any number.
	Hour int
}
