package journal

import (
	"context"
	"errors"
	"fmt"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Erase stages that events of a block are erased: every reader leaves them out as soon
// as the batch is committed. It returns how many of them were not erased before; if
// there are none it stages nothing. Events of a block whose bodies or header cannot be
// read may be erased too, for what is damaged today may be restored from a backup
// tomorrow. The batch holds only if nobody else erased events of the block meanwhile.
// Errors: those of the store; kv.ErrCorrupt or codec.ErrTooNew if it cannot be read
// what was erased before; an ordinal beyond event.MaxOrdinal.
func Erase(ctx context.Context, r kv.Reader, keys codec.Keyspace, block event.Block, ordinals []int, batch *kv.Batch) (int, error) {
	key := codec.Erased.Key(keys, block)
	values, err := r.Get(ctx, key)
	if err != nil {
		return 0, err
	}
	var erased Tombstones
	if values[0] != nil {
		if erased, err = decodeTombstones(values[0]); err != nil {
			return 0, err
		}
	}
	before := erased.count()
	for _, o := range ordinals {
		if o < 0 || o > event.MaxOrdinal {
			return 0, fmt.Errorf("block %s has no event %d to erase", block, o)
		}
		erased.add(o)
	}
	n := erased.count() - before
	if n == 0 {
		return 0, nil
	}
	batch.Require(key, values[0])
	batch.Put(key, appendTombstones(nil, erased))
	return n, nil
}

// Rewrite stages a block without what was erased of it and without bodies that are no
// events. Ordinals stay, and so do the addresses of the other events; what was erased
// stays marked, so that readers tell it from damage. It returns how many bodies are
// gone from the block; 0, and nothing staged, if there was nothing to take out. The
// batch holds only if the block is still as it was read. Errors: those of the store;
// kv.ErrCorrupt or codec.ErrTooNew if the block cannot be read whole.
func Rewrite(ctx context.Context, r kv.Reader, keys codec.Keyspace, packer *Packer, block event.Block, batch *kv.Batch) (int, error) {
	rows := Keys(keys, block)
	values, err := r.Get(ctx, rows...)
	if err != nil {
		return 0, err
	}
	b := open(block, values)
	if b.Damage != "" {
		return 0, fmt.Errorf("%w: block %s cannot be rewritten: %s", kv.ErrCorrupt, block, b.Damage)
	}
	taken, changed := 0, false
	for o := range b.Heads {
		if b.Heads[o].Type != 0 && !b.Erased.has(o) {
			continue
		}
		changed = changed || b.Heads[o].Type != 0
		b.Heads[o] = Head{}
		if len(b.Bodies[o]) > 0 {
			b.Bodies[o] = nil
			taken++
		}
	}
	if taken == 0 && !changed {
		return 0, nil
	}
	for i, row := range rows {
		batch.Require(row, values[i])
	}
	batch.Put(rows[0], AppendHeader(nil, b.Heads))
	batch.Put(rows[1], packer.Pack(nil, b.Bodies))
	return taken, nil
}

// Rewritten is what RewriteErased did.
type Rewritten struct {
	Blocks, Bodies int         // blocks that were rewritten, and bodies that are gone from them
	Damaged        int         // blocks that cannot be read, and were left as they are
	Last           event.Block // the last block that was looked at
	Done           bool        // there are no blocks behind it of which something was erased
}

const (
	rewriteTries = 8
	rewritePage  = 64
)

// RewriteErased rewrites blocks of which events were erased, those behind a block, at
// most as many as it is told: whoever has all of them rewritten goes on behind Last
// until Done. Each block is a commit of its own, so a call that fails has done its work
// up to Last. prepare, if not nil, adds to each commit what else it depends on: the
// fence of a lease. Errors: those of the store, kv.ErrConflict if others change a block
// again and again or what prepare requires does not hold.
func RewriteErased(ctx context.Context, store kv.Store, keys codec.Keyspace, packer *Packer, behind event.Block, most int, prepare func(*kv.Batch)) (Rewritten, error) {
	done := Rewritten{Last: behind}
	for most > 0 {
		blocks, err := erasedBlocks(ctx, store, keys, done.Last, min(most, rewritePage))
		if err != nil {
			return done, err
		}
		for _, block := range blocks {
			n, err := rewriteOne(ctx, store, keys, packer, block, prepare)
			switch {
			case errors.Is(err, kv.ErrCorrupt):
				done.Damaged++
			case err != nil:
				return done, err
			case n > 0:
				done.Blocks++
				done.Bodies += n
			}
			done.Last = block
		}
		if len(blocks) < min(most, rewritePage) {
			done.Done = true
			return done, nil
		}
		most -= len(blocks)
	}
	return done, nil
}

// erasedBlocks returns blocks of which something was erased, those behind a block.
func erasedBlocks(ctx context.Context, store kv.Store, keys codec.Keyspace, behind event.Block, limit int) ([]event.Block, error) {
	r, err := store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	_, end := codec.Erased.All(keys)
	page, err := r.Scan(ctx, kv.After(codec.Erased.Key(keys, behind)), end, limit, false)
	if err != nil {
		return nil, err
	}
	blocks := make([]event.Block, len(page))
	for i, e := range page {
		var ok bool
		if blocks[i], ok = codec.Erased.Parse(e.Key); !ok {
			return nil, fmt.Errorf("%w: a key of erased events has %d bytes", kv.ErrCorrupt, len(e.Key))
		}
	}
	return blocks, nil
}

// rewriteOne rewrites a block in a commit of its own.
func rewriteOne(ctx context.Context, store kv.Store, keys codec.Keyspace, packer *Packer, block event.Block, prepare func(*kv.Batch)) (int, error) {
	attempt := func() (int, error) {
		r, err := store.Snapshot(ctx)
		if err != nil {
			return 0, err
		}
		defer r.Close()
		var b kv.Batch
		n, err := Rewrite(ctx, r, keys, packer, block, &b)
		if err != nil || b.Len() == 0 {
			return 0, err
		}
		if prepare != nil {
			prepare(&b)
		}
		return n, store.Commit(ctx, &b)
	}
	for try := 1; ; try++ {
		n, err := attempt()
		if err == nil || !errors.Is(err, kv.ErrConflict) || try == rewriteTries {
			return n, err
		}
	}
}
