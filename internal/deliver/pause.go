package deliver

import (
	"math/rand/v2"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity"
)

// Pauses says how long it takes to the next try.
type Pauses struct {
	// First is the mean pause after the first failure. Each further one is three times
	// as long, up to Most, and each is drawn between half and one and a half of that.
	First, Most time.Duration
	// GiveUp is how long after its first try a message is tried, at the least; then it
	// is a dead letter.
	GiveUp time.Duration
	// Trouble is how long a destination is left alone after messages of troubleAfter
	// lanes have failed in a row, doubled with each further failure, up to MostTrouble.
	Trouble, MostTrouble time.Duration
}

// DefaultPauses are those of a server: 5 s, 15 s, 45 s, 2 min, 7 min, 20 min, an hour,
// three, and from then on four hours, over a day.
var DefaultPauses = Pauses{
	First: 5 * time.Second, Most: 4 * time.Hour, GiveUp: 24 * time.Hour,
	Trouble: time.Second, MostTrouble: 2 * time.Minute,
}

// after is the pause after n failures of one message.
func (p *Pauses) after(n int) time.Duration {
	d := p.First
	for i := 1; i < n && d < p.Most; i++ {
		d *= 3
	}
	return spread(min(d, p.Most))
}

// spread draws a time between half and one and a half of d.
func spread(d time.Duration) time.Duration { return d/2 + rand.N(d+1) }

// troubleAfter is how many lanes have to fail before a destination is left alone.
const troubleAfter = 5

// breaker leaves a destination alone that is in trouble. While it does, one message
// at a time is tried, mostly that of one lane, so that the others stay untried.
type breaker struct {
	lanes    map[identity.Hash]bool // that have failed since something worked
	failures int                    // since there is trouble
	until    time.Time
}

// note counts what became of a try.
func (b *breaker) note(t *tried, p *Pauses, now time.Time) {
	for i := range t.batch {
		switch o := &t.outcomes[i]; {
		case o.Result == Delivered:
			b.worked()
		case o.Result == Retry && o.Trouble:
			b.failed(t.batch[i].Lane, p, now, o.After)
		}
	}
}

// failed counts a failure, at least for a time that the destination asked for.
func (b *breaker) failed(lane identity.Hash, p *Pauses, now time.Time, asked time.Duration) {
	wait := asked
	if !b.open() {
		if b.lanes == nil {
			b.lanes = map[identity.Hash]bool{}
		}
		b.lanes[lane] = true
	}
	if b.open() {
		d := p.Trouble
		for n := b.failures; n > 0 && d < p.MostTrouble; n-- {
			d *= 2
		}
		b.failures++
		wait = max(wait, spread(min(d, p.MostTrouble)))
	}
	if until := now.Add(wait); until.After(b.until) {
		b.until = until
	}
}

// worked ends the trouble.
func (b *breaker) worked() { *b = breaker{} }

// open reports whether the destination is in trouble.
func (b *breaker) open() bool { return len(b.lanes) >= troubleAfter }

// fresh reports whether the next try is one of another lane: what failed may have been
// the fault of its message.
func (b *breaker) fresh() bool { return b.failures%4 == 3 }
