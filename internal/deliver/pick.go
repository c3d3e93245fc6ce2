package deliver

import (
	"context"
	"fmt"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// picking finds the messages that are tried next. The caller holds the destination's
// lock.
type picking struct {
	d       *destination
	now     int64
	most    int
	perLane int   // how many messages of a lane go together
	next    int64 // how long nothing more is due, in ns

	taken []*entry
	stale [][]byte // lanes that are not due, or empty
	hints [][]byte // when they are due
}

// waitForOther is how long a message waits for one of another lane before it looks
// again.
const waitForOther = int64(200 * time.Millisecond)

// read finds up to most messages of as many lanes.
func (p *picking) read(ctx context.Context, only identity.Hash) error {
	r, err := p.d.on.store.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	if only != (identity.Hash{}) {
		found, err := p.heads(ctx, r, []due{{lane: only}})
		if err != nil || found > 0 {
			return err
		}
	}
	from, to := codec.Under(codec.DeliveryDue.Of(p.d.on.keys, p.d.number))
	seen := map[identity.Hash]bool{}
	for len(p.taken) < p.most {
		limit := p.most - len(p.taken) + len(p.d.lanes) + 1
		rows, err := r.Scan(ctx, from, to, limit, false)
		if err != nil {
			return err
		}
		var lanes []due
		for _, row := range rows {
			_, at, lane, ok := codec.DeliveryDue.Parse(row.Key)
			if !ok {
				return kv.ErrCorrupt
			}
			if at > p.now {
				p.next = min(p.next, at-p.now)
				break
			}
			from = kv.After(row.Key)
			if p.d.lanes[lane] {
				continue // under way
			}
			if seen[lane] {
				p.stale = append(p.stale, row.Key)
				continue
			}
			seen[lane] = true
			lanes = append(lanes, due{lane, row.Key})
			if len(p.taken)+len(lanes) == p.most { // one of each, at least
				break
			}
		}
		if _, err := p.heads(ctx, r, lanes); err != nil {
			return err
		}
		if len(lanes) == 0 {
			return nil
		}
	}
	return nil
}

// due is a lane that is due by a key of the store; nil: without one.
type due struct {
	lane identity.Hash
	key  []byte
}

// heads looks at the first messages of lanes, and takes those that are due. It returns
// how many of the lanes have any.
func (p *picking) heads(ctx context.Context, r kv.Reader, lanes []due) (found int, err error) {
	if len(lanes) == 0 {
		return 0, nil
	}
	ranges := make([]kv.Range, len(lanes))
	for i, l := range lanes {
		from, to := codec.Under(codec.DeliveryLanes.Of2(p.d.on.keys, p.d.number, l.lane))
		ranges[i] = kv.Range{From: from, To: to}
	}
	pages, err := r.Scans(ctx, ranges, p.perLane, false)
	if err != nil {
		return 0, err
	}
	var seqs []uint64
	var keys [][]byte
	var of []due
	for i, page := range pages {
		if len(page) == 0 {
			if lanes[i].key != nil {
				p.stale = append(p.stale, lanes[i].key)
			}
			continue
		}
		for _, row := range page {
			_, _, seq, ok := codec.DeliveryLanes.Parse(row.Key)
			if !ok {
				return 0, kv.ErrCorrupt
			}
			seqs, of = append(seqs, seq), append(of, lanes[i])
			keys = append(keys, codec.DeliveryQueue.Key(p.d.on.keys, p.d.number, seq))
		}
	}
	if len(keys) == 0 {
		return 0, nil
	}
	values, err := r.Get(ctx, keys...)
	if err != nil {
		return 0, err
	}
	stopped := map[identity.Hash]bool{}
	for i, v := range values {
		if v == nil {
			return 0, fmt.Errorf("%w: the message %d of the destination %s is missing", kv.ErrCorrupt, seqs[i], p.d.def.Key)
		}
		lane := of[i].lane
		if stopped[lane] || len(p.taken) == p.most {
			continue
		}
		e, err := decodeEntry(seqs[i], v)
		if err != nil {
			return 0, err
		}
		first := i == 0 || of[i-1].lane != lane
		if first {
			found++
		}
		taken, err := p.look(ctx, r, e, of[i], first)
		if err != nil {
			return 0, err
		}
		stopped[lane] = !taken
	}
	return found, nil
}

// look decides what becomes of a message that is the first of its lane, or follows one
// that was taken, and reports whether it was taken too.
func (p *picking) look(ctx context.Context, r kv.Reader, e *entry, l due, first bool) (taken bool, err error) {
	d := p.d
	wait := int64(0)
	if l.key != nil || !first { // otherwise the lane is tried now, whenever it is due
		wait = e.Next - p.now
	}
	if wait <= 0 && e.After != 0 {
		other, err := r.Get(ctx, codec.DeliveryQueue.Key(d.on.keys, d.number, e.After))
		if err != nil {
			return false, err
		}
		if other[0] != nil {
			p.next = min(p.next, waitForOther)
			return false, nil // and stays due
		}
	}
	if wait > 0 {
		if first {
			// The key is only a hint.
			p.stale = append(p.stale, l.key)
			p.hints = append(p.hints, codec.DeliveryDue.Key(d.on.keys, d.number, e.Next, e.Lane))
			p.next = min(p.next, wait)
		}
		return false, nil
	}
	p.taken = append(p.taken, e)
	return true, nil
}

// gather is how long to wait for more, for a destination that wants many messages
// together.
func (p *picking) gather(l Limits) time.Duration {
	if l.Gather == 0 || len(p.taken) == 0 || len(p.taken) >= l.Batch {
		return 0
	}
	oldest := p.now
	for _, e := range p.taken {
		if e.Tries > 0 {
			return 0
		}
		oldest = min(oldest, e.Message.Queued)
	}
	return time.Duration(oldest + int64(l.Gather) - p.now)
}

// batches groups what was taken, with all messages of a lane in the same batch.
func (p *picking) batches(most int) (out [][]*entry) {
	var batch []*entry
	for i := 0; i < len(p.taken); {
		n := 1
		for i+n < len(p.taken) && p.taken[i+n].Lane == p.taken[i].Lane {
			n++
		}
		if len(batch) > 0 && len(batch)+n > most {
			out, batch = append(out, batch), nil
		}
		batch = append(batch, p.taken[i:i+n]...)
		i += n
	}
	if len(batch) > 0 {
		out = append(out, batch)
	}
	return out
}
