package compute

import (
	"github.com/selfsame-id/selfsame/internal/compute/values"

	"cmp"
	"container/heap"
	"slices"

	"github.com/selfsame-id/selfsame/internal/event"
)

// funnel counts instances of its first step by what became of them: whether the other
// steps followed in order, each later than the one before and all in time. Every row of
// the first step is an instance, and one row may take several instances further.
type funnel struct {
	spec *foldSpec
	keys table[*funnelKey]
	any  bool
	// done and over are the instances that are no longer kept, open are those that are.
	done, over, open int64
	count            int // entries that hold the kept ones
	// ends are when the time of kept instances is over, the next first; some may be of
	// instances that are done; they are those of seen. With a window there are none.
	ends   ends
	isEnd  table[bool]
	seen   window
	widest int // how many instances a key has at most
}

// ends is a heap.
type ends []keyEnd

type keyEnd struct {
	end int64
	key string
}

func (e ends) Len() int           { return len(e) }
func (e ends) Less(i, j int) bool { return e[i].end < e[j].end }
func (e ends) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *ends) Push(x any)        { *e = append(*e, x.(keyEnd)) }
func (e *ends) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

// funnelKey is a funnel of rows that carry one value.
type funnelKey struct {
	open []instance // by moment
	last event.Moment
	gone int64 // the latest end of an instance that is over
}

// instance is a row of the first step, or several that will go the same way.
type instance struct {
	from int64 // the whole second from which its windows count
	end  int64 // when its time is over, 0 for never
	step int   // steps taken
	last event.Moment
	n    int64
}

// mostInstances is how many are kept; with more the funnel is folded out of the rows
// each time.
const mostInstances = 100_000

func newFunnel(spec *foldSpec) *funnel {
	return &funnel{spec: spec, keys: newTable[*funnelKey](0), isEnd: newTable[bool](1)}
}

func (f *funnel) end(t int64) int64 {
	if f.spec.within == 0 {
		return 0
	}
	return ceil(t) + int64(f.spec.within)
}

// step is a row's part in a funnel.
type step struct {
	key string
	at  event.Moment
	no  int
}

func (f *funnel) fill(rows Rows, now int64) error {
	*f = *newFunnel(f.spec)
	from := int64(0)
	if w := int64(f.spec.window.Length); w > 0 {
		from = max(0, floor(now-w)+1)
		_, any, err := rows.Latest(f.spec.streams[0].id, now+1)
		if f.any = any; err != nil || !any {
			return err
		}
	}
	var all []step
	for no, s := range f.spec.streams {
		var failed error
		err := rows.Scan(s.id, from, now+1, func(r *Row) bool {
			f.any = f.any || no == 0
			failed = eachKey(r, s.take, func(key string) { all = append(all, step{key, r.At, no}) })
			return failed == nil
		})
		if err != nil || failed != nil {
			return firstError(err, failed)
		}
	}
	slices.SortFunc(all, func(a, b step) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.no, b.no)) })
	for _, s := range all {
		f.take(s)
	}
	return nil
}

// eachKey calls use for every value of a row, once without one if there are none to be
// taken.
func eachKey(r *Row, taken take, use func(key string)) error {
	if taken == takeNothing {
		use("")
		return nil
	}
	return eachValue(r.Value, func(v []byte) error {
		use(string(v))
		return nil
	})
}

// take takes a step that is not before those taken of its key.
func (f *funnel) take(s step) {
	k := f.keys.rows[s.key]
	if k == nil {
		k = &funnelKey{}
	}
	f.keys.put(s.key, k)
	k.last = s.at
	before := len(k.open)
	kept := k.open[:0]
	for _, one := range k.open {
		if one.step == s.no && one.last.Before(s.at) && (one.end == 0 || s.at.Time < one.end) {
			one.step, one.last = one.step+1, s.at
		}
		switch same := f.same(kept, one, s.at); {
		case one.step == len(f.spec.streams) && f.spec.window.Length == 0:
			f.done += one.n
			f.open -= one.n
		case same != nil:
			same.n += one.n
			same.last = one.last
		default:
			kept = append(kept, one)
		}
	}
	if s.no == 0 {
		kept = append(kept, instance{ceil(s.at.Time), f.end(s.at.Time), 1, s.at, 1})
		f.wait(s.key, kept[len(kept)-1])
	}
	f.count += len(kept) - before
	k.open = kept
	f.widest = max(f.widest, len(kept))
}

