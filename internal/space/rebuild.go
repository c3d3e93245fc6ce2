package space

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/selfsame-id/selfsame/internal/space/codec"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// RebuildRepeats gives a shared store the keys by which its nodes recognise
// messages that arrived within the dedupe window before now. It is for a store
// that was copied from elsewhere and that nobody has opened yet. progress is told
// how many messages are known so far.
func RebuildRepeats(ctx context.Context, store kv.Store, window time.Duration, progress func(n int64)) error {
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

// rebuild is the work of RebuildRepeats.
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
	from, end := codec.Headers.All(keys)
	for {
		page, err := b.r.Scan(ctx, from, end, 64, false)
		if err != nil {
			return err
		}
		for _, e := range page {
			heads, err := decodeHeader(e.Value)
			if err != nil {
				return err
			}
			recent := false
			for i := range heads {
				recent = recent || heads[i].Type != 0 && heads[i].arrival() > b.since
			}
			if recent {
				if err := b.block(ctx, keys, binary.BigEndian.Uint64(e.Key[len(e.Key)-8:]), heads); err != nil {
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

// block puts the keys of one block's recent messages.
func (b *rebuild) block(ctx context.Context, keys codec.Keyspace, number uint64, heads []blockEvent) error {
	var batch kv.Batch
	blk, err := readBlock(ctx, b.r, keys, number)
	if err != nil || blk == nil {
		return err
	}
	for i := range heads {
		h := &heads[i]
		if h.Type == 0 || h.arrival() <= b.since {
			continue
		}
		e, _, ok, err := blk.event(i)
		if err != nil {
			return err
		}
		if !ok {
			continue // erased: nobody knows its messageId any more
		}
		batch.Put(codec.RecentShared.Key(keys, h.MessageHash), append(codec.AppendTime(nil, h.arrival()), e.MessageID...))
		b.n++
	}
	b.progress(b.n)
	if batch.Len() == 0 {
		return nil
	}
	return b.store.Commit(ctx, &batch)
}
