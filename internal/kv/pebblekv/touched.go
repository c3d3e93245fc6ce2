package pebblekv

import (
	"hash/maphash"
	"sync/atomic"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// touched remembers when keys were last written, in a table of fixed size: keys that
// share a slot are taken for one, so that a key may seem newer than it is.
//
// The numbers are those of views. A commit notes its keys with that of the view which
// holds it first, before that view or a later one is published; so whoever reads a view
// finds the notes of all commits in it.
type touched struct {
	seed  maphash.Seed
	tells func(key []byte) bool
	slots []atomic.Uint64
	floor atomic.Uint64 // when a range was last deleted
}

// touchedSlots keeps the table at 1 MiB. With it, a thousand keys a second leave most of
// the others alone for a minute.
const touchedSlots = 1 << 17

func (t *touched) init(tells func(key []byte) bool) {
	t.seed, t.tells, t.slots = maphash.MakeSeed(), tells, make([]atomic.Uint64, touchedSlots)
}

func (t *touched) slot(key []byte) *atomic.Uint64 {
	return &t.slots[maphash.Bytes(t.seed, key)%touchedSlots]
}

// note notes the keys of a batch that a view is the first to hold.
func (t *touched) note(b *kv.Batch, seq uint64) {
	for i := range b.Ops() {
		switch op := &b.Ops()[i]; {
		case op.Kind == kv.OpRequire:
		case op.Kind == kv.OpDeleteRange:
			t.floor.Store(seq)
		case t.tells == nil || t.tells(op.Key):
			t.slot(op.Key).Store(seq)
		}
	}
}

// Moment implements kv.Tracker.
func (r *reader) Moment() uint64 { return r.v.seq }

// Unchanged implements kv.Tracker.
func (r *reader) Unchanged(since uint64, keys ...[]byte) bool {
	t := &r.s.touched
	if since > r.v.seq || t.floor.Load() > since {
		return false
	}
	for _, key := range keys {
		if t.tells != nil && !t.tells(key) || t.slot(key).Load() > since {
			return false
		}
	}
	return true
}
