package event

import (
	"fmt"
	"math"
	"strings"
)

// stamps is where a message's four times are.
type stamps struct {
	timestamp, originalTimestamp, sentAt, receivedAt span

	// Whether the message has its own of what it else inherits.
	context, integrations bool
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
// A phone may count its years otherwise than SDKs expect. When sentAt and the
// original are both of such years (1398, 0031, 5780), the difference is as good as
// any; of one alone, a year of a Japanese era is read if it was in the last year.
//
// What says when the event was and cannot be read, or comes out before 1970,
// refuses the message; where it is live it gets the time of its receipt and says
// why (Message.Unread). A sentAt or receivedAt that cannot be read is as good as
// absent, for these only correct. The first day of year 1, the zero time of Go and
// .NET, is a field that was not set, hence absent. Only the outcome has to be after
// 1970: a phone whose clock starts in 1969 stamps and sends by that clock, and the
// rule sets it right.
func (s *scanner) times(at stamps, m *Message, env Envelope) *Refusal {
	received := env.ReceivedAt
	if env.OwnReceipt {
		if own, ok := s.lenientTime(at.receivedAt); ok && own <= received && own >= 0 {
			received = own
		}
	}
	m.ReceivedAt, m.Time, m.Sent = received, received, sentOf(env.SentAt, env.sentOdd)

	given, original := s.stamp(at.timestamp), s.stamp(at.originalTimestamp)
	if original.is == noStamp || env.Live && original.is == badStamp && given.is != noStamp {
		original = given
	}
	if given.is == noStamp || env.Live && given.is == badStamp {
		given = original
	}
	if given.is == noStamp {
		return nil
	}
	t, r := s.eventTime(at, given, original, s.sentOf(at.sentAt, env), received, env.Live)
	switch {
	case r == nil:
		m.Time = min(t, received)
	case env.Live:
		r.Code = TimestampUnread
		r.Reason += "; the event has the time it was received"
		m.Unread = r
	default:
		return r
	}
	return nil
}

// eventTime applies the rule to what there is.
func (s *scanner) eventTime(at stamps, given, original, sent stamp, received int64, live bool) (int64, *Refusal) {
	for _, one := range [...]stamp{given, original} {
		if one.is == badStamp {
			return 0, refuse(BadTimestamp, one.field(at), "%s is %s, which is not a time; send ISO 8601 such as 2019-11-15T14:00:05.000Z, or leave it out", one.field(at), describe(s.bytes(one.v)))
		}
	}
	if gap, ok := sent.since(original); ok {
		return s.after1970(minus(received, gap))
	}
	for _, one := range [...]stamp{given, original} {
		switch {
		case one.is == goodStamp:
			return s.after1970(one.at.nanos())
		case one.at.secs > 0:
			return received, nil // the far future
		}
		if t, ok := s.era(one, received); ok && live {
			return t, nil
		}
	}
	return 0, refuse(BadTimestamp, given.field(at), "%s is %s, in a calendar that is not known; send ISO 8601 such as 2019-11-15T14:00:05.000Z, or leave it out", given.field(at), describe(s.bytes(given.v)))
}

func (s *scanner) after1970(t int64) (int64, *Refusal) {
	if t < 0 {
		return 0, refuse(BadTimestamp, "timestamp", "the event's time comes out before 1970; check the clock and the unit of timestamp (send ISO 8601, or leave it out)")
	}
	return t, nil
}

// stamp is what a time field holds.
type stamp struct {
	is stampKind
	at instant
	v  span
}

// field is the name of the field that it stands in.
func (t stamp) field(at stamps) string {
	if t.v == at.originalTimestamp {
		return "originalTimestamp"
	}
	return "timestamp"
}

type stampKind uint8

const (
	noStamp   stampKind = iota // absent, null, blank, or the zero time
	goodStamp                  // in the reach of int64
	oddStamp                   // before 1677 or after 2262
	badStamp                   // no time
)

// zeroSecs is the beginning of year 1.
const zeroSecs = -62_135_596_800

func (s *scanner) stamp(v span) stamp {
	if s.absent(v) {
		return stamp{}
	}
	text, ok := Text(s.bytes(v))
	if !ok {
		return stamp{badStamp, instant{}, v}
	}
	at, ok := parseInstant(trim(text))
	switch n := at.nanos(); {
	case !ok:
		return stamp{badStamp, instant{}, v}
	case at.secs >= zeroSecs-day && at.secs <= zeroSecs+day:
		return stamp{}
	case n == math.MinInt64 || n == math.MaxInt64:
		return stamp{oddStamp, at, v}
	}
	return stamp{goodStamp, at, v}
}

// sentOf is the message's sentAt, or its request's.
func (s *scanner) sentOf(v span, env Envelope) stamp {
	own := s.stamp(v)
	switch {
	case own.is == goodStamp || own.is == oddStamp:
		return own
	case env.SentAt != 0:
		return stamp{is: goodStamp, at: instantOf(env.SentAt)}
	case env.sentOdd != instant{}:
		return stamp{is: oddStamp, at: env.sentOdd}
	}
	return stamp{}
}

// sameCalendar is how far apart, in seconds, the odd times of one clock can be.
const sameCalendar = 10 * 366 * day

// since is how long after an original something was sent, in nanoseconds; ok is
// false when they are not of one clock.
func (t stamp) since(original stamp) (gap int64, ok bool) {
	switch {
	case t.is == goodStamp && original.is == goodStamp:
		return minus(t.at.nanos(), original.at.nanos()), true
	case t.is == oddStamp && original.is == oddStamp:
		secs := t.at.secs - original.at.secs
		if secs < -sameCalendar || secs > sameCalendar {
			return 0, false
		}
		return secs*second + int64(t.at.nano-original.at.nano), true
	}
	return 0, false
}

// The years before the first of the Japanese eras that living phones count in:
// Reiwa, Heisei, Showa.
var eras = [...]int{2018, 1988, 1925}

// eraBack and eraAhead bound how far from its receipt, in nanoseconds, an event of
// such a year may be: the eras are more than that apart.
const (
	eraBack  = 366 * day * second
	eraAhead = 2 * day * second
)

// era reads a time whose year is that of a Japanese era, and which was received
// within a year.
func (s *scanner) era(v stamp, received int64) (int64, bool) {
	text, _ := Text(s.bytes(v.v))
	text = asciiTime(trim(text[:min(len(text), longestTime)]))
	year, ok := digits4(text)
	if !ok || year < 1 || year > 99 {
		return 0, false
	}
	for _, before := range eras {
		t, ok := ParseTime(strings.ToUpper(fmt.Sprintf("%04d%s", before+year, text[4:])))
		if ok && t >= received-eraBack && t <= received+eraAhead {
			return t, true
		}
	}
	return 0, false
}

// lenientTime reads a time field; ok is false when there is none to be read, or
// none within the reach of int64.
func (s *scanner) lenientTime(v span) (t int64, ok bool) {
	at := s.stamp(v)
	return at.at.nanos(), at.is == goodStamp
}

// absent says that a field is not there, null, or a string of white space.
func (s *scanner) absent(v span) bool {
	if v.to == 0 {
		return true
	}
	c := s.b[v.from]
	return c == 'n' || c == '"' && s.loose(v) == ""
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
