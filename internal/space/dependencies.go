package space

import (
	"slices"

	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// dependencies says which events of a commit depend on each other, by what they read
// and write. When another node changes a record meanwhile, only the part that
// looked at it has to be decided again; the rest is as good as it was.
type dependencies struct {
	event int   // the one being decided; none: what is read concerns all
	up    []int // union-find over the events of the commit
	of    map[dependencyKey]int
}

// dependencyKey is a key of the store without its space, shortened where it can be.
type dependencyKey struct {
	tag string
	id  [32]byte
}

const none = -1

func newDependencies() *dependencies { return &dependencies{event: none, of: map[dependencyKey]int{}} }

// note notes that the event being decided depends on a record.
func (p *dependencies) note(tag string, id ...[]byte) {
	if p == nil || p.event == none {
		return
	}
	key := dependencyKey{tag: tag}
	at := key.id[:0]
	for _, b := range id {
		at = append(at, b...)
	}
	copy(key.id[:], at) // at moved away if it was longer: such a key concerns all
	for len(p.up) <= p.event {
		p.up = append(p.up, len(p.up))
	}
	if other, ok := p.of[key]; ok {
		p.up[p.root(other)] = p.root(p.event)
	}
	p.of[key] = p.event
}

func (p *dependencies) root(i int) int {
	for p.up[i] != i {
		p.up[i] = p.up[p.up[i]]
		i = p.up[i]
	}
	return i
}

// dependents returns the events that depend on keys of the space, of n events; ok is
// false if one of the keys is not known to concern some events only.
func (p *dependencies) dependents(k codec.Keyspace, keys [][]byte, n int) (events []int, ok bool) {
	if p == nil {
		return nil, false
	}
	roots := map[int]bool{}
	for _, key := range keys {
		ks, tag, rest, ok := codec.Split(key)
		if !ok || ks != k {
			return nil, false
		}
		id := dependencyKey{tag: tag}
		if copy(id.id[:], rest) < len(rest) {
			return nil, false
		}
		i, known := p.of[id]
		if !known {
			return nil, false
		}
		roots[p.root(i)] = true
	}
	for i := range min(n, len(p.up)) {
		if roots[p.root(i)] {
			events = append(events, i)
		}
	}
	return events, len(events) > 0
}

// Kinds of parts that are no keys of the store.
const dependsOnRequest = "" // a delivery that is taken whole or not at all

// hasDeferred reports whether something of a delivery is left for another commit. What
// comes with its messages (refused ones, a mark, an audit entry) comes with the
// last of them.
func (w *ingestRequest) hasDeferred() bool {
	return slices.ContainsFunc(w.events, func(e prepared) bool { return e.deferred })
}

// allDeferred reports whether nothing of deliveries can be taken now.
func allDeferred(ws []*ingestRequest) bool {
	for _, w := range ws {
		if len(w.events) == 0 || slices.ContainsFunc(w.events, func(e prepared) bool { return !e.deferred }) {
			return false
		}
	}
	return true
}

// recheckAll has every messageId of a delivery looked up.
func (w *ingestRequest) recheckAll() {
	for i := range w.events {
		w.events[i].recheck = true
	}
}
