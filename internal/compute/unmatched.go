package compute

import (
	"strings"

	"github.com/google/btree"

	"github.com/selfsame-id/selfsame/internal/event"
)

// unmatched gathers the values of its first stream that no row of the second carries
// later, or ever.
type unmatched struct {
	spec   *foldSpec
	any    bool // there is a row of the first stream
	values map[string]*pair
	open   *btree.BTreeG[string] // values that are not matched, whatever the window
	bytes  int
}

// pair is when a value was last carried by either stream; the zero Moment is never.
type pair struct{ wants, matched event.Moment }

func newUnmatched(spec *foldSpec) *unmatched {
	u := &unmatched{spec: spec}
	u.reset()
	return u
}

func (u *unmatched) reset() {
	u.any, u.bytes, u.values = false, 0, map[string]*pair{}
	u.open = btree.NewOrderedG[string](32)
}

func (u *unmatched) note(role int, v []byte, at event.Moment) {
	p := u.values[string(v)]
	if p == nil {
		p = &pair{}
		u.values[strings.Clone(string(v))] = p
		u.bytes += len(v) + 160
	}
	last := &p.wants
	if role == 1 {
		last = &p.matched
	}
	if last.Before(at) {
		*last = at
	}
	if u.isOpen(p) {
		u.open.ReplaceOrInsert(string(v))
	} else {
		u.open.Delete(string(v))
	}
}

func (u *unmatched) isOpen(p *pair) bool {
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
			leaves := ceil(u.values[v].wants.Time) + length
			if leaves <= now {
				return true
			}
			next = sooner(next, leaves)
		}
		if list = append(list, v); length == 0 {
			return len(list) <= mostListed
		}
		return true
	})
	return result{listValue(list, false), next}, true
}

func (u *unmatched) append(b []byte) []byte {
	b = appendInt(appendBool(b, u.any), int64(len(u.values)))
	for v, p := range u.values {
		b = appendMoment(appendMoment(appendValue(b, v), p.wants), p.matched)
	}
	return b
}

func (u *unmatched) decode(d *decoder) {
	u.reset()
	u.any = d.bool()
	for range d.count() {
		v, wants, matched := d.value(), d.moment(), d.moment()
		u.note(0, v, wants)
		u.note(1, v, matched)
	}
}

func (u *unmatched) size() int { return 256 + u.bytes + 24*u.open.Len() }
