package counts

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Hourly counts what happened in an hour or a day: what the feed records of that
// time tell, and the refused messages.
type Hourly struct {
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

// Of counts what a commit did.
func Of(rec *feed.Record, rejects int) (t Hourly) {
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
func (t Hourly) Plus(o *Hourly) Hourly {
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

// IsZero reports whether nothing happened.
func (t *Hourly) IsZero() bool {
	return t.Events == 0 && t.Unresolved == 0 && t.Created == 0 && t.Merged == 0 && t.Unmerged == 0 && t.Demoted == 0 && t.Rejected == 0
}

// Append appends the stored form.
func (t *Hourly) Append(b []byte) []byte {
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

// DecodeHourly reads what Append wrote. Errors wrap kv.ErrCorrupt or codec.ErrTooNew.
func DecodeHourly(b []byte) (t Hourly, err error) {
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

// HourOf is the start of the hour of a time.
func HourOf(ns int64) int64 { return floor(ns, int64(time.Hour)) }

func floor(ns, step int64) int64 {
	r := ns % step
	if r < 0 {
		r += step
	}
	return ns - r
}

// EachHour calls f with the hourly counts of every hour and lane of a time.
func EachHour(ctx context.Context, r kv.Reader, keys codec.Keyspace, since, until int64, f func(hour int64, t *Hourly)) error {
	from, end := codec.Tallies.Of(keys, since), codec.Tallies.Of(keys, until)
	for {
		entries, err := r.Scan(ctx, from, end, pageSize, false)
		if err != nil {
			return err
		}
		for _, e := range entries {
			t, err := DecodeHourly(e.Value)
			if err != nil {
				return err
			}
			hour, _, ok := codec.Tallies.Parse(e.Key)
			if !ok {
				return kv.ErrCorrupt
			}
			f(hour, &t)
		}
		if len(entries) < pageSize {
			return nil
		}
		from = kv.After(entries[len(entries)-1].Key)
	}
}

// Reasons lists the reasons of ByReason, the most frequent first.
func (t *Hourly) Reasons() []string {
	out := make([]string, 0, len(t.ByReason))
	for r := range t.ByReason {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b string) int {
		return cmp.Or(cmp.Compare(t.ByReason[b], t.ByReason[a]), cmp.Compare(a, b))
	})
	return out
}
