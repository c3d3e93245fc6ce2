package pebblekv

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// rangeEnd is greater than every key, for ranges without an upper bound.
var rangeEnd = bytes.Repeat([]byte{0xff}, kv.MaxKeyBytes+1)

// count returns how many operations write and how many are preconditions. An
// Insert is both.
func count(b *kv.Batch) (writes, preconditions int) {
	for _, op := range b.Ops() {
		switch op.Kind {
		case kv.OpInsert:
			writes++
			preconditions++
		case kv.OpRequire:
			preconditions++
		default:
			writes++
		}
	}
	return writes, preconditions
}

// encode turns the writes of b into an engine batch, or nil if there are none
// (or they are ranges of no keys).
func (s *Store) encode(b *kv.Batch, writes int) (*pebble.Batch, error) {
	if writes == 0 {
		return nil, nil
	}
	const overhead = 12                                           // kind and two lengths of an entry, at most; and some
	pb := s.db.NewBatchWithSize(b.Bytes() + writes*overhead + 96) // and the trailer of a commit
	ops := b.Ops()
	order := inOrder(ops, writes)
	for n := range len(ops) {
		op := &ops[n]
		if order != nil {
			if n == len(order) {
				break
			}
			op = &ops[order[n].op]
		}
		var err error
		switch op.Kind {
		case kv.OpPut, kv.OpInsert:
			err = pb.Set(op.Key, op.Value, nil)
		case kv.OpDelete:
			err = pb.Delete(op.Key, nil)
		case kv.OpDeleteRange:
			from, to := op.Key, op.Value
			if to == nil {
				to = rangeEnd
			}
			if bytes.Compare(from, to) < 0 {
				err = pb.DeleteRange(from, to, nil)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("encode batch: %w", err)
		}
	}
	if pb.Empty() {
		return nil, pb.Close()
	}
	return pb, nil
}

// sortFrom is the number of writes from which it pays to sort them.
const sortFrom = 32

// place is an operation and the first bytes of its key, which nearly always
// settle a comparison.
type place struct {
	head uint64
	op   int
}

// inOrder returns the writes among ops in the order of their keys, operations
// on one key in the order they were added; or nil if the order must stay or is
// not worth it. The engine inserts sorted keys into its memtable at half the
// cost of random ones, and that happens under a lock, while this does not.
func inOrder(ops []kv.Op, writes int) []place {
	if writes < sortFrom {
		return nil
	}
	order := make([]place, 0, writes)
	for i := range ops {
		switch op := &ops[i]; op.Kind {
		case kv.OpDeleteRange: // works on what was before it
			return nil
		case kv.OpRequire:
		default:
			order = append(order, place{head(op.Key), i})
		}
	}
	slices.SortFunc(order, func(a, b place) int {
		if a.head != b.head {
			return cmp.Compare(a.head, b.head)
		}
		if c := bytes.Compare(ops[a.op].Key, ops[b.op].Key); c != 0 {
			return c
		}
		return cmp.Compare(a.op, b.op)
	})
	return order
}

// head returns the first eight bytes of key as a number that sorts like them.
func head(key []byte) uint64 {
	if len(key) >= 8 {
		return binary.BigEndian.Uint64(key)
	}
	var h [8]byte
	copy(h[:], key)
	return binary.BigEndian.Uint64(h[:])
}
