package feed

import (
	"context"
	"fmt"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Place is where a record stands among all: by its time, of equal times by its
// lane, then by its number.
type Place struct {
	Time      int64
	Lane, Seq uint64
}

// Place is the record's place.
func (r Record) Place() Place { return Place{r.Time, r.Lane, r.Seq} }

// Before reports whether a record at p is older than one at q.
func (p Place) Before(q Place) bool {
	switch {
	case p.Time != q.Time:
		return p.Time < q.Time
	case p.Lane != q.Lane:
		return p.Lane < q.Lane
	}
	return p.Seq < q.Seq
}

// Backward reads a feed from its end to its beginning. It relies on the times of
// a lane's records never going back, which those who write them see to.
type Backward struct {
	r     kv.Reader
	keys  codec.Keyspace
	lanes []*backLane
}

// backLane is what is left of one lane.
type backLane struct {
	number uint64
	end    uint64     // records with this number and above are done or not wanted
	ready  []kv.Entry // newest first
	top    int64      // time of the first that is ready
	page   int        // records read at once
	done   bool
}

// The pages of Backward: a record of a busy space is large, one of an idle space
// is not.
const (
	backPageLeast = 8
	backPageMost  = 128
	backPageBytes = 128 << 10
)

// Back begins to read the records of a space whose place is before a given one, the newest first; nil: all of them. It takes some reads
// for each lane. Errors are those of Read.
func Back(ctx context.Context, r kv.Reader, ks codec.Keyspace, before *Place) (*Backward, error) {
	b := &Backward{r: r, keys: ks}
	from, end := codec.FeedRecords.All(ks)
	for from != nil {
		first, err := r.Scan(ctx, from, end, 1, false)
		if err != nil {
			return nil, fmt.Errorf("lanes of the feed: %w", err)
		}
		if len(first) == 0 {
			break
		}
		number, _, err := parseKey(first[0].Key)
		if err != nil {
			return nil, err
		}
		lane, err := b.lane(ctx, first[0], before)
		if err != nil {
			return nil, err
		}
		if lane != nil {
			b.lanes = append(b.lanes, lane)
		}
		from = kv.PrefixEnd(codec.FeedRecords.Of(ks, number))
	}
	return b, nil
}

// lane finds where a lane begins that has records before a place; nil if it has
// none. first is the lane's first record.
func (b *Backward) lane(ctx context.Context, first kv.Entry, before *Place) (*backLane, error) {
	at, err := b.place(first)
	if err != nil {
		return nil, err
	}
	l := &backLane{number: at.Lane, page: backPageLeast}
	if before == nil {
		l.end = 1<<64 - 1
		return l, nil
	}
	if !at.Before(*before) {
		return nil, nil
	}
	if l.number == before.Lane && before.Seq > 0 {
		l.end = before.Seq
		return l, nil
	}
	laneEnd := kv.PrefixEnd(codec.FeedRecords.Of(b.keys, l.number))
	last, err := b.r.Scan(ctx, first.Key, laneEnd, 1, true)
	if err != nil {
		return nil, fmt.Errorf("lane %d of the feed: %w", l.number, err)
	}
	to, err := b.place(last[0])
	if err != nil {
		return nil, err
	}
	if to.Before(*before) {
		l.end = 1<<64 - 1
		return l, nil
	}
	low, high := at.Seq, to.Seq // low is before the place, high is not
	for high-low > 1 {
		middle := low + (high-low)/2
		found, err := b.r.Scan(ctx, codec.FeedRecords.Key(b.keys, l.number, middle), laneEnd, 1, false)
		if err != nil {
			return nil, fmt.Errorf("lane %d of the feed: %w", l.number, err)
		}
		p, err := b.place(found[0])
		if err != nil {
			return nil, err
		}
		if p.Before(*before) {
			low = p.Seq
		} else {
			high = middle
		}
	}
	l.end = low + 1
	return l, nil
}

// place reads where a record stands, and nothing else of it.
func (b *Backward) place(e kv.Entry) (Place, error) {
	lane, seq, err := parseKey(e.Key)
	if err != nil {
		return Place{}, err
	}
	d := decoder{b: e.Value}
	if v := d.byte(); v > recordVersion {
		return Place{}, fmt.Errorf("%w: version %d of a feed record", kv.ErrTooNew, v)
	}
	d.uvarint()
	d.uvarint()
	return Place{d.varint(), lane, seq}, d.err
}

// Next returns the next older record; false at the beginning of the feed.
func (b *Backward) Next(ctx context.Context) (Record, bool, error) {
	var next *backLane
	for _, l := range b.lanes {
		if err := b.fill(ctx, l); err != nil {
			return Record{}, false, err
		}
		if len(l.ready) > 0 && (next == nil || l.top >= next.top) {
			next = l // of equal times the higher lane is the newer; they come by number
		}
	}
	if next == nil {
		return Record{}, false, nil
	}
	e := next.ready[0]
	if err := b.take(next, next.ready[1:]); err != nil {
		return Record{}, false, err
	}
	rec, err := Decode(e.Value)
	if err != nil {
		return Record{}, false, fmt.Errorf("lane %d of the feed: %w", next.number, err)
	}
	return rec, true, nil
}

// take makes records the lane's next.
func (b *Backward) take(l *backLane, ready []kv.Entry) error {
	l.ready = ready
	if len(ready) == 0 {
		return nil
	}
	p, err := b.place(ready[0])
	l.top = p.Time
	return err
}

func (b *Backward) fill(ctx context.Context, l *backLane) error {
	if len(l.ready) > 0 || l.done {
		return nil
	}
	page, err := b.r.Scan(ctx, codec.FeedRecords.Key(b.keys, l.number, 0), codec.FeedRecords.Key(b.keys, l.number, l.end), l.page, true)
	if err != nil {
		return fmt.Errorf("lane %d of the feed: %w", l.number, err)
	}
	l.done = len(page) < l.page
	if len(page) == 0 {
		return nil
	}
	bytes := 0
	for _, e := range page {
		bytes += len(e.Value)
	}
	if bytes < backPageBytes {
		l.page = min(l.page*2, backPageMost)
	}
	if _, l.end, err = parseKey(page[len(page)-1].Key); err != nil {
		return err
	}
	return b.take(l, page)
}
