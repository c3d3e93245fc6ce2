package event

// Type is the kind of call.
type Type uint8

// The calls of the Segment spec.
const (
	Identify Type = iota + 1
	Track
	Page
	Screen
	Group
	Alias
)

// Device is what context.device says. Type is in lower case when it is ios or
// android in any case, else as sent.
type Device struct {
	ID, Type, AdvertisingID, Token string
	AdTrackingEnabled              bool
}

// ExternalID is one complete entry of context.externalIds (all four fields
// present, encoding "none"). Type is in lower case.
type ExternalID struct {
	ID, Type, Collection string
}

// Message is one parsed and valid call. Strings that are IDs are
// trimmed, and whole numbers are one ID however they are written; see IDText. The strings and slices may share memory
// with Body, which must not be changed while the Message lives.
type Message struct {
	Type      Type
	MessageID string // "" if the message has none: the caller gives it one, see Give
	// MessageIDGiven says that MessageID is not, word for word, what Body says:
	// whoever keeps Body keeps MessageID beside it.
	MessageIDGiven bool
	UserID         string
	// AnonymousID, GroupID and PreviousID are top-level fields of the call;
	// ContextGroupID is context.groupId.
	AnonymousID, GroupID, ContextGroupID, PreviousID string

	// Name is `event` of a track call and `name` of a page or screen call.
	Name string

	// Time is the event's own time in nanoseconds since 1970 (UTC), by the rule
	// of SEGMENT.md §2 ("Time of an event"). It is never after ReceivedAt, and
	// never before 1970.
	Time int64
	// ReceivedAt is when the server took the request, in the same unit.
	ReceivedAt int64
	// Sent is the batch's sentAt, by which Time was set right unless the message has
	// its own.
	Sent Sent
	// Unread says why the timestamp of a live message could not be read, with the
	// code TimestampUnread: Time is then ReceivedAt. It is nil of nearly all.
	Unread *Refusal

	Device        Device
	GAClientID    string // context.integrations["Google Analytics"].clientId
	CrossDomainID string // context.traits.crossDomainId
	BrazeID       string // context.Braze.braze_id
	App           string // context.app as a string, or context.app.name
	ExternalIDs   []ExternalID

	// TraitsEmail, ContextTraitsEmail and PropertiesEmail are the `email` of
	// traits, context.traits and properties, found on the way so that nobody
	// has to look for them again. Their case is as sent. Of a group call,
	// Traits (and so TraitsEmail) describe the account.
	TraitsEmail, ContextTraitsEmail, PropertiesEmail string

	// Traits, ContextTraits and Properties are the raw JSON objects of those
	// names, nil when absent or null. ForEach and Lookup read them.
	Traits, ContextTraits, Properties []byte

	// WriteKey is the top-level writeKey of the message, "" if it has none or
	// it is not a string. A message in a batch has its request's in Batch.
	WriteKey string

	// Body is the message exactly as it was sent, without what it inherits. It need not name its type
	// when the endpoint did, and never knows its time of receipt, so whoever
	// keeps it keeps Type, Time and ReceivedAt with it.
	Body []byte
	// Inherited is what stood beside the message in its request and belongs to
	// it; nil: nothing, or Body has it. All messages of a request share it.
	Inherited *Inherited
}

// At is the message's moment, once it has an arrival number.
func (m *Message) At(arrival Arrival) Moment { return Moment{m.Time, m.ReceivedAt, arrival} }
