package codec

import "github.com/selfsame-id/selfsame/internal/event"

// EventMoment is the moment of an event in a strand's index, from its key.
func EventMoment(key []byte) (event.Moment, bool) {
	_, at, ok := Events.Parse(key)
	return at, ok
}
