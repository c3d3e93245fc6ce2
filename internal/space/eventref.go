package space

import (
	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// parseEventKey is the moment of an event in a strand's index.
func parseEventKey(key []byte) (event.Moment, bool) {
	_, at, ok := codec.Events.Parse(key)
	return at, ok
}
