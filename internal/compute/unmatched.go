package compute

import (
	"github.com/selfsame-id/selfsame/internal/compute/values"

	"github.com/google/btree"

	"github.com/selfsame-id/selfsame/internal/event"
)

// unmatched gathers the values of its first stream that no row of the second carries
// later, or ever.
type unmatched struct {
	spec   *foldSpec
	any    bool // there is a row of the first stream
	values table[pair]
	bytes  int
	// isOpen are the values that are not matched, whatever the window, and open has
	// those of seen in order.
	isOpen table[bool]
	open   *btree.BTreeG[string]
	seen   window
}

// pair is when a value was last carried by either stream; the zero Moment is never.
type pair struct{ wants, matched event.Moment }

func newUnmatched(spec *foldSpec) *unmatched {
	u := &unmatched{spec: spec}
	u.reset()
	return u
}

func (u *unmatched) reset() {
	u.any, u.bytes, u.seen = false, 0, window{}
	u.values, u.isOpen = newTable[pair](0), newTable[bool](1)
	u.open = btree.NewOrderedG[string](32)
}

func (u *unmatched) note(role int, v []byte, at event.Moment) {
	p, known := u.values.rows[string(v)]
	key := string(v)
	if !known {
		u.bytes += len(v) + 160
	}
	last := &p.wants
	if role == 1 {
		last = &p.matched
	}
	was := u.opens(&p)
	if last.Before(at) {
		*last = at
	} else if known {
		return
	}
	u.values.put(key, p)
	is := u.opens(&p)
	switch {
	case is == was:
		return
	case !is:
		u.open.Delete(key)
	case u.seen.holds(key):
		u.open.ReplaceOrInsert(key)
	}
	switch {
	case u.isOpen.changed == nil: // open is all there is
	case is:
		u.isOpen.put(key, true)
	default:
		u.isOpen.remove(key)
	}
}

// opens reports whether a value is not matched.
func (u *unmatched) opens(p *pair) bool {
	var never event.Moment
	switch {
	case p.wants == never:
		return false
	case u.spec.ever:
		return p.matched == never
	}
	return !p.wants.Before(p.matched)
}

func (u *unmatched) add(role int, r *Row) (bool, error) {
	u.any = u.any || role == 0
	return true, eachValue(r.Value, func(v []byte) error {
		u.note(role, v, r.At)
		return nil
	})
}

func (u *unmatched) addTile(role int) func(t *Tile) error {
	return func(t *Tile) error {
		u.any = u.any || role == 0 && t.rows > 0
		for v, e := range t.texts {
			u.note(role, []byte(v), e.last)
		}
		return nil
	}
}

func (u *unmatched) fill(rows Rows, now int64) error {
	u.reset()
	from := [2]int64{}
	if u.spec.window.Length > 0 {
		from[0] = max(0, floor(now-int64(u.spec.window.Length))+1)
		if !u.spec.ever {
			from[1] = from[0] // what matches is later than what wants a match
		}
	}
	for role, s := range u.spec.streams {
		err := rows.Fold(s.id, from[role], now+1, u.addTile(role), func(r *Row) error {
			_, err := u.add(role, r)
			return err
		})
		if err != nil {
			return err
		}
	}
	if !u.any && from[0] > 0 {
		_, any, err := rows.Latest(u.spec.streams[0].id, now+1)
		u.any = any
		return err
	}
	return nil
}

func (u *unmatched) result(now int64) (result, bool) {
	if !u.any {
		return result{}, true
	}
	var list []string
	var next int64
	length := int64(u.spec.window.Length)
	u.open.Ascend(func(v string) bool {
		if length > 0 {
			leaves := ceil(u.values.rows[v].wants.Time) + length
			if leaves <= now {
				return true
			}
			next = sooner(next, leaves)
		}
		if list = append(list, v); length == 0 {
			return len(list) <= values.MostListed
		}
		return true
	})
	return result{values.ListValue(list, false), next}, true
}

func (u *unmatched) append(b []byte) []byte { return appendBool(b, u.any) }

func (u *unmatched) decode(d *decoder) {
	u.reset()
	u.any, u.seen.some = d.bool(), true
}

func (u *unmatched) lasts() bool { return u.spec.window.IsZero() }

func (u *unmatched) size() int { return 256 + u.bytes + 24*u.open.Len() }

func (u *unmatched) leave() {
	u.values.leave()
	u.isOpen.rows = make(map[string]bool, u.open.Len())
	u.open.Ascend(func(v string) bool {
		u.isOpen.rows[v] = true
		return true
	})
	u.isOpen.leave()
}

func (u *unmatched) stay() {
	u.values.stay()
	u.isOpen.stay()
}

func (u *unmatched) need(_ int, r *Row, ask func(byte, string)) error {
	return eachValue(r.Value, func(v []byte) error {
		if key := string(v); u.values.missing(key) {
			ask(0, key)
		}
		return nil
	})
}

func (u *unmatched) load(_ byte, key string, b []byte) error {
	if b == nil {
		return nil
	}
	d := decoder{b: b}
	u.values.loaded(key, pair{d.moment(), d.moment()})
	u.bytes += len(key) + 160
	return d.err()
}

// prepare reads on in the open values until there are as many as are listed.
func (u *unmatched) prepare(_ int64, from source) error {
	for u.seen.some && u.open.Len() <= values.MostListed {
		keys, err := from.next(&u.seen, &u.isOpen, values.MostListed/2+1)
		if err != nil {
			return err
		}
		for _, key := range keys {
			u.open.ReplaceOrInsert(key)
		}
	}
	return nil
}

func (u *unmatched) flush(tell func(Entry)) {
	if u.values.void {
		tell(Entry{All: true})
	}
	u.values.flush(tell, func(b []byte, p pair) []byte { return appendMoment(appendMoment(b, p.wants), p.matched) })
	u.isOpen.flush(tell, func(b []byte, _ bool) []byte { return b })
}

func (u *unmatched) shrink() {
	u.isOpen.shrink()
	if u.values.shrink(); len(u.values.rows) == 0 {
		u.bytes = 0
	}
}
