package identity

import (
	"container/heap"
	"errors"
	"slices"
)

// ErrBound is returned by Engine.Replay when more decisions would have to be
// made again than the caller allowed. Nothing is lost: the caller remembers the
// seeds and replays them later.
var ErrBound = errors.New("identity: the replay is larger than the bound")

// Graph is what the engine reads. What it returns belongs to the engine, which
// may change it; the answers of one Replay must come from one consistent state.
// The methods take many at once so that a store far away pays a round trip for
// each step of the search and not for each strand.
type Graph interface {
	// Strands returns the known strands, nil for an unknown one, in order.
	Strands(hashes []Hash) ([]*Strand, error)
	// Accepting returns for each ID the strands that accept it. It may return
	// more.
	Accepting(ids []Hash) ([][]Hash, error)
	// Touching returns for each ID the strands that hold it, accepted or not,
	// and that may have a decision after a place: those whose First is after
	// it, and those that a window ever kept an ID out of. It may return more.
	Touching(ids []Hash, after Pos) ([][]Hash, error)
	// Next returns the first occurrence of a strand after a place and not before
	// an event time; false if there is none.
	Next(s *Strand, after Pos, from int64) (Pos, bool, error)
	// Merges returns how many merges the profile that owns an ID went through.
	// It is asked under order: arrival only.
	Merges(id Hash) (int, error)
}

// Seed is an event whose verdict is not known yet, or may no longer hold.
type Seed struct {
	Strand *Strand // as stored, or new; not changed
	Pos    Pos     // of the event
	// Unsettled means that decisions after Pos may be wrong although this one
	// turns out as it is stored: a replay that was put off.
	Unsettled bool
	// Moved means that the strand stands in another class than when it was
	// decided: all its decisions are taken back where they were made, and made
	// again from Pos on. Pos has the new class.
	Moved bool
}

// Change is what a replay found to be different.
type Change struct {
	Strands []*Strand // with new verdicts, in the order of their hashes
	// Groups are profiles whose IDs or times may have changed, complete.
	Groups [][]Member
	// Bare are IDs that nobody owns any more, or yet.
	Bare []Member
	// Tainted are the IDs of strands with a demotion, or of which an override
	// speaks: what touches them does not commute.
	Tainted   []Hash
	Decisions int // made or made again
	// Merges of the groups, under order: arrival, in the order of Groups.
	Merges []int
}

// Engine keeps the answer of Resolve up to date as events arrive in any order.
//
// The order of resolution is a sequence of decisions, and each depends only on
// the groups that own the IDs of its strand at its place. An event that comes
// late is a decision inserted into the past. The engine makes it against the
// groups as they were at that place, found by walking accepted links older than
// it, and then sweeps forward: where a group differs from what it was, all later
// decisions of strands that hold one of its IDs are made again, and groups that
// they join differ as well. Where a decision turns out as before and joins
// nothing that differs, the sweep goes no further.
type Engine struct {
	Rules     *Ruleset
	Overrides *Overrides
	Bound     int // decisions of one replay; 0: no bound
}

// Replay decides the seeds and what follows from them. All seeds must be of one
// collection.
func (e *Engine) Replay(g Graph, seeds []Seed) (*Change, error) {
	r := e.replay(g)
	for _, s := range seeds {
		r.judge.collection = s.Strand.Collection
		en := r.strands[s.Strand.Hash]
		if en == nil {
			var err error
			if en, err = r.load(s.Strand.Clone()); err != nil {
				return nil, err
			}
		}
		if e.Rules.Arrival() {
			// Nothing is ever late: the seeds are decided as they came.
			r.decisions++
			if err := r.step(en, s.Pos); err != nil {
				return nil, err
			}
			continue
		}
		if s.Moved {
			r.move(en, s.Pos)
		}
		if s.Unsettled {
			en.unsettled = append(en.unsettled, s.Pos)
		}
		r.push(en, s.Pos)
	}
	for r.queue.Len() > 0 {
		it := heap.Pop(&r.queue).(*queued)
		delete(r.queued, queueKey{it.e.s.Hash, it.pos})
		r.decisions++
		if e.Bound > 0 && r.decisions > e.Bound {
			return nil, ErrBound
		}
		decide := r.step
		if it.e.moved && it.pos.Class != it.e.s.First.Class {
			decide = r.takeBack
		}
		if err := decide(it.e, it.pos); err != nil {
			return nil, err
		}
	}
	return r.change(), nil
}

func (e *Engine) replay(g Graph) *replay {
	return &replay{
		e: e, g: g,
		judge:   resolver{rs: e.Rules, ov: e.Overrides},
		strands: map[Hash]*entry{},
		touch:   map[Hash][]*entry{},
		dirty:   map[Hash]*group{},
		ids:     map[Hash]ID{},
		queued:  map[queueKey]bool{},
		taint:   map[Hash]bool{},
	}
}

