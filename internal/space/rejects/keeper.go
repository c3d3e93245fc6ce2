package rejects

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/generational"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/journal"
	"github.com/selfsame-id/selfsame/internal/space/tx"
)

// Config is what a keeper needs.
type Config struct {
	Keys    codec.Keyspace
	HashKey [2]uint64       // of sources and bodies
	Packer  *journal.Packer // packs bodies
	Shared  bool            // other nodes write the store as well

	Age   time.Duration // how long rejects are kept
	Most  int64         // how many of one source
	Bytes int64         // how many bytes of one source, see record.size
}

// Keeper keeps the rejects of a space. It belongs to whoever commits, but for PackAhead and
// what only reads: List, Get and Counts.
type Keeper struct {
	cfg Config
	// counts are those of the lane.
	counts rejectCounts
	open   generational.Cache[sameReject, openReject]
	// elsewhere is what the other lanes had of each source at the last look at the budget:
	// less than nothing where they removed what this one had added.
	elsewhere map[string]rejectCount
}

// NewKeeper makes the keeper of a space.
func NewKeeper(cfg Config) *Keeper {
	return &Keeper{cfg: cfg, counts: rejectCounts{}, open: generational.New[sameReject, openReject](mostSameRejects)}
}

// Recover reads what a lane has counted.
func (k *Keeper) Recover(ctx context.Context, r kv.Reader, lane uint64) (err error) {
	k.counts, err = readCounts(ctx, r, k.cfg.Keys, lane)
	return err
}

// NewLane says that a new lane was begun, which has counted nothing.
func (k *Keeper) NewLane() { k.counts = rejectCounts{} }

// News is what a commit makes of the rejects, see Learn.
type News struct {
	Messages int // that were refused and are kept

	delta rejectCounts
	open  map[sameReject]*openReject // of this commit
	heads map[rejectID]*rejectRecord // to be put
}

// Take keeps refused messages, and removes those that are sent again, given by their IDs,
// in a transaction of a lane. nil: there is nothing of either.
func (k *Keeper) Take(d *tx.Tx, lane uint64, list []*Reject, again []string) (*News, error) {
	var resolved []rejectID
	for _, text := range again {
		if id, ok := parseID(text); ok {
			resolved = append(resolved, id)
		}
	}
	if len(list)+len(resolved) == 0 {
		return nil, nil
	}
	n := &News{delta: rejectCounts{}, open: map[sameReject]*openReject{}, heads: map[rejectID]*rejectRecord{}}
	if err := k.keep(d, n, list); err != nil {
		return nil, err
	}
	if err := k.drop(d, n, resolved); err != nil {
		return nil, err
	}
	for id, head := range n.heads {
		d.Batch.Put(rejectKey(codec.Rejects, d.Keys(), id), head.append(nil))
	}
	k.stageCounts(d, lane, n.delta)
	return n, nil
}

// Learn takes over what a commit made of the rejects; nil: nothing.
func (k *Keeper) Learn(n *News) {
	if n == nil {
		return
	}
	for kind, count := range n.delta {
		k.counts.add(kind, count)
	}
	for same, o := range n.open {
		k.open.Put(same, *o)
	}
}

// keep keeps refused messages: those that are like one of the last hour
// are counted there.
func (k *Keeper) keep(d *tx.Tx, n *News, list []*Reject) error {
	if len(list) == 0 {
		return nil
	}
	// The records of an earlier commit that may count some of them.
	same := make([]sameReject, len(list))
	var asked []rejectID
	for i, r := range list {
		same[i] = k.same(r)
		if o, ok := k.open.Get(same[i]); ok && n.open[same[i]] == nil && r.ReceivedAt-o.since < int64(sameRejectTime) {
			n.open[same[i]] = &openReject{o.id, o.since}
			asked = append(asked, o.id)
		}
	}
	if err := k.load(d, n, asked); err != nil {
		return err
	}
	for i, r := range list {
		if r.Code != string(event.TimestampUnread) {
			n.Messages++ // the other is a note on a message that was taken
		}
		key := rejectKind{strings.Clone(r.Source), strings.Clone(r.Code)}
		if o := n.open[same[i]]; o != nil && n.heads[o.id] != nil {
			head := n.heads[o.id]
			head.Count++
			head.LastAt = max(head.LastAt, r.ReceivedAt)
			n.delta.add(key, rejectCount{messages: 1})
			continue
		}
		body := r.packed
		if body == nil {
			body = k.pack(r.Body)
		}
		head := &rejectRecord{Reject: *r, stored: int64(len(body))}
		head.Body, head.packed, head.Count, head.LastAt = nil, nil, 1, r.ReceivedAt
		id := newID(r.ReceivedAt, k.tag(r.Source))
		d.Batch.Put(rejectKey(codec.RejectBodies, d.Keys(), id), body)
		n.heads[id] = head
		n.open[same[i]] = &openReject{id, r.ReceivedAt}
		n.delta.add(key, rejectCount{records: 1, messages: 1, bytes: head.size()})
	}
	return nil
}

// load reads the records of rejects that are there.
func (k *Keeper) load(d *tx.Tx, n *News, ids []rejectID) error {
	if len(ids) == 0 {
		return nil
	}
	keys := make([][]byte, len(ids))
	for i, id := range ids {
		keys[i] = rejectKey(codec.Rejects, d.Keys(), id)
	}
	values, err := d.Get(keys)
	if err != nil {
		return err
	}
	for i, v := range values {
		if v == nil {
			continue // it was sent again, or made room
		}
		head, err := decodeReject(ids[i], v)
		if err != nil {
			return err
		}
		n.heads[ids[i]] = &head
	}
	return nil
}

// drop removes what a delivery sends again.
func (k *Keeper) drop(d *tx.Tx, n *News, ids []rejectID) error {
	slices.SortFunc(ids, func(a, b rejectID) int { return bytes.Compare(a[:], b[:]) })
	ids = slices.Compact(ids)
	var asked []rejectID
	for _, id := range ids {
		if n.heads[id] == nil {
			asked = append(asked, id)
		}
	}
	if err := k.load(d, n, asked); err != nil {
		return err
	}
	for _, id := range ids {
		head := n.heads[id]
		if head == nil {
			continue // sent again before
		}
		delete(n.heads, id)
		d.Batch.Delete(rejectKey(codec.Rejects, d.Keys(), id))
		d.Batch.Delete(rejectKey(codec.RejectBodies, d.Keys(), id))
		n.delta.add(rejectKind{head.Source, head.Code}, rejectCount{-1, -head.Count, -head.size()})
	}
	return nil
}
