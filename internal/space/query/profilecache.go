package query

import (
	"sync"

	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// profileCache keeps folded profiles that were read lately, bounded in bytes. Each is
// of one version, which whoever asks has read from a snapshot: so it needs not be told
// of changes, whichever node makes them.
type profileCache struct {
	shards [cacheShards]cacheShard
}

// cacheShards is how many readers the cache serves at once.
const cacheShards = 16

// cacheShard forgets what was not used for long: when its young half is full it
// becomes the old half, and what only the old half had is forgotten.
type cacheShard struct {
	mu         sync.Mutex
	young, old map[codec.ProfileID]*folded
	bytes      int64 // of young
	half       int64 // the bound of bytes
}

// resize changes the bound in bytes. What is too much is forgotten.
func (c *profileCache) resize(bytes int64) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.half = bytes / 2 / cacheShards
		if s.bytes > s.half {
			s.young, s.bytes = nil, 0
		}
		s.old = nil
		s.mu.Unlock()
	}
}

// shard is where a profile is kept. The end of an ID is random.
func (c *profileCache) shard(p codec.ProfileID) *cacheShard {
	return &c.shards[p[len(p)-1]%cacheShards]
}

// get returns a profile in a version; nil if it is not kept.
func (c *profileCache) get(p codec.ProfileID, version uint64) *folded {
	s := c.shard(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.young[p]
	if f == nil {
		if f = s.old[p]; f != nil && f.version == version {
			s.add(f)
		}
	}
	if f == nil || f.version != version {
		return nil
	}
	return f
}

// put keeps a profile, unless a later version of it is there.
func (c *profileCache) put(f *folded) {
	s := c.shard(f.id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if was := s.young[f.id]; was != nil {
		if was.version >= f.version {
			return
		}
		delete(s.young, f.id)
		s.bytes -= was.bytes()
	}
	s.add(f)
}

// add puts a profile that is not there into the young half.
func (s *cacheShard) add(f *folded) {
	n := f.bytes()
	if n > s.half/4 {
		return // it would push out many
	}
	if s.bytes+n > s.half {
		s.old, s.young, s.bytes = s.young, nil, 0
	}
	if s.young == nil {
		s.young = map[codec.ProfileID]*folded{}
	}
	s.young[f.id] = f
	s.bytes += n
}
