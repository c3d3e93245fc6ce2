package compute

import (
	"hash/fnv"
	"slices"

	"github.com/selfsame-id/selfsame/internal/identity"
)

// Memo keeps the folds of one profile between evaluations, so that an event costs what
// it adds and not what the profile has. What Eval answers is what Set.Eval would, if the
// memo was given, by Add, every row that the profile got since its last evaluation, each
// once, and the rows passed to Eval are those of the same moment: with the change feed,
// read it to the end within the snapshot that the rows are read in.
//
// A profile that loses rows, or gets those of other strands, needs a new memo.
//
// It is not safe for concurrent use.
type Memo struct {
	set   *Set
	plan  *plan
	folds []fold // nil: no row yet
	stale []bool // folds to be filled
	// results are those of the last evaluation, and known says of which folds they
	// still hold until their next moment.
	results []result
	known   []bool
	now     int64 // of the last evaluation
	// later are rows whose time is after now, by moment, that the folds have not.
	later []Row
}

// NewMemo makes the memo of a profile of a collection, of which nothing is known yet:
// its first evaluation reads all rows.
func (s *Set) NewMemo(c identity.Collection) *Memo {
	m := &Memo{set: s, plan: s.plan(c)}
	n := len(m.plan.folds)
	m.folds, m.stale = make([]fold, n), make([]bool, n)
	m.results, m.known = make([]result, n), make([]bool, n)
	for i := range m.stale {
		m.stale[i] = true
	}
	return m
}

// Uses reports whether rows of a stream change anything here.
func (m *Memo) Uses(stream StreamID) bool { return len(m.plan.roles[stream]) > 0 }

// Add adds a row, in any order. Nothing of it is kept but copies.
func (m *Memo) Add(r *Row) {
	roles := m.plan.roles[r.Stream]
	if len(roles) == 0 {
		return
	}
	if r.At.Time > m.now {
		if slices.ContainsFunc(roles, func(x role) bool { return !m.stale[x.fold] }) {
			m.wait(r)
		}
		return
	}
	m.apply(r)
}

// wait keeps a row until its time.
func (m *Memo) wait(r *Row) {
	at, found := slices.BinarySearchFunc(m.later, r, func(a Row, r *Row) int {
		if c := a.At.Compare(r.At); c != 0 {
			return c
		}
		return int(a.Stream) - int(r.Stream)
	})
	if !found {
		own := *r
		own.Value = slices.Clone(r.Value)
		m.later = slices.Insert(m.later, at, own)
	}
}

// apply gives a row to the folds that are not to be filled anyway.
func (m *Memo) apply(r *Row) {
	for _, x := range m.plan.roles[r.Stream] {
		if m.known[x.fold] = false; m.stale[x.fold] {
			continue
		}
		if m.folds[x.fold] == nil {
			m.folds[x.fold] = m.plan.folds[x.fold].newFold()
		}
		kept, err := m.folds[x.fold].add(x.no, r)
		m.stale[x.fold] = !kept || err != nil
	}
}

// Eval computes the values as of now. It reads rows only for what the memo does not
// hold; see Set.Eval. When now is before that of the last evaluation it reads them all.
func (m *Memo) Eval(rows Rows, in *Input, now int64) (Result, error) {
	if now < m.now {
		for i := range m.stale {
			m.stale[i] = true
		}
		m.later = nil
	}
	m.now = now
	for len(m.later) > 0 && m.later[0].At.Time <= now {
		m.apply(&m.later[0])
		m.later = m.later[1:]
	}
	var streams []newest
	for i := range m.folds {
		r := &m.results[i]
		if !m.stale[i] && m.known[i] && (r.next == 0 || now < r.next) {
			continue
		}
		*r = result{}
		ok := !m.stale[i]
		if ok && m.folds[i] != nil {
			*r, ok = m.folds[i].result(now)
		}
		if !ok {
			if streams == nil {
				streams = make([]newest, len(m.set.streams))
			}
			if err := m.fill(rows, i, streams); err != nil {
				return Result{}, err
			}
			if m.folds[i] != nil {
				*r, _ = m.folds[i].result(now)
			}
		}
		m.known[i] = true
	}
	out := m.plan.evaluate(m.results, in, now)
	if len(m.later) > 0 {
		out.Next = sooner(out.Next, m.later[0].At.Time)
	}
	return out, nil
}

// newest is what is known of a stream while a memo is evaluated.
type newest struct {
	asked, any bool
	time       int64 // of its last row
}

// fill reads a fold's rows, and those of its streams that are later than now. streams
// are those of the set.
func (m *Memo) fill(rows Rows, i int, streams []newest) error {
	m.stale[i], m.known[i] = true, false
	any := false
	for _, s := range m.plan.folds[i].streams {
		n := &streams[s.index]
		if !n.asked {
			last, ok, err := rows.Latest(s.id, forever)
			if err != nil {
				return err
			}
			if *n = (newest{true, ok, last.At.Time}); ok && n.time > m.now {
				err = rows.Scan(s.id, m.now+1, forever, func(r *Row) bool {
					m.wait(r)
					return true
				})
				if err != nil {
					return err
				}
			}
		}
		any = any || n.any
	}
	m.folds[i] = nil
	if any {
		m.folds[i] = m.plan.folds[i].newFold()
		if err := m.folds[i].fill(rows, m.now); err != nil {
			return err
		}
	}
	m.stale[i] = false
	return nil
}

// Size is about how many bytes of memory the memo takes.
func (m *Memo) Size() int {
	n := 256 + 96*len(m.later)
	for i, f := range m.folds {
		if !m.stale[i] && f != nil {
			n += f.size()
		}
	}
	return n
}

// memoVersion is the first byte of an encoded memo.
const memoVersion = 1

// Append appends the binary form, versioned, to b. It may be read by other definitions
// too: folds that are the same there are taken over.
func (m *Memo) Append(b []byte) []byte {
	b = append(b, memoVersion)
	b = appendInt(b, m.now)
	b = appendInt(b, int64(len(m.later)))
	for i := range m.later {
		r := &m.later[i]
		b = appendValue(appendMoment(appendInt(b, int64(r.Stream)), r.At), r.Value)
	}
	for i, f := range m.folds {
		if m.stale[i] {
			continue
		}
		var state []byte
		if f != nil {
			state = f.append(nil)
		}
		b = appendValue(appendInt(b, int64(m.plan.folds[i].hash())), state)
	}
	return b
}

// hash stands for a fold in encoded memos.
func (f *foldSpec) hash() uint64 {
	h := fnv.New64a()
	h.Write([]byte(f.text))
	return h.Sum64()
}

// DecodeMemo reads what Append wrote for a profile of a collection. It shares no memory
// with b.
func (s *Set) DecodeMemo(c identity.Collection, b []byte) (*Memo, error) {
	m := s.NewMemo(c)
	d := decoder{b: b}
	if head := d.take(1); head == nil || head[0] != memoVersion {
		return nil, ErrCorrupt
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
		if i, ok := at[hash]; ok && !d.damaged {
			if m.folds[i] = nil; len(inner.b) > 0 {
				m.folds[i] = m.plan.folds[i].newFold()
				m.folds[i].decode(&inner)
			}
			if inner.err() != nil {
				return nil, ErrCorrupt
			}
			m.stale[i] = false
		}
	}
	return m, d.err()
}