// entry is a strand at work: as it was, and as it becomes.
type entry struct {
	s, old    *Strand
	known     bool  // old was stored
	touched   bool  // decided in this replay
	moved     bool  // stands in another class than old
	unsettled []Pos // where decisions after it may be wrong although it is right
}

type replay struct {
	e         *Engine
	g         Graph
	judge     resolver
	strands   map[Hash]*entry
	touch     map[Hash][]*entry // loaded strands by the IDs they hold
	dirty     map[Hash]*group   // IDs whose group differs from before at this place; nil group: nobody owns it
	ids       map[Hash]ID
	queue     queue
	queued    map[queueKey]bool
	taint     map[Hash]bool
	decisions int
}

func (r *replay) load(s *Strand) (*entry, error) {
	known := s.First.Strand == s.Hash
	en := &entry{s: s, old: s.Clone(), known: known}
	r.strands[s.Hash] = en
	for i := range s.Links {
		l := &s.Links[i]
		r.ids[l.Hash] = l.ID
		r.touch[l.Hash] = append(r.touch[l.Hash], en)
	}
	return en, nil
}

// loadAll returns the entries of distinct strands, reading those not yet at work.
func (r *replay) loadAll(hashes []Hash) ([]*entry, error) {
	var missing []Hash
	for _, h := range hashes {
		if r.strands[h] == nil {
			missing = append(missing, h)
		}
	}
	if len(missing) > 0 {
		got, err := r.g.Strands(missing)
		if err != nil {
			return nil, err
		}
		for _, s := range got {
			if s == nil {
				continue
			}
			if _, err := r.load(s); err != nil {
				return nil, err
			}
		}
	}
	out := make([]*entry, 0, len(hashes))
	for _, h := range hashes {
		if en := r.strands[h]; en != nil {
			out = append(out, en)
		}
	}
	return out, nil
}

