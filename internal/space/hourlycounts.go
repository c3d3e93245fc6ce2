package space

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// HourlyCounts counts what happened in an hour or a day: what the feed records of that
// time tell, and the refused messages.
type HourlyCounts struct {
	Events     int64 // stored
	Unresolved int64 // of these, those that are of no profile
	Created    int64 // profiles
	Merged     int64
	Unmerged   int64
	Demoted    int64            // IDs left out by a rule
	ByReason   map[string]int64 // Demoted, by the words of feed.Change
	Rejected   int64            // messages refused
}

// mostReasons bounds the reasons that one record of hourly counts tells apart; the
// rest is counted under otherReason. There are about as many reasons as listed
// ID types.
const (
	mostReasons = 100
	otherReason = "other"
)

// countsOf counts what a commit did.
func countsOf(rec *feed.Record, rejects int) (t HourlyCounts) {
	t.Events, t.Rejected = int64(rec.Events), int64(rejects)
	for i := range rec.Changes {
		switch c := &rec.Changes[i]; c.Kind {
		case feed.ProfileCreated:
			t.Created++
		case feed.Merged:
			t.Merged++
		case feed.Unmerged:
			t.Unmerged++
		case feed.Unresolved:
			t.Unresolved++
		case feed.Demoted:
			t.Demoted++
			if t.ByReason == nil {
				t.ByReason = map[string]int64{}
			}
			t.ByReason[c.Reason]++
		}
	}
	return t
}

// Plus adds up two hourly counts and changes neither.
func (t HourlyCounts) Plus(o *HourlyCounts) HourlyCounts {
	t.Events += o.Events
	t.Unresolved += o.Unresolved
	t.Created += o.Created
	t.Merged += o.Merged
	t.Unmerged += o.Unmerged
	t.Demoted += o.Demoted
	t.Rejected += o.Rejected
	if len(o.ByReason) == 0 {
		return t
	}
	by := make(map[string]int64, len(t.ByReason)+len(o.ByReason))
	for r, n := range t.ByReason {
		by[r] = n
	}
	for r, n := range o.ByReason {
		if _, known := by[r]; !known && len(by) >= mostReasons {
			r = otherReason
		}
		by[r] += n
	}
	t.ByReason = by
	return t
}

func (t *HourlyCounts) isZero() bool {
	return t.Events == 0 && t.Unresolved == 0 && t.Created == 0 && t.Merged == 0 && t.Unmerged == 0 && t.Demoted == 0 && t.Rejected == 0
}

func (t *HourlyCounts) append(b []byte) []byte {
	b = append(b, 1)
	for _, n := range [...]int64{t.Events, t.Unresolved, t.Created, t.Merged, t.Unmerged, t.Demoted, t.Rejected} {
		b = binary.AppendVarint(b, n)
	}
	b = binary.AppendUvarint(b, uint64(len(t.ByReason)))
	for r, n := range t.ByReason {
		b = binary.AppendVarint(codec.AppendText(b, r), n)
	}
	return b
}

func decodeHourlyCounts(b []byte) (t HourlyCounts, err error) {
	r := &codec.Reader{Rest: b}
	r.Version(1)
	for _, n := range [...]*int64{&t.Events, &t.Unresolved, &t.Created, &t.Merged, &t.Unmerged, &t.Demoted, &t.Rejected} {
		*n = r.Varint()
	}
	for range r.Count(2) {
		if t.ByReason == nil {
			t.ByReason = map[string]int64{}
		}
		reason := r.Text()
		t.ByReason[reason] += r.Varint()
	}
	return t, r.Err
}

// steps is how many whole steps a time is after 1970, rounded down.
func steps(ns, step int64) int64 {
	n := ns / step
	if ns%step < 0 {
		n--
	}
	return n
}

// HourOf is the start of the hour of a time.
func HourOf(ns int64) int64 { return floor(ns, int64(time.Hour)) }

func floor(ns, step int64) int64 {
	r := ns % step
	if r < 0 {
		r += step
	}
	return ns - r
}

// laneHour is what the writer's lane has counted in its current hour.
type laneHour struct {
	known bool
	hour  int64
	lane  uint64
	total HourlyCounts
}

