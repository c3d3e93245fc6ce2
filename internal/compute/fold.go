package compute

import (
	"github.com/selfsame-id/selfsame/internal/compute/values"

	"math"

	"github.com/selfsame-id/selfsame/internal/event"
)

// fold makes a value out of rows, as of a moment. It is filled from all the rows of a
// profile, and may be kept and given more rows after that. It is given only rows whose
// time is not after the moment as of which it is asked.
type fold interface {
	// fill starts again with the rows up to now.
	fill(rows Rows, now int64) error
	// add adds a row of the stream of a role, in any order. It returns false when the
	// fold has to be filled again. An error is ErrCorrupt.
	add(role int, r *Row) (bool, error)
	// result is the value as of now, and the next moment at which it can change though
	// no row comes, 0 for never. now is not before that of the last fill or result. ok
	// is false when the fold has to be filled again, for now; after fill it is true.
	result(now int64) (out result, ok bool)
	size() int
}

// lasting is a fold that a memo may store: its head, and the entries that it may have
// besides; see outsider. Others are filled again from the rows of their windows.
type lasting interface {
	fold
	lasts() bool
	append(b []byte) []byte
	decode(d *decoder)
}

// outsiderOf is what of a fold has entries outside of memory; nil if nothing can have.
func outsiderOf(f fold) outsider {
	var agg aggregate
	switch f := f.(type) {
	case outsider:
		return f
	case *lifetime:
		agg = f.agg
	case *session:
		agg = f.agg
	case *since:
		agg = f.agg
	}
	out, _ := agg.(outsider)
	return out
}

// again makes an aggregate that begins again in the place of another.
func again(old aggregate, fresh func() aggregate) aggregate {
	agg := fresh()
	if h, ok := old.(*histogram); ok && h.counts.changed != nil {
		agg.(*histogram).leave()
	}
	return agg
}

// result is the value of a fold.
type result struct {
	values.Value
	next int64
}

// forever is later than any row.
const forever = math.MaxInt64

// newFold makes an empty fold.
func (f *foldSpec) newFold() fold {
	taken := takeNothing
	if len(f.streams) > 0 {
		taken = f.streams[0].take
	}
	fresh := func() aggregate { return newAggregate(f.kind, f.least, taken) }
	switch {
	case f.kind == Since:
		return &since{spec: f, agg: newAggregate(f.ofKind, f.least, taken), fresh: func() aggregate { return newAggregate(f.ofKind, f.least, taken) }}
	case f.kind == Unmatched:
		return newUnmatched(f)
	case f.kind == Funnel:
		return newFunnel(f)
	case f.window.Session > 0:
		return &session{stream: f.streams[0].id, gap: int64(f.window.Session), agg: fresh(), fresh: fresh}
	case f.window.Length > 0:
		return &sliding{stream: f.streams[0].id, length: int64(f.window.Length), skip: int64(f.window.Skip), fresh: fresh}
	}
	return &lifetime{stream: f.streams[0].id, agg: fresh(), fresh: fresh}
}

// foldAll adds the rows of a stream up to now to an aggregate.
func foldAll(rows Rows, stream StreamID, from, to int64, agg aggregate) error {
	if from >= to {
		return nil
	}
	return rows.Fold(stream, from, to, agg.addTile, agg.add)
}

// emptied is what a value becomes when nothing is left of what once was there: counts
// and sums are 0, others are none.
func emptied(agg aggregate) result {
	return result{Value: agg.value()}
}

// lifetime folds all rows.
type lifetime struct {
	stream StreamID
	agg    aggregate
	fresh  func() aggregate
}

func (l *lifetime) fill(rows Rows, now int64) error {
	l.agg = l.fresh()
	return foldAll(rows, l.stream, 0, now+1, l.agg)
}

func (l *lifetime) add(_ int, r *Row) (bool, error) { return true, l.agg.add(r) }

func (l *lifetime) result(int64) (result, bool) {
	if l.agg.empty() {
		return result{}, true
	}
	return result{Value: l.agg.value()}, true
}

func (l *lifetime) lasts() bool            { return true }
func (l *lifetime) append(b []byte) []byte { return l.agg.append(b) }
func (l *lifetime) decode(d *decoder)      { l.agg.decode(d) }
func (l *lifetime) size() int              { return 64 + l.agg.size() }

// session folds the rows of the last session, while it lasts.
type session struct {
	stream StreamID
	gap    int64
	agg    aggregate
	fresh  func() aggregate

	any         bool
	start, last int64 // of the last session
	over        bool  // it was over when it was last looked at, and agg is empty
}

// end is when the session that has a row at t last is over.
func (s *session) end(t int64) int64 { return ceil(t) + s.gap }