// step decides one event of a strand and finds out what that changes.
func (r *replay) step(en *entry, pos Pos) error {
	s := en.s
	if !en.touched {
		// What was accepted from here on is decided again: here, and at the
		// places where it was.
		en.touched = true
		for i := range s.Links {
			l := &s.Links[i]
			if l.Verdict != Accepted || l.At.Before(pos) || r.e.Rules.Arrival() {
				continue
			}
			if at := l.At; pos.Before(at) {
				r.push(en, at)
			}
			l.Verdict, l.At = Undecided, Pos{}
		}
	}
	if s.First.Strand != s.Hash || pos.Before(s.First) {
		s.First = pos
	}

	at := map[Hash]*group{}
	r.judge.groupOf = func(l *Link) (*group, error) { return r.groupAt(l.Hash, pos, at) }
	d, err := r.judge.decide(s, pos)
	if err != nil {
		return err
	}

	// What was decided here before? Only a link that was accepted exactly here,
	// or is now, can differ.
	differs := false
	content := len(d.joined) > 1 // groups that were apart are one from here on
	for i := range d.ids {
		ru := &d.ids[i]
		l := ru.link
		was := wasAccepted(en, l, pos)
		now := false
		switch {
		case ru.accepted && l.Verdict != Accepted:
			l.Verdict, l.At, l.Reason, l.Broke = Accepted, pos, ReasonNone, ""
			now = true
		case ru.accepted && r.e.Rules.Arrival() && pos.Before(l.At):
			l.At = pos
			now = true
		case ru.accepted:
			now = l.At == pos
		case l.Verdict != Accepted:
			l.Verdict, l.At, l.Reason, l.Broke = Demoted, Pos{}, ru.reason, ru.broke
		}
		if !ru.accepted || r.e.Overrides.Concern(l.Hash) {
			r.taintStrand(s)
		}
		if now != was {
			differs = true
		}
		if ru.accepted && !content {
			content = ru.group == nil || memberTime(ru.group, l.Hash) > pos.Time
		}
	}
	s.Evaluated, s.Recheck = pos, d.recheck
	if d.recheck != 0 && !r.e.Rules.Arrival() {
		next, ok, err := r.g.Next(s, pos, d.recheck)
		if err != nil {
			return err
		}
		if ok {
			r.push(en, next)
		}
	}

	anyDirty := false
	for _, g := range d.joined {
		anyDirty = anyDirty || g.live
	}
	for i := range d.ids {
		if ru := &d.ids[i]; ru.accepted && ru.group == nil {
			if _, ok := r.dirty[ru.link.Hash]; ok {
				anyDirty = true
			}
		}
	}
	unsettled := slices.Contains(en.unsettled, pos)
	lost := false
	for i := range d.ids {
		if ru := &d.ids[i]; !ru.accepted && wasAccepted(en, ru.link, pos) {
			lost = true
		}
	}
	var nobodys []Hash // accepted here before, and name nobody now
	for i := range s.Links {
		if l := &s.Links[i]; l.Verdict == Blocked && wasAccepted(en, l, pos) {
			nobodys = append(nobodys, l.Hash)
		}
	}
	if len(nobodys) > 0 {
		differs, lost = true, true
	}
	if !anyDirty && !unsettled && !(differs && (content || lost)) {
		return nil
	}
	into := r.join(&d, pos)
	if err := r.spread(into, pos); err != nil {
		return err
	}
	if !lost && !unsettled {
		return nil
	}
	// IDs that were part of this before, or may have been, are apart now.
	for _, h := range nobodys {
		if err := r.spreadBare(h, pos); err != nil {
			return err
		}
	}
	for i := range d.ids {
		ru := &d.ids[i]
		switch {
		case ru.accepted || slices.Contains(d.joined, ru.group):
		case ru.group == nil:
			err = r.spreadBare(ru.link.Hash, pos)
		default:
			err = r.spread(ru.group, pos)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// wasAccepted reports whether the stored decision at pos accepted the ID.
func wasAccepted(en *entry, l *Link, pos Pos) bool {
	o := en.old.link(l.Hash)
	return en.known && o.Verdict == Accepted && o.At == pos
}

func memberTime(g *group, h Hash) int64 {
	for i := range g.members {
		if g.members[i].Hash == h {
			return g.members[i].Time
		}
	}
	return 0
}

// join makes the accepted IDs one live group.
func (r *replay) join(d *decision, pos Pos) *group {
	into := &group{live: true}
	for i, g := range d.joined {
		into.members = append(into.members, g.members...)
		into.merges += g.merges
		if i > 0 {
			into.merges++
		}
	}
	for i := range d.ids {
		ru := &d.ids[i]
		if !ru.accepted {
			continue
		}
		if ru.group == nil {
			into.members = append(into.members, Member{ru.link.ID, ru.link.Hash, pos.Time})
			continue
		}
		for k := range into.members {
			if m := &into.members[k]; m.Hash == ru.link.Hash {
				m.Time = min(m.Time, pos.Time)
			}
		}
	}
	return into
}

// spread marks a group as one that differs from before, from pos on, and queues
// the later decisions that depend on it.
func (r *replay) spread(g *group, pos Pos) error {
	g.live = true
	var fresh []Hash
	for i := range g.members {
		m := &g.members[i]
		r.ids[m.Hash] = m.ID
		if _, ok := r.dirty[m.Hash]; !ok {
			fresh = append(fresh, m.Hash)
		}
		r.dirty[m.Hash] = g
	}
	return r.dependents(fresh, pos)
}

// spreadBare marks an ID that nobody owns any more.
func (r *replay) spreadBare(h Hash, pos Pos) error {
	if _, ok := r.dirty[h]; ok {
		return nil
	}
	r.dirty[h] = nil
	return r.dependents([]Hash{h}, pos)
}

// dependents queues the decisions after pos of strands that hold one of the IDs.
func (r *replay) dependents(fresh []Hash, pos Pos) error {
	if len(fresh) == 0 || r.e.Rules.Arrival() {
		return nil
	}
	lists, err := r.g.Touching(fresh, pos)
	if err != nil {
		return err
	}
	entries, err := r.holders(fresh, lists)
	if err != nil {
		return err
	}
	for _, en := range entries {
		if err := r.again(en, pos); err != nil {
			return err
		}
	}
	return nil
}

// holders returns the strands that the graph lists for IDs, and those at work
// that hold one of them.
func (r *replay) holders(ids []Hash, lists [][]Hash) ([]*entry, error) {
	var all []Hash
	seen := map[Hash]bool{}
	for i, list := range lists {
		for _, h := range list {
			if !seen[h] {
				seen[h] = true
				all = append(all, h)
			}
		}
		for _, en := range r.touch[ids[i]] {
			if !seen[en.s.Hash] {
				seen[en.s.Hash] = true
				all = append(all, en.s.Hash)
			}
		}
	}
	return r.loadAll(all)
}

// again queues the decisions of a strand that come after pos.
func (r *replay) again(en *entry, pos Pos) error {
	s := en.s
	if en.touched {
		return nil // its later decisions are queued already, as far as they matter
	}
	if !en.known {
		return nil // a seed that waits for its place
	}
	if pos.Before(s.First) {
		r.push(en, s.First)
		return nil
	}
	from := int64(0)
	switch {
	case pos.Before(s.Evaluated):
	case s.Recheck != 0:
		from = s.Recheck
	default:
		return nil // settled before pos
	}
	next, ok, err := r.g.Next(s, pos, from)
	if err != nil || !ok {
		return err
	}
	r.push(en, next)
	return nil
}

func (r *replay) taintStrand(s *Strand) {
	for i := range s.Links {
		if s.Links[i].Verdict != Blocked {
			r.taint[s.Links[i].Hash] = true
		}
	}
}
