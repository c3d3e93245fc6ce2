package profile

import (
	"bytes"
	"slices"
	"strings"

	"github.com/selfsame-id/selfsame/internal/event"
)

// UserTraits returns the traits that a message sets on its user: the top-level
// members of an identify call's traits. No other call sets any, whatever it
// carries: context.traits only tells who the user is.
//
// arrival is the event's arrival number; m.MessageID must be set. A member that is there twice counts
// once, with its last value. Names and values share memory with m.Body.
func UserTraits(m *event.Message, source string, arrival event.Arrival) []Trait {
	if m.Type != event.Identify {
		return nil
	}
	return traitsOf(m, source, arrival)
}

// AccountTraits returns the traits that a message sets on its account: the
// top-level members of a group call's traits. See UserTraits.
func AccountTraits(m *event.Message, source string, arrival event.Arrival) []Trait {
	if m.Type != event.Group {
		return nil
	}
	return traitsOf(m, source, arrival)
}

func traitsOf(m *event.Message, source string, arrival event.Arrival) []Trait {
	var out []Trait
	event.ForEach(m.Traits, func(name string, value []byte) bool {
		if bytes.Equal(value, []byte("null")) {
			value = nil
		}
		out = append(out, Trait{Name: name, Value: value, Moment: m.At(arrival), MessageID: m.MessageID, Source: source})
		return true
	})
	// The sort is stable, so the last of equal names ends its run.
	slices.SortStableFunc(out, func(a, b Trait) int { return strings.Compare(a.Name, b.Name) })
	kept := out[:0]
	for i, t := range out {
		if i+1 == len(out) || out[i+1].Name != t.Name {
			kept = append(kept, t)
		}
	}
	return kept
}
