package dedupe

import (
	"context"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/journal"
)

// RebuildShared gives a shared store the keys by which its nodes recognise
// messages that arrived within the dedupe window before now. It is for a store
// that was copied from elsewhere and that nobody has opened yet. progress is told
// how many messages are known so far.
func RebuildShared(ctx context.Context, store kv.Store, window time.Duration, progress func(n int64)) error {
	r, err := store.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	b := &rebuild{store: store, r: r, since: time.Now().Add(-window).UnixNano(), progress: progress}
	_, allSpaces := codec.AllSpaces()
	for number := 0; number < 1<<16; number++ {
		// The next space that has anything.
		from := codec.NewKeyspace(uint16(number))
		page, err := r.Scan(ctx, from[:], allSpaces, 1, false)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			return nil
		}
		ks, ok := codec.KeyspaceOf(page[0].Key)
		if !ok {
			return nil
		}
		number = int(ks.Number())
		if err := b.space(ctx, ks); err != nil {
			return err
		}
	}
	return nil
}

// rebuild is the work of RebuildShared.
type rebuild struct {
	store    kv.Store
	r        kv.Reader
	since    int64
	n        int64
	progress func(n int64)
}

// space looks through the headers of a space and takes the blocks that have
// recent messages.
func (b *rebuild) space(ctx context.Context, keys codec.Keyspace) error {
	from, end := codec.Headers.Key(keys, event.NewBlock(event.Clock(b.since), 0)), kv.PrefixEnd(codec.Headers.Prefix(keys))
	for {
		page, err := b.r.Scan(ctx, from, end, 64, false)
		if err != nil {
			return err
		}
		for _, e := range page {
			block, ok := codec.Headers.Parse(e.Key)
			if !ok {
				return kv.ErrCorrupt
			}
			if block.Time() > b.since {
				if err := b.block(ctx, keys, block); err != nil {
					return err
				}
			}
		}
		if len(page) < 64 {
			return nil
		}
		from = kv.After(page[len(page)-1].Key)
	}
}

// block puts the keys of one block's messages. What cannot be read any more is not
// recognised when it is sent again.
func (b *rebuild) block(ctx context.Context, keys codec.Keyspace, block event.Block) error {
	var batch kv.Batch
	blk, err := journal.Read(ctx, b.r, keys, block)
	if err != nil {
		return err
	}
	for i := range blk.Heads {
		if e, _, st := blk.Event(i); st == journal.Whole {
			h := &blk.Heads[i]
			m := Shared{block.Time(), FingerprintOf(h.Source, e.Name, h), e.MessageID}
			batch.Put(codec.RecentShared.Key(keys, h.MessageHash), m.Append(nil))
			b.n++
		}
	}
	b.progress(b.n)
	if batch.Len() == 0 {
		return nil
	}
	return b.store.Commit(ctx, &batch)
}