// stageCounts adds to a plan what its commit makes of the hour's counts. The lane
// is ours, so the total in memory is the one in the store; the writer takes it
// over with landed when the commit has happened.
func (s *Space) stageCounts(ctx context.Context, c *Tx) error {
	c.hour = laneHour{}
	add := countsOf(&c.record, c.rejects)
	if add.isZero() {
		return nil
	}
	now := laneHour{known: true, hour: HourOf(c.record.Time), lane: c.record.Lane}
	key := codec.Tallies.Key(s.keys, now.hour, now.lane)
	if t := &s.hour; t.known && t.hour == now.hour && t.lane == now.lane {
		now.total = t.total
	} else {
		r, err := s.store.Snapshot(ctx)
		if err != nil {
			return err
		}
		got, err := r.Get(ctx, key)
		r.Close()
		if err != nil {
			return err
		}
		if got[0] != nil {
			if now.total, err = decodeHourlyCounts(got[0]); err != nil {
				return err
			}
		}
	}
	now.total = now.total.Plus(&add)
	c.batch.Put(key, now.total.append(nil))
	c.hour = now
	return nil
}

// CountsQuery asks for hourly counts of a time.
type CountsQuery struct {
	Since, Until int64 // nanoseconds since 1970; Since is rounded down, Until up
	Daily        bool  // one for each day (UTC) instead of each hour
}

// MostCounts bounds the hours or days of one question.
const MostCounts = 1000

// CountsAt is the hourly counts of the hour or day that begins at At.
type CountsAt struct {
	At int64 // nanoseconds since 1970
	HourlyCounts
}

// Counts counts what happened, hour by hour or day by day, the oldest first and
// without a gap. The time is that of the commits; with an import that is when it
// ran. ErrInvalid if that are more than MostTallies.
func (s *Space) Counts(ctx context.Context, q CountsQuery) ([]CountsAt, error) {
	step := int64(time.Hour)
	if q.Daily {
		step *= 24
	}
	if q.Since >= q.Until {
		return nil, fmt.Errorf("%w: the period ends before it begins", ErrInvalid)
	}
	// Whole steps, which cannot overflow: the ends may be those of int64.
	first, last := steps(q.Since, step), steps(q.Until-1, step)
	n := last - first + 1
	since, until := first*step, (last+1)*step
	switch {
	case n > MostCounts:
		return nil, fmt.Errorf("%w: the chart would have %d points; ask for at most %d: by day instead of by hour, or for a shorter period", ErrInvalid, n, MostCounts)
	}
	if first <= steps(math.MinInt64, step) || last >= steps(math.MaxInt64, step) {
		return nil, fmt.Errorf("%w: the time is not between the years 1678 and 2261", ErrInvalid)
	}
	out := make([]CountsAt, n)
	for i := range out {
		out[i].At = since + int64(i)*step
	}
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	err = eachHour(ctx, r, s.keys, since, until, func(hour int64, t *HourlyCounts) {
		at := &out[(hour-since)/step]
		at.HourlyCounts = at.Plus(t)
	})
	return out, err
}

// eachHour calls f with the hourly counts of every hour and lane of a time.
func eachHour(ctx context.Context, r kv.Reader, keys codec.Keyspace, since, until int64, f func(hour int64, t *HourlyCounts)) error {
	from, end := codec.Tallies.Of(keys, since), codec.Tallies.Of(keys, until)
	for {
		page, err := r.Scan(ctx, from, end, scanPage, false)
		if err != nil {
			return err
		}
		for _, e := range page {
			t, err := decodeHourlyCounts(e.Value)
			if err != nil {
				return err
			}
			hour, _, ok := codec.Tallies.Parse(e.Key)
			if !ok {
				return kv.ErrCorrupt
			}
			f(hour, &t)
		}
		if len(page) < scanPage {
			return nil
		}
		from = kv.After(page[len(page)-1].Key)
	}
}

// Reasons lists a hourly counts's reasons, the most frequent first.
func (t *HourlyCounts) Reasons() []string {
	out := make([]string, 0, len(t.ByReason))
	for r := range t.ByReason {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b string) int {
		return cmp.Or(cmp.Compare(t.ByReason[b], t.ByReason[a]), cmp.Compare(a, b))
	})
	return out
}
