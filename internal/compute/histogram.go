package compute

import (
	"github.com/selfsame-id/selfsame/internal/compute/values"

	"slices"
	"strings"
)

// histogram counts texts.
type histogram struct {
	kind   Kind
	least  int64
	counts table[int64]
	n      int64 // how many texts there are
	bytes  int

	best   string // the most frequent; of several the first in the alphabet
	most   int64
	listed []string // sorted: all texts, or the first of them in the alphabet
	// unlisted: the list is outside, and was not read yet.
	unlisted bool
}

func newHistogram(kind Kind, least int) *histogram {
	return &histogram{kind: kind, least: int64(least), counts: newTable[int64](0)}
}

func (h *histogram) text(v string, n int64) {
	was := h.counts.rows[v]
	if was == 0 {
		v = strings.Clone(v)
		h.bytes += len(v) + 48
		h.n++
		h.insert(v)
	}
	now := was + n
	if h.counts.put(v, now); now > h.most || now == h.most && v < h.best {
		h.best, h.most = strings.Clone(v), now
	}
}

// insert puts a new text into the list that is shown.
func (h *histogram) insert(v string) {
	if h.kind != UniqueList || h.unlisted {
		return
	}
	at, found := slices.BinarySearch(h.listed, v)
	if at >= values.MostListed || found {
		return
	}
	h.listed = slices.Insert(h.listed[:min(len(h.listed), values.MostListed)], at, v)
	h.listed = h.listed[:min(len(h.listed), values.MostListed)]
}

func (h *histogram) add(r *Row) error {
	return eachValue(r.Value, func(v []byte) error {
		h.text(string(v), 1)
		return nil
	})
}

func (h *histogram) addTile(t *Tile) error {
	for v, e := range t.texts {
		h.text(v, e.count)
	}
	return nil
}

func (h *histogram) value() values.Value {
	switch {
	case h.kind == UniqueCount:
		return values.WholeValue(h.n)
	case h.n == 0:
		return values.Value{}
	case h.kind == UniqueList:
		return values.ListValue(h.listed, h.n > int64(values.MostListed))
	case h.most < h.least:
		return values.Value{}
	}
	return values.TextValue(h.best)
}

func (h *histogram) empty() bool { return h.n == 0 }

func (h *histogram) append(b []byte) []byte {
	return appendInt(appendValue(appendInt(b, h.n), h.best), h.most)
}

func (h *histogram) decode(d *decoder) {
	h.n, h.best, h.most = d.int(), string(d.value()), d.int()
	h.unlisted = h.kind == UniqueList
}

func (h *histogram) size() int { return 128 + h.bytes + 16*len(h.listed) }

func (h *histogram) leave() { h.counts.leave() }
func (h *histogram) stay()  { h.counts.stay() }

func (h *histogram) need(_ int, r *Row, ask func(byte, string)) error {
	return eachValue(r.Value, func(v []byte) error {
		if key := string(v); h.counts.missing(key) {
			ask(0, key)
		}
		return nil
	})
}

func (h *histogram) load(_ byte, key string, b []byte) error {
	if b == nil {
		return nil
	}
	d := decoder{b: b}
	n := d.int()
	if h.bytes += len(key) + 48; n <= 0 {
		return values.ErrCorrupt
	}
	h.counts.loaded(key, n)
	return d.err()
}

func (h *histogram) prepare(_ int64, from source) error {
	if !h.unlisted {
		return nil
	}
	entries, err := from.entries.Scan(from.fold, 0, nil, values.MostListed)
	if err != nil {
		return err
	}
	h.unlisted, h.listed = false, make([]string, 0, len(entries))
	for i := range entries {
		h.listed = append(h.listed, entries[i].Key)
	}
	slices.Sort(h.listed)
	for v := range h.counts.changed {
		h.insert(v) // counts never go back to none
	}
	return nil
}

func (h *histogram) flush(tell func(Entry)) {
	if h.counts.void {
		tell(Entry{All: true})
	}
	h.counts.flush(tell, appendInt)
}

func (h *histogram) shrink() {
	if h.counts.shrink(); len(h.counts.rows) == 0 {
		h.bytes = 0
	}
}
