package profile

import (
	"bytes"
	"cmp"
)

// Trait is a value that an identify or group call set. A nil Value is a removal
// (null), remembered with its time.
type Trait struct {
	Name      string
	Value     []byte // raw JSON as sent
	Time      int64  // of the event, nanoseconds since 1970
	MessageID string
	Source    string
	// Arrival is the event's place in the order of arrival, counted from 1,
	// where the rules say `order: arrival`. Under `order: person_first` it is 0:
	// there, when an event came must not show.
	Arrival uint64
}

// Removed says that the trait was set to null.
func (t Trait) Removed() bool { return len(t.Value) == 0 }

// compareAge orders settings of one trait by what was said last: by event time;
// of one time by arrival, where that counts; then by message ID (DESIGN.md §3,
// "Order"). Source and value only make the order total, for a message ID that
// came again after the dedupe window. Removal goes before any value.
func compareAge(a, b Trait) int {
	if c := cmp.Compare(a.Time, b.Time); c != 0 {
		return c
	}
	if c := cmp.Or(cmp.Compare(a.Arrival, b.Arrival), cmp.Compare(a.MessageID, b.MessageID), cmp.Compare(a.Source, b.Source)); c != 0 {
		return c
	}
	return bytes.Compare(a.Value, b.Value)
}
