package compute

import (
	"github.com/selfsame-id/selfsame/internal/compute/values"

	"container/heap"
	"encoding/binary"
)

// mostKeyInstances is how many instances of one key a funnel may keep and be stored: they
// are one entry.
const mostKeyInstances = 10_000

// endsPage is how many ends are read at once. Tests lower it.
var endsPage = 100

func (f *funnel) lasts() bool {
	return f.spec.window.IsZero() && f.widest <= mostKeyInstances
}

func (f *funnel) append(b []byte) []byte {
	b = appendInt(appendInt(appendBool(b, f.any), f.done), f.over)
	return appendInt(appendInt(appendInt(b, f.open), int64(f.count)), int64(f.widest))
}

func (f *funnel) decode(d *decoder) {
	*f = *newFunnel(f.spec)
	f.any, f.done, f.over, f.open, f.count, f.widest = d.bool(), d.int(), d.int(), d.int(), int(d.int()), int(d.int())
	f.seen.some = true
}

// text is the key of an end among the entries, in their order.
func (e keyEnd) text() string {
	return string(binary.BigEndian.AppendUint64(nil, uint64(e.end))) + e.key
}

func (f *funnel) leave() {
	f.keys.leave()
	for _, e := range f.ends {
		f.isEnd.rows[e.text()] = true
	}
	f.isEnd.leave()
}

func (f *funnel) stay() {
	f.keys.stay()
	f.isEnd.stay()
}

func (f *funnel) need(role int, r *Row, ask func(byte, string)) error {
	return eachKey(r, f.spec.streams[role].take, func(key string) {
		if f.keys.missing(key) {
			ask(0, key)
		}
	})
}

func (f *funnel) load(_ byte, key string, b []byte) error {
	if b == nil {
		return nil
	}
	d := decoder{b: b}
	k := &funnelKey{last: d.moment(), gone: d.int()}
	for range d.count() {
		one := instance{from: d.int(), end: d.int(), step: int(d.int()), n: d.int()}
		one.last = d.moment()
		k.open = append(k.open, one)
	}
	f.keys.loaded(key, k)
	return d.err()
}

// prepare reads the ends that are over, and the next that still stands for something.
func (f *funnel) prepare(now int64, from source) error {
	for f.seen.some {
		for len(f.ends) > 0 && f.ends[0].end > now && !f.waits(f.ends[0]) {
			f.expire(heap.Pop(&f.ends).(keyEnd), now)
		}
		if len(f.ends) > 0 && f.ends[0].end > now {
			return nil
		}
		ends, err := from.next(&f.seen, &f.isEnd, endsPage)
		if err != nil {
			return err
		}
		if err := f.loadEnds(ends, from); err != nil {
			return err
		}
	}
	return nil
}

// loadEnds takes ends into memory, with their keys.
func (f *funnel) loadEnds(ends []string, from source) error {
	var missing []EntryKey
	for _, e := range ends {
		if len(e) < 8 {
			return values.ErrCorrupt
		}
		if f.keys.missing(e[8:]) {
			missing = append(missing, EntryKey{from.fold, 0, e[8:]})
		}
	}
	if len(missing) > 0 {
		stored, err := from.entries.Get(missing)
		if err != nil {
			return err
		}
		for i, b := range stored {
			if b == nil {
				return values.ErrCorrupt
			}
			if err := f.load(0, missing[i].Key, b); err != nil {
				return err
			}
		}
	}
	for _, e := range ends {
		heap.Push(&f.ends, keyEnd{int64(binary.BigEndian.Uint64([]byte(e[:8]))), e[8:]})
	}
	return nil
}

func (f *funnel) flush(tell func(Entry)) {
	if f.keys.void {
		tell(Entry{All: true})
	}
	f.keys.flush(tell, func(b []byte, k *funnelKey) []byte {
		b = appendInt(appendInt(appendMoment(b, k.last), k.gone), int64(len(k.open)))
		for _, one := range k.open {
			b = appendMoment(appendInt(appendInt(appendInt(appendInt(b, one.from), one.end), int64(one.step)), one.n), one.last)
		}
		return b
	})
	f.isEnd.flush(tell, func(b []byte, _ bool) []byte { return b })
}

func (f *funnel) shrink() {
	if f.keys.shrink(); len(f.keys.rows) == 0 {
		f.isEnd.shrink()
		f.ends, f.seen = nil, window{some: true}
	}
}
