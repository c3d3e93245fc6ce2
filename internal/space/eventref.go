package space

import "github.com/selfsame-id/selfsame/internal/space/codec"

// eventRef is where an event of a strand lies.
type eventRef struct {
	time    int64
	block   uint64
	ordinal int
}

func parseEventKey(key []byte) (eventRef, bool) {
	_, time, block, ordinal, ok := codec.Events.Parse(key)
	return eventRef{time, block, ordinal}, ok
}
