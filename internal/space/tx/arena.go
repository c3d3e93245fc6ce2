package tx

import (
	"github.com/selfsame-id/selfsame/internal/kv"
)

// keep ends a record. What a shared store was not asked for is known to be new.
func (tx *Tx) keep(b *kv.Batch, a *arena, value []byte) {
	k, v := a.record(value)
	if tx.read != nil {
		if _, asked := tx.read[string(k)]; !asked {
			b.Insert(k, v)
			return
		}
	}
	b.Put(k, v)
}

// arena holds the keys and values of many records in few allocations.
type arena struct {
	b   []byte
	key []byte
}

const arenaBytes = 64 << 10

// room is where the key of the next record is appended.
func (a *arena) room() []byte {
	if cap(a.b)-len(a.b) < 1<<10 {
		a.b = make([]byte, 0, arenaBytes)
	}
	return a.b
}

// begin takes what room returned with a key appended.
func (a *arena) begin(b []byte) {
	at := len(a.b)
	a.b = b
	a.key = b[at:len(b):len(b)]
}

// rest is where the value is appended.
func (a *arena) rest() []byte { return a.b[len(a.b):] }

// record ends a record: a value that fitted stays in the arena.
func (a *arena) record(value []byte) (k, v []byte) {
	if n := len(a.b); cap(value) == cap(a.b)-n {
		a.b = a.b[:n+len(value)]
		value = value[:len(value):len(value)]
	}
	return a.key, value
}
