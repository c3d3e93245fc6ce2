package space

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/dedupe"
	"github.com/selfsame-id/selfsame/internal/space/tx"
)

// localRepeats asks the memory of an exclusive store's only writer. What it
// finds by hash is confirmed by the message itself.
type localRepeats struct {
	recent *dedupe.Recent
	window int64 // nanoseconds
}

func (l *localRepeats) known(ctx context.Context, d *View, events []*prepared, now int64) ([]dedupe.Seen, error) {
	type found struct {
		clock uint64
		event int
	}
	var all []found
	for i, e := range events {
		if e.known == dedupe.Repeated {
			continue // of what was found in all that is stored
		}
		clocks, err := l.recent.Find(ctx, e.hash, now)
		if err != nil {
			return nil, err
		}
		for _, clock := range clocks {
			all = append(all, found{clock, i})
		}
	}
	out := make([]dedupe.Seen, len(events))
	if len(all) == 0 {
		return out, nil
	}
	slices.SortFunc(all, func(a, b found) int { return cmp.Or(cmp.Compare(a.clock, b.clock), cmp.Compare(a.event, b.event)) })
	var hits []dedupe.Hit
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].clock == all[0].clock {
			n++
		}
		blocks, err := l.blocks(ctx, d, all[0].clock, now)
		if err != nil {
			return nil, err
		}
		for _, block := range blocks {
			for _, one := range all[:n] {
				hits = append(hits, dedupe.Hit{Block: block, Event: one.event})
			}
		}
		all = all[n:]
	}
	return out, dedupe.Confirm(ctx, d.Reader(), d.Keys(), d.RulesKnown(), hits, events, out)
}

// blocks lists the blocks with a clock that came within the window. There is more
// than one in a copy of a shared store only.
func (l *localRepeats) blocks(ctx context.Context, d *View, clock uint64, now int64) (out []event.Block, err error) {
	from := codec.Headers.Key(d.Keys(), event.NewBlock(clock, 0))
	to := codec.Headers.Key(d.Keys(), event.NewBlock(clock+1, 0))
	for {
		page, err := d.Reader().Scan(ctx, from, to, 2, false)
		if err != nil {
			return nil, err
		}
		for _, entry := range page {
			if block, ok := codec.Headers.Parse(entry.Key); ok && block.Time() > now-l.window {
				out = append(out, block)
			}
		}
		if len(page) < 2 {
			return out, nil
		}
		from = kv.After(page[len(page)-1].Key)
	}
}

func (l *localRepeats) stage(*commit) {}

func (l *localRepeats) committed(c *commit) {
	for i := range c.fresh {
		e := &c.fresh[i]
		l.recent.Add(e.hash, e.at.Arrival.Block().Clock(), c.record.Time)
	}
}

// sharedRepeats asks the store, which several nodes write. Every messageId has
// a key, which is inserted with the commit: of two nodes that take one message
// at once only one succeeds, and the other, deciding again, finds a repeat.
//
// While repeats are rare they are found in the same way: nobody looks for a
// messageId beforehand, a key that is there is a conflict, and its event is looked
// at by the next commit.
type sharedRepeats struct {
	window int64   // nanoseconds
	rate   float64 // share of repeats among the last events, about
}

// Above rareRepeats, messageIds are looked up before the commit. A commit has
// some hundred events, and is made again for a single one that was not expected.
const (
	rareRepeats  = 1.0 / 20_000
	repeatMemory = 10_000 // events over which the rate is taken
)

// newSharedRepeats expects the worst at first: a node starts when others have
// died, and their clients send again.
func newSharedRepeats(window time.Duration) *sharedRepeats {
	return &sharedRepeats{window: int64(window), rate: 1}
}

func (r *sharedRepeats) key(k codec.Keyspace, hash uint64) []byte {
	return codec.RecentShared.Key(k, hash)
}

func (r *sharedRepeats) known(_ context.Context, d *View, events []*prepared, now int64) ([]dedupe.Seen, error) {
	out := make([]dedupe.Seen, len(events))
	var keys [][]byte
	var asked []int
	for i, e := range events {
		e.collides, e.expired = false, nil // as it was found before a conflict
		// What is younger than the index of the whole store may say that it is a repeat
		// after all.
		if e.known != dedupe.Repeated && (e.known == dedupe.UsedBefore || e.recheck || r.rate > rareRepeats) {
			keys, asked = append(keys, r.key(d.Keys(), e.hash)), append(asked, i)
		}
	}
	if len(keys) == 0 {
		return out, nil
	}
	values, err := d.Look(keys)
	if err != nil {
		return nil, err
	}
	for k, i := range asked {
		e, v := events[i], values[k]
		d.Remember(keys[k], v)
		if v == nil {
			continue
		}
		before, err := dedupe.DecodeShared(v)
		if err != nil {
			return nil, err
		}
		if before.Came > now-r.window {
			if e.collides = before.ID != e.id; !e.collides {
				out[i] = e.Fingerprint().Compare(before.Fingerprint, before.Came, d.RulesKnown())
			}
		} else {
			e.expired = v
		}
	}
	return out, nil
}

func (r *sharedRepeats) stage(c *commit) {
	staged := map[uint64]bool{}
	defer c.Deciding(tx.None)
	for i := range c.fresh {
		e := c.fresh[i].prepared
		if e.collides || staged[e.hash] {
			continue // another message has the same hash: it keeps the key
		}
		staged[e.hash] = true
		key := r.key(c.Keys(), e.hash)
		c.Deciding(i)
		_, tag, hash, _ := codec.Split(key)
		c.DependOn(tag, hash)
		message := dedupe.Shared{Came: c.record.Time, Fingerprint: e.Fingerprint(), ID: e.id}
		value := message.Append(nil)
		if e.expired != nil {
			c.Batch.Require(key, e.expired)
			c.Batch.Put(key, value)
		} else {
			c.Batch.Insert(key, value)
		}
	}
}

func (r *sharedRepeats) committed(c *commit) {
	again := c.repeats + len(c.used)
	n := len(c.fresh) + again
	if n == 0 {
		return
	}
	weight := min(float64(n)/repeatMemory, 1)
	r.rate += weight * (float64(again)/float64(n) - r.rate)
}
