package query

import (
	"sync"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// nameCache keeps which profile an ID led to, and in which version, as a store's
// kv.Tracker can tell whether that is still so. It is bounded in bytes like a
// profileCache.
type nameCache struct {
	shards [cacheShards]nameShard
}

type nameShard struct {
	mu         sync.Mutex
	young, old map[identity.Hash]named
	half       int // how many the young half holds
}

// named is a profile in a version, as the state of a moment has it.
type named struct {
	profile codec.ProfileID
	version uint64
	moment  uint64
}

// nameBytes is what an entry takes in memory, about.
const nameBytes = 128

func (c *nameCache) resize(bytes int64) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.half = int(bytes / 2 / cacheShards / nameBytes)
		if len(s.young) > s.half {
			s.young = nil
		}
		s.old = nil
		s.mu.Unlock()
	}
}

func (c *nameCache) shard(id identity.Hash) *nameShard { return &c.shards[id[0]%cacheShards] }

func (c *nameCache) get(id identity.Hash) (named, bool) {
	s := c.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	n, ok := s.young[id]
	if !ok {
		if n, ok = s.old[id]; ok {
			s.add(id, n)
		}
	}
	return n, ok
}

// put keeps what the state of a moment has, unless that of a later one is known.
func (c *nameCache) put(id identity.Hash, n named) {
	s := c.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if was, ok := s.young[id]; !ok || was.moment < n.moment {
		s.add(id, n)
	}
}

func (s *nameShard) add(id identity.Hash, n named) {
	if s.half == 0 {
		return
	}
	if len(s.young) >= s.half {
		s.old, s.young = s.young, nil
	}
	if s.young == nil {
		s.young = map[identity.Hash]named{}
	}
	s.young[id] = n
}

// Tracked says of which keys a Reader asks whether they were written, see kv.Tracker.
func Tracked(key []byte) bool { return codec.Identifiers.Is(key) || codec.Profiles.Is(key) }

// recall finds the profile of an external ID that was read before, if the store knows
// without reading that neither the ID nor the profile was written since; else nil.
func (r *Reader) recall(v *space.View, ref space.Ref) *folded {
	tracker, ok := v.Reader().(kv.Tracker)
	if !ok || ref.ByProfileID() || v.Applying() {
		return nil
	}
	id := v.Hasher().ID(ref.Collection, ref.ExternalID())
	n, ok := r.names.get(id)
	// An isolated ID leads nowhere, although its strands may wait to be decided again.
	if !ok || v.Overrides().Isolated(id) || !tracker.Unchanged(n.moment, codec.Identifiers.Key(v.Keys(), id), codec.Profiles.Key(v.Keys(), n.profile)) {
		return nil
	}
	return r.profiles.get(n.profile, n.version)
}

// remember keeps the profile that an external ID leads to in a view.
func (r *Reader) remember(v *space.View, ref space.Ref, f *folded) {
	if tracker, ok := v.Reader().(kv.Tracker); ok && !ref.ByProfileID() {
		r.names.put(v.Hasher().ID(ref.Collection, ref.ExternalID()), named{f.id, f.version, tracker.Moment()})
	}
}
