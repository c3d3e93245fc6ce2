package tx

import (
	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// strandTable is something derived that hangs on strands: a row for each strand
// that has one. What a profile has is the fold over the rows of its strands, so a
// merge, an undo or other rules touch no row. Rows change when events come, when
// re-keying moves events to another strand, and when events are erased; whoever
// does that treats all tables of a Tx alike.
type strandTable[R any] struct {
	keys   codec.Key1[identity.Hash]
	decode func([]byte) (R, error)
	encode func([]byte, R) []byte
	empty  func(R) bool
	// latest is the greatest arrival number in a row, which what is stored later
	// has to exceed.
	latest func(R) event.Arrival

	rows    map[identity.Hash]R    // the zero row: there is none
	changed map[identity.Hash]bool // in a Tx
}

// traitTable has the traits that were set under each strand.
func traitTable() strandTable[profile.Traits] {
	return strandTable[profile.Traits]{
		keys: codec.Traits, decode: profile.DecodeTraits, encode: profile.AppendTraits,
		empty: func(t profile.Traits) bool { return len(t) == 0 },
		latest: func(t profile.Traits) (latest event.Arrival) {
			for i := range t {
				if latest.Before(t[i].Arrival) {
					latest = t[i].Arrival
				}
			}
			return latest
		},
		rows:    map[identity.Hash]profile.Traits{},
		changed: map[identity.Hash]bool{},
	}
}

// load reads the rows of strands, all that are not there yet in one round trip.
func (t *strandTable[R]) load(v *View, strands ...identity.Hash) error {
	var missing []identity.Hash
	var keys [][]byte
	for _, h := range strands {
		v.dependencies.note(t.keys.Tag(), h[:])
		if _, ok := t.rows[h]; !ok {
			t.known(h) // asked for, once
			missing = append(missing, h)
			keys = append(keys, t.keys.Key(v.keys, h))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	values, err := v.Get(keys)
	for i := 0; err == nil && i < len(missing); i++ {
		if values[i] != nil {
			t.rows[missing[i]], err = t.decode(values[i])
			v.observe(t.latest(t.rows[missing[i]]))
		}
	}
	if err != nil {
		for _, h := range missing {
			delete(t.rows, h)
		}
	}
	return err
}

// known notes that a strand, being new, has no row.
func (t *strandTable[R]) known(strand identity.Hash) {
	var none R
	t.rows[strand] = none
}

// row is the row of a strand, which was loaded or is known not to be there.
func (t *strandTable[R]) row(strand identity.Hash) R { return t.rows[strand] }

// fold calls f with the rows of strands in the given order, those that have one.
func (t *strandTable[R]) fold(v *View, strands []identity.Hash, f func(R)) error {
	if err := t.load(v, strands...); err != nil {
		return err
	}
	for _, h := range strands {
		if r := t.rows[h]; !t.empty(r) {
			f(r)
		}
	}
	return nil
}

// put gives a strand a row, or takes it away if the row is empty.
func (t *strandTable[R]) put(strand identity.Hash, r R) {
	t.rows[strand] = r
	t.changed[strand] = true
}

// tableChanges is what a Tx does with each of its tables, whatever their rows are.
type tableChanges interface {
	loadRows(v *View, strands ...identity.Hash) error
	dropRow(strand identity.Hash)
	known(strand identity.Hash)
	changes() map[identity.Hash]bool
	write(d *Tx, b *kv.Batch, a *arena)
	reset()
}

// tables lists the tables of a transaction.
func (tx *Tx) tables() [1]tableChanges { return [...]tableChanges{&tx.traits} }

func (t *strandTable[R]) loadRows(v *View, strands ...identity.Hash) error {
	return t.load(v, strands...)
}

// dropRow takes a strand's row away.
func (t *strandTable[R]) dropRow(strand identity.Hash) {
	var none R
	t.put(strand, none)
}

// changes is the strands whose rows changed.
func (t *strandTable[R]) changes() map[identity.Hash]bool { return t.changed }

// write puts the rows that changed into a batch.
func (t *strandTable[R]) write(d *Tx, b *kv.Batch, a *arena) {
	for h := range t.changed {
		r := t.rows[h]
		if t.empty(r) {
			b.Delete(t.keys.Key(d.keys, h))
			continue
		}
		a.begin(t.keys.Append(a.room(), d.keys, h))
		d.keep(b, a, t.encode(a.rest(), r))
	}
}

// reset empties the table and keeps its room.
func (t *strandTable[R]) reset() {
	clear(t.rows)
	clear(t.changed)
}
