package generational

// Cache is a bounded map that forgets what was not used for long: when its young half
// is full it becomes the old half, and what only the old half had is forgotten. It
// belongs to one goroutine at a time. The zero Cache is not ready for use, see New.
type Cache[K comparable, V any] struct {
	young, old map[K]V
	half       int
}

// fewest is how many entries half a cache has room for at least.
const fewest = 64

// New makes a cache of about so many entries.
func New[K comparable, V any](entries int64) Cache[K, V] {
	return Cache[K, V]{young: map[K]V{}, half: halfOf(entries)}
}

func halfOf(entries int64) int { return max(int(entries/2), fewest) }

// Resize changes the bound. What is too much is forgotten.
func (c *Cache[K, V]) Resize(entries int64) {
	c.half = halfOf(entries)
	if len(c.young) > c.half {
		c.young = map[K]V{}
	}
	if len(c.old) > c.half {
		c.old = nil
	}
}

// Get finds an entry, and keeps it among the young.
func (c *Cache[K, V]) Get(k K) (V, bool) {
	v, ok := c.young[k]
	if !ok {
		if v, ok = c.old[k]; ok {
			c.Put(k, v)
		}
	}
	return v, ok
}

// Put adds an entry, or replaces it.
func (c *Cache[K, V]) Put(k K, v V) {
	if len(c.young) >= c.half {
		c.old, c.young = c.young, make(map[K]V, c.half)
	}
	c.young[k] = v
}

// Drop forgets an entry.
func (c *Cache[K, V]) Drop(k K) {
	delete(c.young, k)
	delete(c.old, k)
}

// Clear forgets everything and keeps the bound.
func (c *Cache[K, V]) Clear() { c.young, c.old = map[K]V{}, nil }