func (s *session) fill(rows Rows, now int64) error {
	s.agg, s.over = s.fresh(), false
	last, any, err := rows.Latest(s.stream, now+1)
	if s.any = any; err != nil || !any {
		return err
	}
	s.last = last.At.Time
	for back := s.gap; ; back *= 2 {
		from := s.last - back
		if from < 0 || back <= 0 {
			from = 0
		}
		s.agg = s.fresh()
		first, pause, before := true, false, int64(0)
		var failed error
		err := rows.Scan(s.stream, from, now+1, func(r *Row) bool {
			if first || r.At.Time >= s.end(before) {
				s.start, s.agg, pause = r.At.Time, s.fresh(), !first
			}
			first, before = false, r.At.Time
			failed = s.agg.add(r)
			return failed == nil
		})
		if err != nil || failed != nil {
			return firstError(err, failed)
		}
		if pause || from == 0 {
			return nil
		}
		earlier, any, err := rows.Latest(s.stream, from)
		if err != nil || !any || s.start >= s.end(earlier.At.Time) {
			return err
		}
	}
}

func (s *session) add(_ int, r *Row) (bool, error) {
	t := r.At.Time
	switch {
	case !s.any || t >= s.end(s.last):
		s.any, s.over, s.start, s.last, s.agg = true, false, t, t, again(s.agg, s.fresh)
	case s.over:
		return t <= s.last, nil
	case t < s.start:
		return s.start >= s.end(t), nil
	}
	s.last = max(s.last, t)
	return true, s.agg.add(r)
}

func (s *session) result(now int64) (result, bool) {
	if !s.any {
		return result{}, true
	}
	if now >= s.end(s.last) {
		s.over, s.agg = true, again(s.agg, s.fresh)
		return emptied(s.agg), true
	}
	return result{s.agg.value(), s.end(s.last)}, true
}

func (s *session) lasts() bool { return true }

func (s *session) append(b []byte) []byte {
	b = appendBool(appendBool(b, s.any), s.over)
	return s.agg.append(appendInt(appendInt(b, s.start), s.last))
}

func (s *session) decode(d *decoder) {
	s.any, s.over, s.start, s.last = d.bool(), d.bool(), d.int(), d.int()
	s.agg.decode(d)
}

func (s *session) size() int { return 96 + s.agg.size() }

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// since folds the rows of its first stream after the last row of its second; without
// such a row it folds all.
type since struct {
	spec  *foldSpec
	agg   aggregate
	fresh func() aggregate

	ever     bool         // there is a row of the first stream
	anchored bool         // and of the second
	anchor   event.Moment // the last of these
	high     event.Moment // the last row in agg
}

func (s *since) fill(rows Rows, now int64) error {
	of, last := s.spec.streams[0].id, s.spec.streams[1].id
	s.agg, s.ever, s.high = s.fresh(), false, event.Moment{}
	anchor, any, err := rows.Latest(last, now+1)
	if err != nil {
		return err
	}
	s.anchored, s.anchor = any, anchor.At
	newest, ever, err := rows.Latest(of, now+1)
	if s.ever, s.high = ever, newest.At; err != nil || !ever {
		return err
	}
	if !any {
		return foldAll(rows, of, 0, now+1, s.agg)
	}
	var failed error
	err = rows.Scan(of, s.anchor.Time, s.anchor.Time+1, func(r *Row) bool {
		if s.anchor.Before(r.At) {
			failed = s.agg.add(r)
		}
		return failed == nil
	})
	return firstError(err, failed, foldAll(rows, of, s.anchor.Time+1, now+1, s.agg))
}

func (s *since) add(role int, r *Row) (bool, error) {
	switch {
	case role == 0 && s.anchored && !s.anchor.Before(r.At):
		s.ever = true
	case role == 0:
		s.ever = true
		if s.high.Before(r.At) {
			s.high = r.At
		}
		return true, s.agg.add(r)
	case s.anchored && !s.anchor.Before(r.At):
	case r.At.Before(s.high):
		return false, nil
	default:
		s.anchored, s.anchor, s.agg = true, r.At, again(s.agg, s.fresh)
	}
	return true, nil
}

func (s *since) result(int64) (result, bool) {
	switch {
	case !s.ever:
		return result{}, true
	case s.agg.empty():
		return emptied(s.agg), true
	}
	return result{Value: s.agg.value()}, true
}

func (s *since) lasts() bool { return true }

func (s *since) append(b []byte) []byte {
	b = appendMoment(appendMoment(appendBool(appendBool(b, s.ever), s.anchored), s.anchor), s.high)
	return s.agg.append(b)
}

func (s *since) decode(d *decoder) {
	s.ever, s.anchored, s.anchor, s.high = d.bool(), d.bool(), d.moment(), d.moment()
	s.agg.decode(d)
}

func (s *since) size() int { return 160 + s.agg.size() }
