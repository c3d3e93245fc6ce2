package compute

import (
	"slices"

	"github.com/selfsame-id/selfsame/internal/identity"
)

// Memo keeps the folds of one profile between evaluations, so that an event costs what
// it adds and not what the profile has. What Eval answers is what Set.Eval would, if the
// memo was given, by Add, every row that the profile got since its last evaluation, each
// once, and the rows passed to Eval are those of the same moment: with the change feed,
// read it to the end within the snapshot that the rows are read in.
//
// A profile that loses rows needs a new memo. One that gets other strands may be given
// their rows as if they were new.
//
// A memo can be stored, see Keep and OpenMemo.
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

	// entries are what of the folds lies outside of memory; nil: nothing does. pending
	// are rows that wait for theirs, gone are folds that others had whose entries go.
	entries Entries
	pending []Row
	gone    []uint64
	filled  []int // folds that were filled by the last evaluation
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
	if m.entries == nil {
		m.apply(r)
		return
	}
	own := *r
	own.Value = slices.Clone(r.Value)
	m.pending = append(m.pending, own)
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
			m.folds[x.fold] = m.newFold(x.fold)
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
		m.later, m.pending = nil, nil
	}
	m.now, m.filled = now, nil
	for len(m.later) > 0 && m.later[0].At.Time <= now {
		m.pending = append(m.pending, m.later[0])
		m.later = m.later[1:]
	}
	if err := m.applyPending(); err != nil {
		return Result{}, err
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
			if err := m.prepare(i); err != nil {
				return Result{}, err
			}
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
		m.leave(m.folds[i])
	}
	m.stale[i] = false
	m.filled = append(m.filled, i)
	return nil
}

// EvalAhead is Eval with rows that may be of a later moment than what the memo was given:
// nothing is kept of what it reads out of them.
func (m *Memo) EvalAhead(rows Rows, in *Input, now int64) (Result, error) {
	later := slices.Clone(m.later)
	out, err := m.Eval(rows, in, now)
	for _, i := range m.filled {
		m.stale[i] = true
	}
	m.later = slices.DeleteFunc(later, func(r Row) bool { return r.At.Time <= now })
	return out, err
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
