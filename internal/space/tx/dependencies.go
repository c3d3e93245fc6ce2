package tx

import (
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// dependencies says which events of a commit depend on each other, by what they read
// and write. When another node changes a record meanwhile, only the part that
// looked at it has to be decided again; the rest is as good as it was.
type dependencies struct {
	event int   // the one being decided; None: what is read concerns all
	up    []int // union-find over the events of the commit
	of    map[dependencyKey]int
}

// dependencyKey is a key of the store without its space, shortened where it can be.
type dependencyKey struct {
	tag string
	id  [32]byte
}

// None is no event, see Deciding.
const None = -1

func newDependencies() *dependencies { return &dependencies{event: None, of: map[dependencyKey]int{}} }

// note notes that the event being decided depends on a record.
func (p *dependencies) note(tag string, id ...[]byte) {
	if p == nil || p.event == None {
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

// Deciding says which event of the commit is decided now, or None.
func (tx *Tx) Deciding(event int) {
	if tx.dependencies != nil {
		tx.dependencies.event = event
	}
}

// DependOn notes that the event being decided depends on a record, given by the tag and
// the rest of its key. An empty tag is for what is no record.
func (tx *Tx) DependOn(tag string, id ...[]byte) { tx.dependencies.note(tag, id...) }

// Dependents returns the events of the commit that depend on keys, of n events, see Track;
// ok is false if one of the keys is not known to concern some events only.
func (tx *Tx) Dependents(keys [][]byte, n int) (events []int, ok bool) {
	return tx.dependencies.dependents(tx.keys, keys, n)
}
