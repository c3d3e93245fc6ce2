package space

import "github.com/selfsame-id/selfsame/internal/identity"

// pairCache remembers pairs of strands that were seen together, and since when.
type pairCache struct {
	young, old map[pairKey]int64
	half       int
}

type pairKey struct{ user, account identity.Hash }

func newPairCache(bytes int64) *pairCache {
	return &pairCache{young: map[pairKey]int64{}, half: max(int(bytes/160), 1024)}
}

func (p *pairCache) has(user, account identity.Hash, time int64) bool {
	k := pairKey{user, account}
	t, ok := p.young[k]
	if !ok {
		if t, ok = p.old[k]; ok {
			p.put(k, t)
		}
	}
	return ok && t < time
}

func (p *pairCache) put(k pairKey, t int64) {
	if len(p.young) >= p.half {
		p.old, p.young = p.young, map[pairKey]int64{}
	}
	p.young[k] = t
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
			p.put(k, e.msg.Time)
		}
	}
}
