package space

import (
	"sync"

	"github.com/selfsame-id/selfsame/internal/identity"
)

// strandCache remembers from which event time on known strands are settled, so
// that most events need no look-up at all. It is bounded: when the young half is
// full it becomes the old half, and what the old half still holds is forgotten.
type strandCache struct {
	mu         sync.Mutex
	young, old map[identity.Hash]settled
	half       int
	hits, miss int64
}

// settled says when an event of a known strand needs no decision: after from,
// and before until unless that is 0.
type settled struct {
	from, until int64
	unresolved  bool // no ID of the strand is accepted
}

const strandCacheEntry = 96 // bytes, about: key, value and the map's own

func newStrandCache(bytes int64) *strandCache {
	half := max(int(bytes/strandCacheEntry/2), 1024)
	return &strandCache{young: map[identity.Hash]settled{}, half: half}
}

// get reports whether an event of the strand at a time is settled, and whether
// it is unresolved.
func (c *strandCache) get(h identity.Hash, time int64) (ok, unresolved bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, found := c.young[h]
	if !found {
		if e, found = c.old[h]; found {
			c.put(h, e)
		}
	}
	if found && time > e.from && (e.until == 0 || time < e.until) {
		c.hits++
		return true, e.unresolved
	}
	c.miss++
	return false, false
}

// put must be called with the lock held.
func (c *strandCache) put(h identity.Hash, e settled) {
	if len(c.young) >= c.half {
		c.old, c.young = c.young, make(map[identity.Hash]settled, c.half)
	}
	c.young[h] = e
}

// learn keeps what is known of strands after a commit.
func (c *strandCache) learn(rs *identity.Ruleset, strands map[identity.Hash]*strandRecord) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for h, s := range strands {
		if s == nil {
			continue
		}
		e := settled{from: s.Evaluated.Time, until: s.Recheck, unresolved: true}
		for i := range s.Links {
			l := &s.Links[i]
			if l.Verdict != identity.Accepted {
				continue
			}
			e.unresolved = false
			if rs.Arrival() {
				e.from = max(e.from, l.At.Time)
			}
		}
		if rs.Arrival() && s.Recheck != 0 {
			delete(c.young, h) // in order of arrival any event may change it
			delete(c.old, h)
			continue
		}
		c.put(h, e)
	}
}

// forget drops everything, when rules change.
func (c *strandCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.young, c.old = map[identity.Hash]settled{}, nil
}

func (c *strandCache) stats() (hits, miss int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hits, c.miss
}