// same returns an instance that from now on goes the same way as one, if nothing tells
// them apart. now is the moment of the row that was taken.
func (f *funnel) same(kept []instance, one instance, now event.Moment) *instance {
	if one.end != 0 || f.spec.window.Length > 0 {
		return nil
	}
	for i := range kept {
		if kept[i].step == one.step && kept[i].last.Before(now) == one.last.Before(now) {
			return &kept[i]
		}
	}
	return nil
}

func (f *funnel) add(no int, r *Row) (bool, error) {
	if f.spec.window.Length > 0 || f.keys.changed == nil && f.count > mostInstances {
		return false, nil
	}
	f.any = f.any || no == 0
	good := true
	err := eachKey(r, f.spec.streams[no].take, func(key string) {
		if k := f.keys.rows[key]; k != nil && (r.At.Before(k.last) || r.At.Time < k.gone) {
			good = false
		}
		if good {
			f.take(step{key, r.At, no})
		}
	})
	return good, err
}

// wait notes an instance that is kept.
func (f *funnel) wait(key string, one instance) {
	if f.open += one.n; one.end != 0 && f.spec.window.Length == 0 {
		e := keyEnd{one.end, key}
		if f.isEnd.changed != nil {
			f.isEnd.put(e.text(), true)
		}
		if f.seen.holds(e.text()) {
			heap.Push(&f.ends, e)
		}
	}
}

func (f *funnel) result(now int64) (result, bool) {
	if !f.any {
		return result{}, true
	}
	if f.spec.window.Length > 0 {
		return f.windowed(now), true
	}
	for len(f.ends) > 0 && (f.ends[0].end <= now || !f.waits(f.ends[0])) {
		f.expire(heap.Pop(&f.ends).(keyEnd), now)
	}
	var next int64
	if len(f.ends) > 0 {
		next = f.ends[0].end
	}
	return f.measured(f.done, f.over, f.open, next), true
}

func (f *funnel) measured(done, over, open, next int64) result {
	switch f.spec.measure {
	case Abandoned:
		done = over
	case Open:
		done = open
	}
	return result{values.WholeValue(done), next}
}

// waits reports whether an instance is kept for an end.
func (f *funnel) waits(e keyEnd) bool {
	return slices.ContainsFunc(f.keys.rows[e.key].open, func(one instance) bool { return one.end == e.end })
}

// expire lets go of the instances of a key whose time is over.
func (f *funnel) expire(e keyEnd, now int64) {
	k := f.keys.rows[e.key]
	f.keys.put(e.key, k)
	if f.isEnd.changed != nil {
		f.isEnd.remove(e.text())
	}
	before := len(k.open)
	k.open = slices.DeleteFunc(k.open, func(one instance) bool {
		over := one.end != 0 && one.end <= now
		if over {
			f.over += one.n
			f.open -= one.n
			k.gone = max(k.gone, one.end)
		}
		return over
	})
	f.count += len(k.open) - before
}

// windowed counts the instances of a window.
func (f *funnel) windowed(now int64) result {
	var done, over, open, next int64
	for _, k := range f.keys.rows {
		for _, one := range k.open {
			leaves := one.from + int64(f.spec.window.Length)
			if leaves <= now {
				continue
			}
			next = sooner(next, leaves)
			switch {
			case one.step == len(f.spec.streams):
				done += one.n
			case one.end != 0 && one.end <= now:
				over += one.n
			default:
				open += one.n
				next = sooner(next, one.end)
			}
		}
	}
	return f.measured(done, over, open, next)
}

func (f *funnel) size() int { return 128 + 72*f.count + 160*len(f.keys.rows) + 24*len(f.ends) }
