package event

import "unicode/utf8"

// Envelope is what the server knows about a message that the message does not
// say itself.
type Envelope struct {
	// ReceivedAt is when the request came, in nanoseconds since 1970.
	ReceivedAt int64
	// SentAt is the batch's sentAt, in the same unit, 0 when unknown. A
	// message's own sentAt goes before it.
	SentAt  int64
	sentOdd instant // Batch.sentOdd
	// Type is the call that the endpoint stands for (/v1/track and so on), 0 on
	// the batch endpoints. It goes before the message's own `type`, which is
	// then not looked at: in the spec the endpoint is what says which call this
	// is, and the field only repeats it.
	Type Type
	// OwnReceipt lets the message's own `receivedAt`, if it is a time and not
	// after ReceivedAt, stand in for ReceivedAt in the time rule and in
	// Message.ReceivedAt. It is for importing an archive of what another
	// server received; a client's word for it counts for nothing.
	OwnReceipt bool
	// Live says that somebody waits for the answer: the message is of now, and one
	// whose timestamp cannot be read is taken with the time of its receipt
	// (Message.Unread). Of a file, which holds history, it is refused.
	Live bool

	// Room, if it is set, is asked by Read before it takes that many more bytes
	// of memory; when it says no, Read ends with ErrNoRoom.
	Room func(bytes int) bool

	Limits Limits
}

// Parse reads one message and checks it whole: the grammar (RFC 8259), UTF-8,
// depth, sizes, and the fields that the call needs (SEGMENT.md §2). An error is
// always a *Refusal. raw is not changed, and the Message shares its memory: the
// caller must not change raw as long as anything of the Message lives, and
// clones a string that is to outlive it by far.
//
// Where a key is there twice the last one counts, as in encoding/json. A field
// that is null, or a string of nothing that can be seen, counts as absent. A wrong JSON
// type refuses the message where the field decides whom or what it is about
// (userId, anonymousId, messageId; event of a track, groupId of a group,
// previousId of an alias call; traits of identify and group, properties of
// track, page and screen); anywhere else, all of context included, the field is
// taken as absent. An empty array for an object is what PHP makes of an empty
// map, and is always taken as absent.
//
// The message must have at least one external ID of SEGMENT.md §1, anywhere the
// table says: userId, anonymousId, an email, a device ID with its type, a
// complete entry of context.externalIds, a group ID and so on. Values under a
// custom type's key are known only to a space's rules and do not count here.
func Parse(raw []byte, env Envelope) (Message, error) {
	lim := env.Limits.orDefault()
	if len(raw) > lim.MessageBytes {
		return Message{}, refuse(TooLarge, "", "the message has %d bytes, the limit is %d; send large content elsewhere and refer to it", len(raw), lim.MessageBytes)
	}
	p := parser{scanner: scanner{b: raw, depth: lim.Depth}}
	if r := p.message(); r != nil {
		return Message{}, r
	}
	m := Message{Body: raw}
	if r := p.interpret(&m, env, lim); r != nil {
		return Message{}, r
	}
	if r := p.times(p.stamps, &m, env); r != nil {
		return Message{}, r
	}
	return m, nil
}

// span is where a value lies in the text; a zero span is no value, as nothing
// inside an object starts at its first byte.
type span struct{ from, to int32 }

// parser is a scanner that notes on its way where the fields are. They are
// read only after the whole text is known to be valid and which of two equal
// keys is the last.
type parser struct {
	scanner

	typ, messageID, userID, anonymousID, groupID, previousID span
	event, name, traits, properties, writeKey                span
	traitsEmail, propertiesEmail                             span

	stamps  stamps
	context contextSpans
}

