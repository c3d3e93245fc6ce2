package event

import "math"

// stamps is where a message's four times are.
type stamps struct {
	timestamp, originalTimestamp, sentAt, receivedAt span
}

// times sets the message's Time and ReceivedAt by SEGMENT.md §2:
//
//	receivedAt − (sentAt − original)   sentAt is known and there is an original
//	the given timestamp                otherwise, if there is one
//	receivedAt                         otherwise
//
// The original is originalTimestamp or, without one, timestamp; the given
// timestamp is timestamp or, without one, originalTimestamp. What comes out
// later than receivedAt becomes receivedAt.
//
// A time that cannot be read refuses the message when it is one of the two that
// say when the event was, and is as good as absent when it is sentAt or
// receivedAt, which only correct it. Year 1, the zero time of Go, and all before
// 1677 is a field that was not set, hence absent. Only the outcome has to be
// after 1970: a phone whose clock starts in 1969 stamps and sends by that
// clock, and the rule sets it right.
func (s *scanner) times(at stamps, m *Message, env Envelope) *Refusal {
	received := env.ReceivedAt
	if env.OwnReceipt {
		if own, ok := s.lenientTime(at.receivedAt); ok && own <= received && own >= 0 {
			received = own
		}
	}
	m.ReceivedAt, m.Time = received, received

	given, hasGiven, r := s.strictTime(at.timestamp, "timestamp")
	if r != nil {
		return r
	}
	original, hasOriginal, r := s.strictTime(at.originalTimestamp, "originalTimestamp")
	if r != nil {
		return r
	}
	switch {
	case !hasGiven && !hasOriginal:
		return nil
	case !hasOriginal:
		original = given
	case !hasGiven:
		given = original
	}
	sent, knowsSent := s.lenientTime(at.sentAt)
	if !knowsSent && env.SentAt != 0 {
		sent, knowsSent = env.SentAt, true
	}
	t := given
	if knowsSent {
		t = minus(received, minus(sent, original))
	}
	if t < 0 {
		return refuse(BadTimestamp, "timestamp", "the event's time comes out before 1970; check the clock and the unit of timestamp (send ISO 8601, or leave it out)")
	}
	m.Time = min(t, received)
	return nil
}

// strictTime reads a time field; ok is false when there is none.
func (s *scanner) strictTime(v span, field string) (t int64, ok bool, r *Refusal) {
	if s.absent(v) {
		return 0, false, nil
	}
	t, ok = timeOf(s.bytes(v))
	if !ok {
		return 0, false, refuse(BadTimestamp, field, "%s is %s, which is no time; send ISO 8601 such as 2019-11-15T14:00:05.000Z, or leave it out", field, describe(s.bytes(v)))
	}
	return t, t != zeroTime, nil
}

// lenientTime reads a time field; ok is false when there is none to be read.
func (s *scanner) lenientTime(v span) (t int64, ok bool) {
	if s.absent(v) {
		return 0, false
	}
	t, ok = timeOf(s.bytes(v))
	return t, ok && t != zeroTime && t != math.MaxInt64
}

// absent says that a field is not there, null, or a string of white space.
func (s *scanner) absent(v span) bool {
	if v.to == 0 {
		return true
	}
	c := s.b[v.from]
	return c == 'n' || c == '"' && s.loose(v) == ""
}

// timeOf reads a valid JSON value as a time.
func timeOf(value []byte) (int64, bool) {
	text, ok := Text(value)
	if !ok {
		return 0, false
	}
	return ParseTime(trim(text))
}

// describe names a value and quotes it when it is short.
func describe(value []byte) string {
	if text, ok := Text(value); ok {
		return quoteShort(text)
	}
	return kindOf(value)
}

// minus is a − b, held at the ends of int64.
func minus(a, b int64) int64 {
	d := a - b
	switch {
	case b > 0 && d > a:
		return math.MinInt64
	case b < 0 && d < a:
		return math.MaxInt64
	}
	return d
}
