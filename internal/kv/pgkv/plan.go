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

// steps returns the statements of the transaction, from BEGIN to COMMIT.
//
// First comes what is put without a condition, then the rows that are required and
// written, then those that are only looked at are locked, without waiting, and then
// new keys are made, with an empty row in the place of a key that must be absent
// and stay so: its entry in the primary key keeps others from making that key
// until the transaction has ended. Each statement goes in the order of keys. So
// transactions hardly ever wait for each other in a circle, which takes two that
// write the same keys by different steps; the server then ends one of them, and it
// is tried again. Deletions without a condition and ranges come last.
func (p *plan) steps() []step {
	var updates, takes, shares pairs
	var news, puts, gates pairs
	var removed, blind [][]byte // blind: removed or put without a condition
	for i := range p.keys {
		k := &p.keys[i]
		switch k.need {
		case present:
			switch k.write {
			case put:
				updates.add(k.key, k.wanted)
				updates.news = append(updates.news, k.value)
			case remove:
				takes.add(k.key, k.wanted)
			case keep:
				shares.add(k.key, k.wanted)
			}
		case absent:
			if k.write == put {
				news.add(k.key, k.value)
				break
			}
			gates.add(k.key, []byte{})
			removed = append(removed, k.key)
		case anything:
			blind = append(blind, k.key)
			if k.write == put {
				puts.add(k.key, k.value)
			} else {
				removed = append(removed, k.key)
			}
		}
	}
	steps := []step{{name: "selfsame_begin"}}
	if n := len(puts.keys); n > 0 && len(blind) > n {
		// Two that put what the other removes must not meet half-way.
		steps = append(steps, step{name: "selfsame_lock", params: [][]byte{byteaArray(blind)}})
	}
	guarded := len(puts.keys) > 0 && len(gates.keys) > 0 && len(news.keys) == 0
	if len(puts.keys) > 0 && !guarded {
		steps = append(steps, step{name: "selfsame_put", params: puts.params()})
	}
	if n := len(updates.keys); n > 0 {
		steps = append(steps, step{name: "selfsame_update",
			params: [][]byte{byteaArray(updates.keys), byteaArray(updates.values), byteaArray(updates.news), bigint(n)}})
	}
	if n := len(takes.keys); n > 0 {
		steps = append(steps, step{name: "selfsame_take", params: append(takes.params(), bigint(n))})
	}
	if n := len(shares.keys); n > 0 {
		steps = append(steps, step{name: "selfsame_share", params: append(shares.params(), bigint(n))})
	}
	if guarded {
		both := puts.with(gates)
		steps = append(steps, step{name: "selfsame_guard",
			params: append(both.params(), byteaArray(gates.keys), bigint(len(both.keys)))})
	} else if both := news.with(gates); len(both.keys) > 0 {
		steps = append(steps, step{name: "selfsame_insert", params: both.params()})
	}
	if len(removed) > 0 {
		steps = append(steps, step{name: "selfsame_delete", params: [][]byte{byteaArray(removed)}})
	}
	for _, r := range p.ranges {
		var spared [][]byte
		for i := range p.keys {
			if k := &p.keys[i]; k.write == put && r.has(k.key) {
				spared = append(spared, k.key)
			}
		}
		steps = append(steps, r.step(spared))
	}
	return append(steps, step{name: "selfsame_commit"})
}

// pairs are keys with values, as a statement takes them.
type pairs struct{ keys, values, news [][]byte }

func (p *pairs) add(key, value []byte) {
	p.keys, p.values = append(p.keys, key), append(p.values, value)
}

// with returns the pairs of both in the order of keys.
func (p *pairs) with(q pairs) pairs {
	if len(q.keys) == 0 {
		return *p
	}
	var both pairs
	i, k := 0, 0
	for i < len(p.keys) || k < len(q.keys) {
		if k == len(q.keys) || i < len(p.keys) && bytes.Compare(p.keys[i], q.keys[k]) < 0 {
			both.add(p.keys[i], p.values[i])
			i++
		} else {
			both.add(q.keys[k], q.values[k])
			k++
		}
	}
	return both
}

func (p *pairs) params() [][]byte { return [][]byte{byteaArray(p.keys), byteaArray(p.values)} }

// conditions returns the statement that lists the keys which are not as they must
// be; ok is false if there are no conditions.
func (p *plan) conditions() (s step, ok bool) {
	var c pairs
	for i := range p.keys {
		switch k := &p.keys[i]; k.need {
		case present:
			c.add(k.key, k.wanted)
		case absent:
			c.add(k.key, nil)
		}
	}
	return step{name: "selfsame_differ", params: c.params()}, len(c.keys) > 0
}

// looks returns the statement that lists those of the keys which are only looked
// at that are as they must be and not being changed, and these keys.
func (p *plan) looks() (s step, keys [][]byte) {
	var c pairs
	for i := range p.keys {
		if k := &p.keys[i]; k.need == present && k.write == keep {
			c.add(k.key, k.wanted)
		}
	}
	return step{name: "selfsame_free", params: c.params()}, c.keys
}

// step returns the statement that empties the range but for spared keys.
func (r keyRange) step(spared [][]byte) step {
	from := r.from
	if from == nil {
		from = []byte{}
	}
	if r.to == nil {
		return step{sql: sqlDeleteFrom, params: [][]byte{from, byteaArray(spared)}}
	}
	return step{sql: sqlDeleteRange, params: [][]byte{from, byteaArray(spared), r.to}}
}
