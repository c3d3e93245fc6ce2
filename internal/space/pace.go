package space

import "time"

// busyRate is how many events a second make a space busy. Followers keep up with less at
// a small part of a core.
const busyRate = 1000

// Pace tells a follower whether events pour into its space, so that it can leave them the
// processor and do its work later, in larger steps. It belongs to one task.
type Pace struct {
	space  *Space
	at     time.Time
	events int64
	since  time.Time // busy without a break; zero: it is not
}

// Pace begins to look at the events of a space.
func (s *Space) Pace() *Pace {
	return &Pace{space: s, at: time.Now(), events: s.stats.events.Load()}
}

// Busy reports for how long events have poured in without a break; 0: they do not. It goes
// by what this node has committed since it was called last.
func (p *Pace) Busy() time.Duration {
	now, events := time.Now(), p.space.stats.events.Load()
	passed := max(now.Sub(p.at), time.Millisecond)
	busy := float64(events-p.events) > busyRate*passed.Seconds()
	switch {
	case !busy:
		p.since = time.Time{}
	case p.since.IsZero():
		p.since = p.at
	}
	p.at, p.events = now, events
	if p.since.IsZero() {
		return 0
	}
	return now.Sub(p.since)
}
