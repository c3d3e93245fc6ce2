package space

import (
	"sync"

	"github.com/selfsame-id/selfsame/internal/generational"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// strandCache remembers from which event time on known strands are settled, so
// that most events need no look-up at all.
type strandCache struct {
	mu         sync.Mutex
	known      generational.Cache[identity.Hash, settled]
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
	return &strandCache{known: generational.New[identity.Hash, settled](bytes / strandCacheEntry)}
}

// resize changes the bound in bytes.
func (c *strandCache) resize(bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known.Resize(bytes / strandCacheEntry)
}

// get reports whether an event of the strand at a time is settled, and whether
// it is unresolved.
func (c *strandCache) get(h identity.Hash, time int64) (ok, unresolved bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, found := c.known.Get(h)
	if found && time > e.from && (e.until == 0 || time < e.until) {
		c.hits++
		return true, e.unresolved
	}
	c.miss++
	return false, false
}

// has reports whether the strand is known to be settled from some time on.
func (c *strandCache) has(h identity.Hash) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, found := c.known.Get(h)
	return found
}

// learn keeps what is known of strands after a commit.
func (c *strandCache) learn(rs *identity.Ruleset, strands map[identity.Hash]*codec.Strand) {
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
			c.known.Drop(h) // in order of arrival any event may change it
			continue
		}
		c.known.Put(h, e)
	}
}

// drop forgets a strand that is gone.
func (c *strandCache) drop(h identity.Hash) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known.Drop(h)
}

// forget drops everything, when rules change.
func (c *strandCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known.Clear()
}

func (c *strandCache) stats() (hits, miss int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hits, c.miss
}
