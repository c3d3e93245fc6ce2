package space

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// localRepeats asks the memory of an exclusive store's only writer. What it
// finds by hash is confirmed by the message itself.
type localRepeats struct {
	recent *recent
	window int64 // nanoseconds
}

func (l *localRepeats) known(ctx context.Context, d *desk, events []*prepared, now int64) ([]bool, error) {
	out := make([]bool, len(events))
	for i, e := range events {
		blocks, err := l.recent.find(ctx, e.hash, now)
		if err != nil {
			return nil, err
		}
		for _, b := range blocks {
			if out[i], err = l.confirm(ctx, d, b, e, now); err != nil {
				return nil, err
			}
			if out[i] {
				break
			}
		}
	}
	return out, nil
}

// confirm reports whether a block holds the message, arrived within the window.
func (l *localRepeats) confirm(ctx context.Context, d *desk, block uint64, e *prepared, now int64) (bool, error) {
	heads, err := readHeads(ctx, d.r, d.keys, block)
	if err != nil {
		return false, err
	}
	for k := range heads {
		if h := &heads[k]; h.Type == 0 || h.MessageHash != e.hash || h.arrival() <= now-l.window {
			continue
		}
		id, err := d.messageID(eventRef{block: block, ordinal: k})
		if err != nil {
			return false, err
		}
		if id == e.id {
			return true, nil
		}
	}
	return false, nil
}

func (l *localRepeats) stage(*commitPlan) {}

func (l *localRepeats) landed(c *commitPlan) {
	for i := range c.fresh {
		e := &c.fresh[i]
		l.recent.add(e.hash, e.block, c.record.Time)
	}
}

// sharedRepeats asks the store, which several nodes write. Every messageId has
// a key, which is inserted with the commit: of two nodes that take one message
// at once only one succeeds, and the other, deciding again, finds a repeat.
type sharedRepeats struct {
	window int64 // nanoseconds
}

func (r *sharedRepeats) key(k keyspace, hash uint64) []byte {
	return k.number(kindRecent, hash)
}

func (r *sharedRepeats) known(_ context.Context, d *desk, events []*prepared, now int64) ([]bool, error) {
	keys := make([][]byte, len(events))
	for i, e := range events {
		keys[i] = r.key(d.keys, e.hash)
	}
	values, err := d.look(keys)
	if err != nil {
		return nil, err
	}
	out := make([]bool, len(events))
	for i, e := range events {
		v := values[i]
		e.collides, e.expired = false, nil // as it was found before a conflict
		d.seen(keys[i], v)
		if v == nil {
			continue
		}
		if len(v) < 8 {
			return nil, kv.ErrCorrupt
		}
		if parseTime(v) > now-r.window {
			out[i] = string(v[8:]) == e.id
			e.collides = !out[i]
		} else {
			e.expired = v
		}
	}
	return out, nil
}

func (r *sharedRepeats) stage(c *commitPlan) {
	staged := map[uint64]bool{}
	defer c.desk.decide(none)
	for i := range c.fresh {
		e := c.fresh[i].prepared
		if e.collides || staged[e.hash] {
			continue // another message has the same hash: it keeps the key
		}
		staged[e.hash] = true
		key := r.key(c.desk.keys, e.hash)
		c.desk.decide(i)
		c.desk.parts.touch(kindRecent, key[len(c.desk.keys)+1:])
		value := appendTime(nil, c.record.Time)
		value = append(value, e.id...)
		if e.expired != nil {
			c.batch.Require(key, e.expired)
			c.batch.Put(key, value)
		} else {
			c.batch.Insert(key, value)
		}
	}
}

func (r *sharedRepeats) landed(*commitPlan) {}
