package event

import "math"

// Sent is when a batch was sent, by the clock of whoever sent it: seconds since 1970
// and nanoseconds on top of these, with room for the year of any calendar. The zero
// Sent is not known. It is kept with a message that is to be parsed again by itself.
type Sent struct {
	Secs  int64
	Nanos int32
}

func sentOf(at int64, odd instant) Sent {
	if at != 0 {
		odd = instantOf(at)
	}
	return Sent{odd.secs, int32(odd.nano)}
}

// Sent is the batch's sentAt.
func (b *Batch) Sent() Sent { return sentOf(b.SentAt, b.sentOdd) }

// SetSent sets SentAt, in years beyond its reach too.
func (e *Envelope) SetSent(s Sent) {
	e.SentAt, e.sentOdd = 0, instant{}
	at := instant{s.Secs, int(s.Nanos)}
	if n := at.nanos(); n == math.MinInt64 || n == math.MaxInt64 {
		e.sentOdd = at
	} else {
		e.SentAt = n
	}
}
