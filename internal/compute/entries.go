package compute

import "strings"

// What a fold knows of single texts, such as when each was last wanted, grows with the
// profile. So that an event costs what it adds, a memo can keep that outside of memory,
// as entries: it reads those that new rows are about, and says which have changed.

// EntryKey is the name of an entry of a memo.
type EntryKey struct {
	Fold  uint64 // which fold it is of; the same in all definitions that have it
	Table byte
	Key   string // up to 1032 bytes; it may be empty
}

// Entry is an entry, and what became of it.
type Entry struct {
	EntryKey
	Value []byte
	// Gone: there is no such entry any more. All: there is none of the fold any more,
	// whatever its table and key.
	Gone, All bool
}

// Entries reads the entries of one memo, as they were left by what its Flush said.
type Entries interface {
	// Get returns the values of entries, nil where there is none.
	Get(keys []EntryKey) ([][]byte, error)
	// Scan returns up to limit entries of a table in the order of their keys, those
	// after one; nil: from the first. Fewer mean that there are no more.
	Scan(fold uint64, table byte, after *string, limit int) ([]Entry, error)
}

// outsider is a fold that can have entries outside of memory, or an aggregate in one.
type outsider interface {
	// leave has all entries told of by the next flush as they are now, instead of those
	// that are outside, and later ones only those that changed.
	leave()
	// stay has the entries be outside, as the last flush left them.
	stay()
	// need calls ask with the entries that must be in memory before a row is added.
	need(role int, r *Row, ask func(table byte, key string)) error
	// load takes an entry into memory; b is nil if there is none.
	load(table byte, key string, b []byte) error
	// prepare takes into memory what a result as of now needs.
	prepare(now int64, from source) error
	// flush tells of what has changed.
	flush(tell func(Entry))
	// shrink drops what lies outside from memory.
	shrink()
}

// source is where one fold's entries lie.
type source struct {
	entries Entries
	fold    uint64
}

// window is which entries of a table are in memory in their order: those up to one, or all.
type window struct {
	last *string // nil: none were read
	some bool    // there may be more outside
}

// holds reports whether an entry that is new belongs to the window.
func (w *window) holds(key string) bool { return !w.some || w.last != nil && key <= *w.last }

// next reads on in a table. It returns the entries that come to the window: those that
// lie outside and are as they were, and those that were put since.
func (s source) next(w *window, t *table[bool], limit int) ([]string, error) {
	entries, err := s.entries.Scan(s.fold, t.no, w.last, limit)
	if err != nil {
		return nil, err
	}
	was := *w
	if w.some = len(entries) == limit; w.some {
		last := strings.Clone(entries[limit-1].Key)
		w.last = &last
	}
	var keys []string
	for i := range entries {
		if key := entries[i].Key; !t.changed[key] {
			keys = append(keys, strings.Clone(key))
		}
	}
	for key := range t.changed {
		if t.rows[key] && !was.holds(key) && w.holds(key) {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// table is a map from texts that may lie outside of memory in part.
type table[V any] struct {
	no      byte
	rows    map[string]V
	changed map[string]bool // since the last flush; nil: nothing lies outside
	void    bool            // what lies outside counts no more
}

func newTable[V any](no byte) table[V] { return table[V]{no: no, rows: map[string]V{}} }

func (t *table[V]) put(key string, v V) {
	t.rows[key] = v
	if t.changed != nil {
		t.changed[key] = true
	}
}

func (t *table[V]) remove(key string) {
	delete(t.rows, key)
	if t.changed != nil {
		t.changed[key] = true
	}
}

// missing reports whether an entry may lie outside.
func (t *table[V]) missing(key string) bool {
	if t.changed == nil || t.void || t.changed[key] {
		return false
	}
	_, there := t.rows[key]
	return !there
}

func (t *table[V]) leave() {
	t.changed, t.void = make(map[string]bool, len(t.rows)), true
	for key := range t.rows {
		t.changed[key] = true
	}
}

func (t *table[V]) stay() { t.changed, t.void = map[string]bool{}, false }

// loaded takes an entry that lies outside into memory, unless something newer is there.
func (t *table[V]) loaded(key string, v V) {
	if t.missing(key) {
		t.rows[strings.Clone(key)] = v
	}
}

// flush tells of what changed. Of a table that was void the caller has said that all is
// gone.
func (t *table[V]) flush(tell func(Entry), encode func([]byte, V) []byte) {
	for key := range t.changed {
		e := Entry{EntryKey: EntryKey{Table: t.no, Key: key}}
		if v, there := t.rows[key]; there {
			e.Value = encode(nil, v)
		} else if e.Gone = true; t.void {
			continue
		}
		tell(e)
	}
	t.stay()
}

// shrink drops the entries that lie outside as they are.
func (t *table[V]) shrink() {
	if len(t.changed) == 0 && t.changed != nil {
		t.rows = map[string]V{}
	}
}
