package space

import (
	"github.com/selfsame-id/selfsame/internal/generational"
	"github.com/selfsame-id/selfsame/internal/identity"
)

// pairCache remembers pairs of strands that were seen together, and since when.
type pairCache struct {
	since generational.Cache[pairKey, int64]
}

type pairKey struct{ user, account identity.Hash }

func newPairCache(bytes int64) *pairCache {
	return &pairCache{generational.New[pairKey, int64](bytes / pairBytes)}
}

// pairBytes is what an entry takes, about.
const pairBytes = 80

// resize changes the bound in bytes.
func (p *pairCache) resize(bytes int64) { p.since.Resize(bytes / pairBytes) }

func (p *pairCache) has(user, account identity.Hash, time int64) bool {
	t, ok := p.since.Get(pairKey{user, account})
	return ok && t < time
}

// learn is told of events that were stored. A time that is too late only costs
// a look-up.
func (p *pairCache) learn(fresh []placedEvent) {
	for i := range fresh {
		e := &fresh[i]
		if len(e.users.ids) == 0 || len(e.account.ids) == 0 {
			continue
		}
		if k := (pairKey{e.users.hash, e.account.hash}); !p.has(k.user, k.account, e.msg.Time) {
			p.since.Put(k, e.msg.Time)
		}
	}
}

// forget drops everything, when pairs were taken out of the store.
func (p *pairCache) forget() {
	p.since.Clear()
}
