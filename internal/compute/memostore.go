package compute

import (
	"github.com/selfsame-id/selfsame/internal/compute/values"

	"hash/fnv"
	"slices"

	"github.com/selfsame-id/selfsame/internal/identity"
)

// A memo is stored as its head, which is small, and as entries. What it has of windows
// is not stored but read out of the rows of these windows again.

// memoVersion is the first byte of a head.
const memoVersion = 2

// Keep has a memo that was all in memory, and was evaluated, keep its entries outside:
// the next Flush tells of all of them.
func (m *Memo) Keep(entries Entries) {
	m.entries = entries
	for _, f := range m.folds {
		m.leave(f)
	}
}

// Reopen has a memo with entries outside read them from now on from where they are as the
// last Flush told.
func (m *Memo) Reopen(entries Entries) { m.entries = entries }

// OpenMemo opens a memo for a profile of a collection by what Head returned, also of other
// definitions: folds that are the same here are taken over. It shares no memory with
// head. ErrCorrupt.
func (s *Set) OpenMemo(c identity.Collection, head []byte, entries Entries) (*Memo, error) {
	m := s.NewMemo(c)
	m.entries = entries
	d := decoder{b: head}
	if head := d.take(1); head == nil || head[0] != memoVersion {
		return nil, values.ErrCorrupt
	}
	m.now = d.int()
	for range d.count() {
		r := Row{Stream: StreamID(d.int()), At: d.moment(), Value: slices.Clone(d.value())}
		if m.Uses(r.Stream) {
			m.later = append(m.later, r)
		}
	}
	at := map[uint64]int{}
	for i, f := range m.plan.folds {
		at[f.hash()] = i
	}
	for len(d.b) > 0 {
		hash := uint64(d.int())
		inner := decoder{b: d.value()}
		i, ok := at[hash]
		if !ok {
			m.gone = append(m.gone, hash)
			continue
		}
		if m.folds[i] = nil; len(inner.b) > 0 {
			f, ok := m.plan.folds[i].newFold().(lasting)
			if !ok {
				return nil, values.ErrCorrupt
			}
			f.decode(&inner)
			if out := outsiderOf(f); out != nil {
				out.stay()
			}
			m.folds[i] = f
		}
		if inner.err() != nil {
			return nil, values.ErrCorrupt
		}
		m.stale[i] = false
	}
	return m, d.err()
}

// Head is what of the memo is to be stored besides its entries, as of the last evaluation.
func (m *Memo) Head() []byte {
	b := appendInt([]byte{memoVersion}, m.now)
	b = appendInt(b, int64(len(m.later)))
	for i := range m.later {
		r := &m.later[i]
		b = appendValue(appendMoment(appendInt(b, int64(r.Stream)), r.At), r.Value)
	}
	for i, f := range m.folds {
		last, ok := f.(lasting)
		if f != nil && (!ok || !last.lasts()) || m.stale[i] {
			continue
		}
		var head []byte
		if f != nil {
			head = last.append(nil)
		}
		b = appendValue(appendInt(b, int64(m.plan.folds[i].hash())), head)
	}
	return b
}

// hash stands for a fold in heads and entries.
func (f *foldSpec) hash() uint64 {
	h := fnv.New64a()
	h.Write([]byte(f.text))
	return h.Sum64()
}

// Later is how many rows of a time to come the memo holds.
func (m *Memo) Later() int { return len(m.later) }

// Forget has folds of streams be filled from rows by the next evaluation.
func (m *Memo) Forget(streams ...StreamID) {
	for _, s := range streams {
		for _, x := range m.plan.roles[s] {
			m.stale[x.fold] = true
		}
		m.later = slices.DeleteFunc(m.later, func(r Row) bool { return r.Stream == s })
	}
}

// newFold makes the fold of a memo that has no rows yet.
func (m *Memo) newFold(i int) fold {
	f := m.plan.folds[i].newFold()
	m.leave(f)
	return f
}

// leave has all of a fold told of by the next flush, if entries are outside.
func (m *Memo) leave(f fold) {
	if m.entries == nil || f == nil {
		return
	}
	last, ok := f.(lasting)
	if !ok || !last.lasts() {
		return
	}
	if out := outsiderOf(f); out != nil {
		out.leave()
	}
}

// applyPending gives the rows that wait to the folds, and reads what they are about.
func (m *Memo) applyPending() error {
	if m.entries != nil {
		var keys []EntryKey
		var of []outsider
		asked := map[EntryKey]bool{}
		for i := range m.pending {
			r := &m.pending[i]
			for _, x := range m.plan.roles[r.Stream] {
				out := outsiderOf(m.folds[x.fold])
				if m.stale[x.fold] || m.folds[x.fold] == nil || out == nil {
					continue
				}
				hash := m.plan.folds[x.fold].hash()
				err := out.need(x.no, r, func(table byte, key string) {
					if k := (EntryKey{hash, table, key}); !asked[k] {
						asked[k] = true
						keys, of = append(keys, k), append(of, out)
					}
				})
				if err != nil {
					return err
				}
			}
		}
		if len(keys) > 0 {
			values, err := m.entries.Get(keys)
			if err != nil {
				return err
			}
			for i, k := range keys {
				if err := of[i].load(k.Table, k.Key, values[i]); err != nil {
					return err
				}
			}
		}
	}
	for i := range m.pending {
		m.apply(&m.pending[i])
	}
	m.pending = nil
	return nil
}

// prepare reads what a fold needs to say what it comes to.
func (m *Memo) prepare(i int) error {
	if m.entries == nil {
		return nil
	}
	if out := outsiderOf(m.folds[i]); out != nil {
		return out.prepare(m.now, source{m.entries, m.plan.folds[i].hash()})
	}
	return nil
}

// Flush tells of what became of entries since the last one, in an order in which it is to
// be written. With Head it is then as of the last evaluation.
func (m *Memo) Flush(tell func(Entry)) {
	for _, hash := range m.gone {
		tell(Entry{EntryKey: EntryKey{Fold: hash}, All: true})
	}
	m.gone = nil
	for i, f := range m.folds {
		last, ok := f.(lasting)
		if !ok || m.stale[i] || !last.lasts() {
			continue
		}
		if out := outsiderOf(f); out != nil {
			hash := m.plan.folds[i].hash()
			out.flush(func(e Entry) {
				e.Fold = hash
				tell(e)
			})
		}
	}
}

// Shrink drops what lies outside from memory.
func (m *Memo) Shrink() {
	for i, f := range m.folds {
		if m.stale[i] {
			m.folds[i] = nil
		} else if last, ok := f.(lasting); ok && last.lasts() {
			if out := outsiderOf(f); out != nil {
				out.shrink()
			}
		}
	}
}
