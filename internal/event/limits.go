package event

// Limits bounds what one request and one message may be. A field that is zero
// or negative stands for its value in DefaultLimits; byte limits above 1 GiB
// stand for 1 GiB.
type Limits struct {
	MessageBytes  int // of one message, as sent
	BatchBytes    int // of a whole request body, unpacked
	BatchMessages int // messages in one request
	MessageID     int // Unicode characters of a messageId
	Depth         int // objects and arrays inside one another, in one message
}

// DefaultLimits are the sizes of SEGMENT.md §2. The depth is ours: real
// messages are less than ten deep.
var DefaultLimits = Limits{
	MessageBytes:  32 << 10,
	BatchBytes:    500 << 10,
	BatchMessages: 2500,
	MessageID:     100,
	Depth:         100,
}

// orDefault puts the default in the place of every limit that is not given.
func (l Limits) orDefault() Limits {
	pick := func(given, std int) int {
		if given > 0 {
			return given
		}
		return std
	}
	return Limits{
		// Places in a text are kept as int32.
		MessageBytes:  min(pick(l.MessageBytes, DefaultLimits.MessageBytes), 1<<30),
		BatchBytes:    min(pick(l.BatchBytes, DefaultLimits.BatchBytes), 1<<30),
		BatchMessages: pick(l.BatchMessages, DefaultLimits.BatchMessages),
		MessageID:     pick(l.MessageID, DefaultLimits.MessageID),
		Depth:         pick(l.Depth, DefaultLimits.Depth),
	}
}
