package compute

import (
	"slices"

	"github.com/selfsame-id/selfsame/internal/event"
)

// mostEntries is how many rows of a window a fold keeps. A window with more is folded
// out of tiles and rows each time. Tests lower it.
var mostEntries = 2048

// sliding folds the rows of a window that moves with the clock: those from skip to
// length before now.
type sliding struct {
	stream       StreamID
	length, skip int64
	fresh        func() aggregate

	ever    bool
	entries []entry // of the window and those that will enter it, by moment
	// agg folds the first in of these; it is nil when it has to be made again.
	agg     aggregate
	in      int
	crowded bool // there are too many; then the result is crowd, if it is known
	known   bool
	crowd   result
}

// entry is a row that is kept.
type entry struct {
	at    event.Moment
	value []byte
}

// enters and leaves are when a row of time t is in the window: from the one until the
// other.
func (s *sliding) enters(t int64) int64 {
	if s.skip == 0 {
		return t
	}
	return ceil(t) + s.skip
}

func (s *sliding) leaves(t int64) int64 { return ceil(t) + s.length }

func (s *sliding) fill(rows Rows, now int64) error {
	s.entries, s.crowded, s.agg = nil, false, nil
	_, ever, err := rows.Latest(s.stream, now+1)
	if s.ever = ever; err != nil || !ever {
		return err
	}
	from := max(0, floor(now-s.length)+1)
	err = rows.Scan(s.stream, from, now+1, func(r *Row) bool {
		s.keep(r)
		return !s.crowded
	})
	if err != nil || !s.crowded {
		return err
	}
	return s.fillCrowd(rows, from, now)
}

// fillCrowd computes the result at once.
func (s *sliding) fillCrowd(rows Rows, from, now int64) error {
	to := now + 1
	if s.skip > 0 {
		to = max(0, floor(now-s.skip)+1)
	}
	agg := s.fresh()
	s.crowd = result{}
	var next int64
	one := func(at func(int64) int64) func(*Row) bool {
		return func(r *Row) bool {
			next = sooner(next, at(r.At.Time))
			return false
		}
	}
	err := firstError(
		foldAll(rows, s.stream, from, to, agg),
		rows.Scan(s.stream, from, to, one(s.leaves)),
		rows.Scan(s.stream, to, now+1, one(s.enters)))
	s.crowd, s.known = result{agg.value(), next}, true
	return err
}

// keep adds a row to the entries.
func (s *sliding) keep(r *Row) {
	if len(s.entries) >= mostEntries {
		s.entries, s.crowded, s.known = nil, true, false
		return
	}
	at := len(s.entries)
	for at > 0 && r.At.Before(s.entries[at-1].at) {
		at--
	}
	if at < s.in {
		s.agg = nil
	}
	s.entries = slices.Insert(s.entries, at, entry{r.At, slices.Clone(r.Value)})
}

func (s *sliding) add(_ int, r *Row) (bool, error) {
	s.ever = true
	if s.crowded {
		s.known = false
		return false, nil
	}
	s.keep(r)
	return !s.crowded, nil
}

func (s *sliding) result(now int64) (result, bool) {
	switch {
	case s.crowded:
		return s.crowd, s.known && (s.crowd.next == 0 || now < s.crowd.next)
	case !s.ever:
		return result{}, true
	}
	gone := 0
	for gone < len(s.entries) && s.leaves(s.entries[gone].at.Time) <= now {
		gone++
	}
	if s.entries = s.entries[gone:]; gone > 0 || s.agg == nil {
		s.agg, s.in = s.fresh(), 0
	}
	for ; s.in < len(s.entries) && s.enters(s.entries[s.in].at.Time) <= now; s.in++ {
		e := &s.entries[s.in]
		if err := s.agg.add(&Row{At: e.at, Value: e.value}); err != nil {
			return result{}, false
		}
	}
	var next int64
	if s.in > 0 {
		next = s.leaves(s.entries[0].at.Time)
	}
	if s.in < len(s.entries) {
		next = sooner(next, s.enters(s.entries[s.in].at.Time))
	}
	return result{s.agg.value(), next}, true
}

func (s *sliding) size() int {
	n := 128
	for _, e := range s.entries {
		n += 64 + len(e.value)
	}
	return n
}