// message reads the text from end to end.
func (p *parser) message() *Refusal {
	i := p.space(0)
	if i >= len(p.b) || p.b[i] != '{' {
		// Say first whether it is JSON at all.
		if i = p.skip(i, 0); i >= 0 {
			i = p.end(i)
		}
		if i < 0 {
			return p.refusal("the message")
		}
		return refuse(NotObject, "", "the message is %s; send a JSON object with type, userId or anonymousId, and so on", kindOf(p.b[p.space(0):]))
	}
	if i = p.top(i); i >= 0 {
		i = p.end(i)
	}
	if i < 0 {
		return p.refusal("the message")
	}
	return nil
}

// end checks that only white space follows.
func (s *scanner) end(i int) int {
	if i = s.space(i); i < len(s.b) {
		return s.fail(i, "the end of the text")
	}
	return i
}

// top reads the message's object, which opens at i.
func (p *parser) top(i int) int {
	i++
	for first := true; ; first = false {
		key, at, done := p.member(i, first)
		if done || at < 0 {
			return at
		}
		var field *span
		switch key {
		case "context":
			p.stamps.context = !p.opens(at, 'n')
			p.context = contextSpans{}
			i = p.readContext(at)
			if i < 0 {
				return -1
			}
			continue
		case "traits":
			p.traitsEmail = span{}
			if i = p.objectWith(at, 1, "email", &p.traitsEmail); i < 0 {
				return -1
			}
			p.traits = span{int32(at), int32(i)}
			continue
		case "properties":
			p.propertiesEmail = span{}
			if i = p.objectWith(at, 1, "email", &p.propertiesEmail); i < 0 {
				return -1
			}
			p.properties = span{int32(at), int32(i)}
			continue
		case "integrations":
			p.stamps.integrations = !p.opens(at, 'n')
		case "type":
			field = &p.typ
		case "messageId":
			field = &p.messageID
		case "userId":
			field = &p.userID
		case "anonymousId":
			field = &p.anonymousID
		case "groupId":
			field = &p.groupID
		case "previousId":
			field = &p.previousID
		case "event":
			field = &p.event
		case "name":
			field = &p.name
		case "writeKey":
			field = &p.writeKey
		case "timestamp":
			field = &p.stamps.timestamp
		case "originalTimestamp":
			field = &p.stamps.originalTimestamp
		case "sentAt":
			field = &p.stamps.sentAt
		case "receivedAt":
			field = &p.stamps.receivedAt
		}
		if i = p.skip(at, 1); i < 0 {
			return -1
		}
		if field != nil {
			*field = span{int32(at), int32(i)}
		}
	}
}

// objectWith reads any value and, when it is an object, notes where the value
// of one of its keys is.
func (p *parser) objectWith(i, outer int, want string, found *span) int {
	if !p.opens(i, '{') {
		return p.skip(i, outer)
	}
	if i = p.enter(i, outer); i < 0 {
		return -1
	}
	for first := true; ; first = false {
		key, at, done := p.member(i, first)
		if done || at < 0 {
			return at
		}
		if i = p.skip(at, outer+1); i < 0 {
			return -1
		}
		if key == want {
			*found = span{int32(at), int32(i)}
		}
	}
}

func (s *scanner) opens(i int, c byte) bool { return i < len(s.b) && s.b[i] == c }

// enter steps into an object or array that opens at i inside outer others.
func (s *scanner) enter(i, outer int) int {
	if outer+1 > s.depth {
		s.fault = fault{TooDeep, i, ""}
		return -1
	}
	return i + 1
}

