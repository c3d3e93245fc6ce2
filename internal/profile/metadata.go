package profile

// Identifier is an external ID of a profile with its first sighting.
type Identifier struct {
	Type, Value string
	FirstSeen   int64  // nanoseconds since 1970
	MessageID   string // the first event's
	Source      string // the first event's source ID
}

// Metadata says when and where a profile was first and last seen. Times are in
// nanoseconds since 1970.
type Metadata struct {
	CreatedAt, UpdatedAt          int64
	FirstMessageID, FirstSourceID string
	LastMessageID, LastSourceID   string
}

// Trait is a value that an identify or group call set. A nil Value is a removal
// (null), remembered with its time.
type Trait struct {
	Name      string
	Value     []byte // raw JSON as sent
	Time      int64  // of the event, nanoseconds since 1970
	MessageID string
	Source    string
}
