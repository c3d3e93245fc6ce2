package space

import (
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// memory keeps records that the writer of an exclusive store read or wrote
// lately: nobody else changes them, so they need no second look. The records in
// it are never changed; a transaction works on copies.
type memory struct {
	nodes    generationalCache[identity.Hash, *codec.Identifier]
	profiles generationalCache[codec.ProfileID, *codec.Profile]
	strands  generationalCache[identity.Hash, *codec.Strand]
	filter   *nodeFilter
}

// Bytes that an entry takes, about.
const (
	nodeBytes    = 320
	profileBytes = 400
	strandBytes  = 700
)

func newMemory(bytes int64) *memory {
	return &memory{
		nodes:    newGenerationalCache[identity.Hash, *codec.Identifier](bytes / 4 / nodeBytes),
		profiles: newGenerationalCache[codec.ProfileID, *codec.Profile](bytes / 4 / profileBytes),
		strands:  newGenerationalCache[identity.Hash, *codec.Strand](bytes / 4 / strandBytes),
		filter:   newNodeFilter(bytes / 4),
	}
}

// resize changes the bound.
func (m *memory) resize(bytes int64) {
	m.nodes.resize(bytes / 4 / nodeBytes)
	m.profiles.resize(bytes / 4 / profileBytes)
	m.strands.resize(bytes / 4 / strandBytes)
	m.filter.resize(bytes / 4)
}

// learn keeps what a commit left. The transaction is not used afterwards.
func (m *memory) learn(d *Tx) {
	for h, n := range d.nodes {
		if n != nil {
			m.nodes.put(h, n)
			m.filter.add(h)
		}
	}
	for p, rec := range d.profiles {
		if rec != nil {
			m.profiles.put(p, rec)
		}
	}
	for h, st := range d.strands {
		if st != nil {
			m.strands.put(h, st)
		}
	}
}

// node, profile and strand give a transaction its own copy of what is remembered; nil
// with true is something that is surely not in the store.
func (m *memory) node(h identity.Hash) (*codec.Identifier, bool) {
	n, ok := m.nodes.get(h)
	if !ok {
		return nil, m.filter.absent(h)
	}
	c := *n
	c.Holders = n.Holders[:len(n.Holders):len(n.Holders)]
	return &c, true
}

func (m *memory) profile(p codec.ProfileID) (*codec.Profile, bool) {
	rec, ok := m.profiles.get(p)
	if !ok {
		return nil, false
	}
	c := *rec
	c.IDs = rec.IDs[:len(rec.IDs):len(rec.IDs)]
	return &c, true
}

func (m *memory) strand(h identity.Hash) (*codec.Strand, bool) {
	st, ok := m.strands.get(h)
	if !ok {
		return nil, false
	}
	c := *st
	return &c, true
}

// generationalCache is a bounded map that forgets what was not used for long: when its
// young half is full it becomes the old half, and what only the old half had is
// forgotten.
type generationalCache[K comparable, V any] struct {
	young, old map[K]V
	half       int
}

func newGenerationalCache[K comparable, V any](entries int64) generationalCache[K, V] {
	return generationalCache[K, V]{young: map[K]V{}, half: halfOf(entries)}
}

func halfOf(entries int64) int { return max(int(entries/2), 64) }

// resize changes the bound. What is too much is forgotten.
func (l *generationalCache[K, V]) resize(entries int64) {
	l.half = halfOf(entries)
	if len(l.young) > l.half {
		l.young = map[K]V{}
	}
	if len(l.old) > l.half {
		l.old = nil
	}
}

func (l *generationalCache[K, V]) get(k K) (V, bool) {
	v, ok := l.young[k]
	if !ok {
		if v, ok = l.old[k]; ok {
			l.put(k, v)
		}
	}
	return v, ok
}

func (l *generationalCache[K, V]) put(k K, v V) {
	if len(l.young) >= l.half {
		l.old, l.young = l.young, make(map[K]V, l.half)
	}
	l.young[k] = v
}

func (l *generationalCache[K, V]) drop(k K) {
	delete(l.young, k)
	delete(l.old, k)
}
