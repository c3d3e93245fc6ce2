package kv

// OpKind says what an Op of a Batch does.
type OpKind uint8

// The kinds of operations.
const (
	OpPut         OpKind = iota // set Key to Value
	OpInsert                    // set Key to Value; conflict if Key is present
	OpDelete                    // remove Key if present
	OpDeleteRange               // remove every key in [Key, Value); nil Value: to the end
	OpRequire                   // conflict unless Key has exactly Value; nil Value: unless Key is absent
)

// Op is one operation of a Batch.
type Op struct {
	Kind       OpKind
	Key, Value []byte
}

// Batch collects what one Commit does. All preconditions (Insert, Require)
// look at the state before the batch; then the writes take effect in the order
// in which they were added, a later one on the same key over an earlier one.
// The zero Batch is empty and ready to use. The batch keeps the slices it is
// given until it is reset: they must not change meanwhile. Not safe for
// concurrent use.
type Batch struct {
	ops   []Op
	bytes int
	units int
}

func (b *Batch) add(k OpKind, key, value []byte) {
	b.ops = append(b.ops, Op{k, key, value})
	b.bytes += len(key) + len(value)
}

// Put sets key to value. A nil value is stored as an empty one.
func (b *Batch) Put(key, value []byte) {
	if value == nil {
		value = []byte{}
	}
	b.add(OpPut, key, value)
}

// Insert sets key to value and makes the whole batch a conflict if key is
// already present.
func (b *Batch) Insert(key, value []byte) {
	if value == nil {
		value = []byte{}
	}
	b.add(OpInsert, key, value)
}

// Delete removes key; it does not matter whether key is present.
func (b *Batch) Delete(key []byte) { b.add(OpDelete, key, nil) }

// DeleteRange removes every key with from <= key < to; a nil to is the end of
// the key space.
func (b *Batch) DeleteRange(from, to []byte) { b.add(OpDeleteRange, from, to) }

// Require makes the whole batch a conflict unless key still has the value that
// was read: nil means that key was, and must still be, absent.
func (b *Batch) Require(key, value []byte) { b.add(OpRequire, key, value) }

// Ops returns the operations in the order they were added. The slice belongs
// to the batch.
func (b *Batch) Ops() []Op { return b.ops }

// Len returns the number of operations.
func (b *Batch) Len() int { return len(b.ops) }

// Bytes returns the size of all keys and values together.
func (b *Batch) Bytes() int { return b.bytes }

// Count adds n to what the batch counts for people: the events in it.
func (b *Batch) Count(n int) { b.units += n }

// Units returns what Count added up. A store that finds commits missing says how
// many units they had.
func (b *Batch) Units() int { return b.units }

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() {
	clear(b.ops)
	b.ops, b.bytes, b.units = b.ops[:0], 0, 0
}
