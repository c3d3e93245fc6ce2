package profile

import "github.com/selfsame-id/selfsame/internal/event"

// Trait is a value that an identify or group call set. A nil Value is a removal
// (null), remembered with its time.
type Trait struct {
	Name         string
	Value        []byte // raw JSON as sent
	event.Moment        // of the event: of two settings the one of the later moment counts
	// MessageID and Source of the event are only for people.
	MessageID, Source string
}

// Removed says that the trait was set to null.
func (t Trait) Removed() bool { return len(t.Value) == 0 }
