package pgkv

import (
	"bytes"
	"slices"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// What a batch asks of one key, and what it does to it in the end.
type (
	need  uint8
	write uint8
)

const (
	anything need = iota
	absent        // no such key
	present       // the key with the value wanted
)

const (
	keep write = iota
	put
	remove
)

type keyPlan struct {
	key    []byte
	need   need
	write  write
	wanted []byte // with present
	value  []byte // with put
}

type keyRange struct{ from, to []byte }

// plan is a batch without its order: each key once, sorted, and then the
// ranges, which spare the keys that are put.
type plan struct {
	keys     []keyPlan
	ranges   []keyRange
	conflict bool // preconditions that contradict each other: never to be met
}

// compile makes the plan of a batch.
func compile(b *kv.Batch) *plan {
	p := &plan{keys: make([]keyPlan, 0, b.Len())}
	index := make(map[string]int, b.Len())
	at := func(key []byte) *keyPlan {
		i, ok := index[string(key)]
		if !ok {
			i = len(p.keys)
			index[string(key)] = i
			p.keys = append(p.keys, keyPlan{key: key})
		}
		return &p.keys[i]
	}
	for _, op := range b.Ops() {
		switch op.Kind {
		case kv.OpPut:
			k := at(op.Key)
			k.write, k.value = put, op.Value
		case kv.OpInsert:
			k := at(op.Key)
			p.require(k, nil)
			k.write, k.value = put, op.Value
		case kv.OpDelete:
			at(op.Key).write = remove
		case kv.OpRequire:
			p.require(at(op.Key), op.Value)
		case kv.OpDeleteRange:
			r := keyRange{op.Key, op.Value}
			p.ranges = append(p.ranges, r)
			for i := range p.keys {
				if k := &p.keys[i]; k.write == put && r.has(k.key) {
					k.write, k.value = remove, nil
				}
			}
		}
	}
	slices.SortFunc(p.keys, func(a, b keyPlan) int { return bytes.Compare(a.key, b.key) })
	return p
}

func (p *plan) require(k *keyPlan, value []byte) {
	n := present
	if value == nil {
		n = absent
	}
	if k.need != anything && (k.need != n || !bytes.Equal(k.wanted, value)) {
		p.conflict = true
	}
	k.need, k.wanted = n, value
}

func (r keyRange) has(key []byte) bool {
	return bytes.Compare(key, r.from) >= 0 && (r.to == nil || bytes.Compare(key, r.to) < 0)
}

func (p *plan) empty() bool { return len(p.keys) == 0 && len(p.ranges) == 0 }

// maxSegments bounds the statements that lock rows of one batch.
const maxSegments = 32

// steps returns the statements of the transaction, from BEGIN to COMMIT.
//
// First the rows that are there are locked in the order of their keys, those
// that are only looked at with a shared lock. Then all that is put is put in
// the order of its keys, with an empty row in the place of a key that must be
// absent and stay so: its entry in the primary key keeps others from making
// that key until the transaction has ended. Then come the deletions, and the
// ranges last, when everything that other transactions could be waiting for is
// locked.
func (p *plan) steps() []step {
	steps := []step{{name: "selfsame_begin"}}
	steps = append(steps, p.locks()...)

	var keys, values, absents, removed, puts [][]byte
	for i := range p.keys {
		k := &p.keys[i]
		if k.need == absent {
			absents = append(absents, k.key)
		}
		switch {
		case k.write == put:
			keys, values = append(keys, k.key), append(values, k.value)
			puts = append(puts, k.key)
		case k.need == absent:
			keys, values = append(keys, k.key), append(values, []byte{})
			removed = append(removed, k.key)
		case k.write == remove:
			removed = append(removed, k.key)
		}
	}
	switch {
	case len(absents) > 0:
		steps = append(steps, step{name: "selfsame_insert",
			params: [][]byte{byteaArray(keys), byteaArray(values), byteaArray(absents), bigint(len(keys))}})
	case len(keys) > 0:
		steps = append(steps, step{name: "selfsame_put", params: [][]byte{byteaArray(keys), byteaArray(values)}})
	}
	if len(removed) > 0 {
		steps = append(steps, step{name: "selfsame_delete", params: [][]byte{byteaArray(removed)}})
	}
	for _, r := range p.ranges {
		steps = append(steps, r.step(puts))
	}
	return append(steps, step{name: "selfsame_commit"})
}

// step returns the statement that empties the range but for keys in puts.
func (r keyRange) step(puts [][]byte) step {
	var spared [][]byte
	for _, key := range puts {
		if r.has(key) {
			spared = append(spared, key)
		}
	}
	from := r.from
	if from == nil {
		from = []byte{}
	}
	if r.to == nil {
		return step{sql: sqlDeleteFrom, params: [][]byte{from, byteaArray(spared)}}
	}
	return step{sql: sqlDeleteRange, params: [][]byte{from, byteaArray(spared), r.to}}
}

// locks returns the statements that lock rows. Neighbours with the same lock
// share a statement.
//
// A batch that only puts and inserts needs none: its one INSERT takes its locks
// in the order of the keys by itself.
func (p *plan) locks() []step {
	all := false
	for i := range p.keys {
		if k := &p.keys[i]; k.need == present || k.write == remove && k.need != absent {
			all = true
			break
		}
	}
	if !all {
		return nil
	}
	var segments []segment
	for i := range p.keys {
		k := &p.keys[i]
		if k.need == absent { // there is no row to lock
			continue
		}
		shared := k.write == keep
		if n := len(segments); n == 0 || segments[n-1].shared != shared {
			segments = append(segments, segment{shared: shared})
		}
		segments[len(segments)-1].add(k)
	}
	if len(segments) > maxSegments { // one exclusive lock for all
		one := segment{}
		for i := range p.keys {
			if p.keys[i].need != absent {
				one.add(&p.keys[i])
			}
		}
		segments = []segment{one}
	}
	steps := make([]step, len(segments))
	for i := range segments {
		steps[i] = segments[i].step()
	}
	return steps
}

// segment is a run of keys whose rows are locked in the same way.
type segment struct {
	shared       bool
	keys, wanted [][]byte
	needed       []bool
	count        int // of needed
}

func (s *segment) add(k *keyPlan) {
	s.keys = append(s.keys, k.key)
	s.needed = append(s.needed, k.need == present)
	if k.need == present {
		s.wanted = append(s.wanted, k.wanted)
		s.count++
	} else {
		s.wanted = append(s.wanted, nil)
	}
}

func (s *segment) step() step {
	name := "selfsame_lock"
	if s.shared {
		name = "selfsame_share"
	}
	return step{name: name, params: [][]byte{byteaArray(s.keys), byteaArray(s.wanted), boolArray(s.needed), bigint(s.count)}}
}