// interpret turns the spans of a well-formed message into its fields, all but
// Body and the times.
func (p *parser) interpret(m *Message, env Envelope, lim Limits) *Refusal {
	var r *Refusal
	if m.Type, r = p.callType(env.Type); r != nil {
		return r
	}
	if m.MessageID, r = p.idOf(p.messageID, "messageId"); r != nil {
		return r
	}
	if len(m.MessageID) > lim.MessageID && utf8.RuneCountInString(m.MessageID) > lim.MessageID {
		return refuse(BadMessageID, "messageId", "messageId has %d characters, the limit is %d; use a UUID, or leave it out and one is assigned",
			utf8.RuneCountInString(m.MessageID), lim.MessageID)
	}
	if m.MessageID != "" {
		said, _ := Text(p.bytes(p.messageID))
		m.MessageIDGiven = said != m.MessageID
	}
	if m.UserID, r = p.idOf(p.userID, "userId"); r != nil {
		return r
	}
	if m.AnonymousID, r = p.idOf(p.anonymousID, "anonymousId"); r != nil {
		return r
	}
	m.WriteKey = p.loose(p.writeKey)
	p.interpretContext(m)
	if r = p.callFields(m); r != nil {
		return r
	}
	if !hasExternalID(m) {
		return refuse(MissingID, "userId", "nothing says who this %s call is about; send userId or anonymousId (or another external ID, in context)", m.Type)
	}
	return nil
}

// callType decides which call the message is.
func (p *parser) callType(implied Type) (Type, *Refusal) {
	if implied != 0 {
		return implied, nil
	}
	name, r := p.textOf(p.typ, "type")
	if r != nil {
		return 0, r
	}
	if name == "" {
		return 0, refuse(MissingType, "type", "type is missing; send one of identify, track, page, screen, group, alias")
	}
	t := TypeOf(name)
	if t == 0 {
		return 0, refuse(UnknownType, "type", "type is %s; send one of identify, track, page, screen, group, alias", quoteShort(name))
	}
	return t, nil
}

// callFields reads what is particular to the type of call.
func (p *parser) callFields(m *Message) (r *Refusal) {
	// What a call has no use for is read all the same, if it makes sense.
	m.GroupID, m.PreviousID = p.looseID(p.groupID), p.looseID(p.previousID)
	m.Traits, m.Properties = p.object(p.traits), p.object(p.properties)
	if m.Traits != nil {
		m.TraitsEmail = p.looseID(p.traitsEmail)
	}
	if m.Properties != nil {
		m.PropertiesEmail = p.looseID(p.propertiesEmail)
	}
	switch m.Type {
	case Identify:
		return p.needObject(p.traits, "traits")
	case Track:
		if m.Name, r = p.textOf(p.event, "event"); r != nil {
			return r
		}
		if m.Name == "" {
			return refuse(MissingEvent, "event", "a track call without event; send the name of what happened in event")
		}
		return p.needObject(p.properties, "properties")
	case Page, Screen:
		m.Name = p.loose(p.name)
		return p.needObject(p.properties, "properties")
	case Group:
		if m.GroupID, r = p.idOf(p.groupID, "groupId"); r != nil {
			return r
		}
		if m.GroupID == "" {
			return refuse(MissingGroupID, "groupId", "a group call without groupId; send the account's ID in groupId")
		}
		return p.needObject(p.traits, "traits")
	case Alias:
		if m.PreviousID, r = p.idOf(p.previousID, "previousId"); r != nil {
			return r
		}
		if m.PreviousID == "" {
			return refuse(MissingPreviousID, "previousId", "an alias call without previousId; send the ID that the user had before")
		}
		if m.UserID == "" {
			return refuse(MissingUserID, "userId", "an alias call without userId; send the ID that the user has now")
		}
	}
	return nil
}

// hasExternalID says whether anything promotes the message to somebody's.
func hasExternalID(m *Message) bool {
	if m.UserID != "" || m.AnonymousID != "" {
		return true
	}
	if m.GAClientID != "" || m.CrossDomainID != "" || m.BrazeID != "" || len(m.ExternalIDs) > 0 || m.ContextGroupID != "" {
		return true
	}
	if m.ContextTraitsEmail != "" || m.PropertiesEmail != "" || m.TraitsEmail != "" && m.Type == Identify {
		return true
	}
	if m.Type == Group && m.GroupID != "" {
		return true
	}
	d := &m.Device
	return (d.Type == "ios" || d.Type == "android") &&
		(d.ID != "" || d.Token != "" || d.AdvertisingID != "" && d.AdTrackingEnabled)
}
