package event

import "errors"

// ErrDamaged: a stored body is no message any more.
var ErrDamaged = errors.New("a stored event's body is damaged")

// Stored is what was decided about a message when it was accepted. It is kept
// beside the body, and never worked out from it again.
type Stored struct {
	Type             Type
	Time, ReceivedAt int64
	// MessageID is "" where the body says it, word for word.
	MessageID string
}

// ParseStored reads the fields of a message that was accepted earlier. What was
// good then stays good: there are no limits, no field is needed, and times are not
// looked at. Only a body that is not one JSON object is ErrDamaged.
func ParseStored(raw []byte, s Stored) (Message, error) {
	p := parser{scanner: scanner{b: raw, depth: unbounded, anyBytes: true}}
	i := p.space(0)
	if !p.opens(i, '{') {
		return Message{}, ErrDamaged
	}
	if i = p.top(i); i < 0 || p.space(i) < len(raw) {
		return Message{}, ErrDamaged
	}
	m := Message{
		Type: s.Type, Time: s.Time, ReceivedAt: s.ReceivedAt, MessageID: s.MessageID, MessageIDGiven: s.MessageID != "",
		UserID: p.looseID(p.userID), AnonymousID: p.looseID(p.anonymousID),
		GroupID: p.looseID(p.groupID), PreviousID: p.looseID(p.previousID), WriteKey: p.loose(p.writeKey),
		Traits: p.object(p.traits), Properties: p.object(p.properties),
		Body: raw,
	}
	if m.MessageID == "" && p.messageID.to != 0 {
		m.MessageID, _ = Text(p.bytes(p.messageID))
	}
	if m.Traits != nil {
		m.TraitsEmail = p.looseID(p.traitsEmail)
	}
	if m.Properties != nil {
		m.PropertiesEmail = p.looseID(p.propertiesEmail)
	}
	switch m.Type {
	case Track:
		m.Name = p.loose(p.event)
	case Page, Screen:
		m.Name = p.loose(p.name)
	}
	p.interpretContext(&m)
	return m, nil
}

// Give gives the message an ID that its body does not say.
func (m *Message) Give(messageID string) { m.MessageID, m.MessageIDGiven = messageID, true }
