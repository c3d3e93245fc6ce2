package identity_test

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
)

// ledger drives the engine as a space does, on maps: every event goes through
// append, the fast path or a replay, and replays that are too large are put off.
type ledger struct {
	rs      *identity.Ruleset
	engine  *identity.Engine
	strands map[identity.Hash]*identity.Strand
	holds   map[identity.Hash][]identity.Hash // ID → strands
	owner   map[identity.Hash]*owned
	tainted map[identity.Hash]bool
	seen    map[identity.Hash][]identity.Pos // strand → its events, in order
	pending []identity.Seed

	appends, fast, replays, decisions, putOff int
}

type owned struct {
	census  identity.Census
	members []identity.Member
}

type happening struct {
	strand *identity.Strand // undecided
	event.Moment
}

// moment is that of an event which arrived as the n-th.
func moment(time int64, n int) event.Moment {
	return event.Moment{Time: time, Arrival: event.NewBlock(uint64(n), 1).At(0)}
}

// called names an event by its number.
func called(m event.Moment) string { return fmt.Sprint("m", m.Arrival.Block().Clock()) }

func newLedger(rs *identity.Ruleset, ov *identity.Overrides, bound int) *ledger {
	return &ledger{
		rs:      rs,
		engine:  &identity.Engine{Rules: rs, Overrides: ov, Bound: bound},
		strands: map[identity.Hash]*identity.Strand{},
		holds:   map[identity.Hash][]identity.Hash{},
		owner:   map[identity.Hash]*owned{},
		tainted: map[identity.Hash]bool{},
		seen:    map[identity.Hash][]identity.Pos{},
	}
}

func (l *ledger) Strands(hashes []identity.Hash) ([]*identity.Strand, error) {
	out := make([]*identity.Strand, len(hashes))
	for i, h := range hashes {
		if s := l.strands[h]; s != nil {
			out[i] = s.Clone()
		}
	}
	return out, nil
}

func (l *ledger) Accepting(ids []identity.Hash) ([][]identity.Hash, error) {
	out := make([][]identity.Hash, len(ids))
	for i, id := range ids {
		for _, h := range l.holds[id] {
			for _, k := range l.strands[h].Links {
				if k.Hash == id && k.Verdict == identity.Accepted {
					out[i] = append(out[i], h)
				}
			}
		}
	}
	return out, nil
}

func (l *ledger) Touching(ids []identity.Hash, after identity.Pos) ([][]identity.Hash, error) {
	out := make([][]identity.Hash, len(ids))
	for i, id := range ids {
		for _, h := range l.holds[id] {
			s := l.strands[h]
			if after.Before(s.First) || s.Recheck != 0 || s.Evaluated != s.First {
				out[i] = append(out[i], h)
			}
		}
	}
	return out, nil
}

func (l *ledger) Next(s *identity.Strand, after identity.Pos, from int64) (identity.Pos, bool, error) {
	for _, p := range l.seen[s.Hash] {
		if after.Before(p) && p.Time >= from {
			return p, true, nil
		}
	}
	return identity.Pos{}, false, nil
}

func (l *ledger) Merges(id identity.Hash) (int, error) { return l.owner[id].census.Merges, nil }

// take commits one batch of events.
func (l *ledger) take(batch []happening) error {
	for _, e := range batch {
		pos := e.strand.Place(l.rs, l.engine.Overrides, e.Moment)
		list := l.seen[e.strand.Hash]
		at := sort.Search(len(list), func(i int) bool { return pos.Before(list[i]) })
		l.seen[e.strand.Hash] = slices.Insert(list, at, pos)
	}
	var seeds []identity.Seed
	for _, e := range batch {
		pos := e.strand.Place(l.rs, l.engine.Overrides, e.Moment)
		s := l.strands[e.strand.Hash]
		if s != nil && s.Settled(l.rs, pos) {
			l.appends++
			continue
		}
		if s == nil {
			s = e.strand
		}
		if l.tryFast(s.Clone(), pos) {
			l.fast++
			continue
		}
		seeds = []identity.Seed{{Strand: s.Clone(), Pos: pos}}
		if err := l.replay(seeds); err != nil {
			return err
		}
	}
	return nil
}

func (l *ledger) replay(seeds []identity.Seed) error {
	c, err := l.engine.Replay(l, seeds)
	if errors.Is(err, identity.ErrBound) {
		for _, s := range seeds {
			l.putOff++
			h := s.Strand.Hash
			l.pending = append(l.pending, identity.Seed{Strand: s.Strand.Clone(), Pos: s.Pos, Unsettled: true})
			if known := l.strands[h]; known == nil {
				c, err := l.engine.Provisional(l, identity.Seed{Strand: s.Strand.Clone(), Pos: s.Pos})
				if err != nil {
					return err
				}
				l.apply(c)
			} else {
				for _, k := range known.Links {
					l.tainted[k.Hash] = true
					if o := l.owner[k.Hash]; o != nil {
						o.census.Tainted = true
					}
				}
			}
		}
		return nil
	}
	if err != nil {
		return err
	}
	l.replays++
	l.decisions += c.Decisions
	l.apply(c)
	return nil
}

// settle does what the pending job does.
func (l *ledger) settle() error {
	if len(l.pending) == 0 {
		return nil
	}
	seeds := l.pending
	l.pending = nil
	for i := range seeds {
		if s := l.strands[seeds[i].Strand.Hash]; s != nil {
			seeds[i].Strand = s.Clone()
		}
	}
	bound := l.engine.Bound
	l.engine.Bound = 0
	defer func() { l.engine.Bound = bound }()
	return l.replay(seeds)
}

// override makes other overrides those at work. They speak of IDs otherwise than
// the ones before.
func (l *ledger) override(ov *identity.Overrides, ids []identity.Hash) (*identity.Change, error) {
	l.engine.Overrides = ov
	for h, list := range l.seen {
		class := l.strands[h].Class(l.rs, ov)
		for i := range list {
			list[i].Class = class // all events of a strand have one
		}
	}
	for i := range l.pending {
		p := &l.pending[i]
		p.Pos.Class = p.Strand.Class(l.rs, ov)
	}
	c, err := l.engine.Reconsider(l, identity.Users, ids)
	if err == nil {
		l.apply(c)
	}
	return c, err
}

func (l *ledger) tryFast(s *identity.Strand, pos identity.Pos) bool {
	var owners []*identity.Census
	var joined []*owned
	var bare []identity.ID
	for _, k := range s.Links {
		if l.engine.Overrides.NamesNobody(l.rs, k.ID, k.Hash) {
			continue
		}
		if l.engine.Overrides.Concern(k.Hash) {
			return false
		}
		o := l.owner[k.Hash]
		if o == nil {
			if l.tainted[k.Hash] {
				return false
			}
			bare = append(bare, k.ID)
			continue
		}
		if !slices.Contains(joined, o) {
			joined = append(joined, o)
			owners = append(owners, &o.census)
		}
	}
	if !l.engine.Commutes(s.Collection, owners, bare) {
		return false
	}
	s.Accept(l.rs, l.engine.Overrides, pos)
	into := &owned{}
	for i, o := range joined {
		into.members = append(into.members, o.members...)
		for _, t := range o.census.Types {
			into.census.Add(t.Type, t.Values)
		}
		into.census.Merges += o.census.Merges
		if i > 0 {
			into.census.Merges++
		}
	}
	for _, k := range s.Links {
		if k.Verdict == identity.Accepted && l.owner[k.Hash] == nil {
			into.members = append(into.members, identity.Member{ID: k.ID, Hash: k.Hash})
			into.census.Add(k.ID.Type, 1)
		}
	}
	for _, m := range into.members {
		l.owner[m.Hash] = into
	}
	l.store(s)
	return true
}

func (l *ledger) store(s *identity.Strand) {
	if l.strands[s.Hash] == nil {
		for _, k := range s.Links {
			l.holds[k.Hash] = append(l.holds[k.Hash], s.Hash)
		}
	}
	l.strands[s.Hash] = s.Clone()
}

func (l *ledger) apply(c *identity.Change) {
	for _, s := range c.Strands {
		l.store(s)
	}
	for _, m := range c.Bare {
		delete(l.owner, m.Hash)
	}
	for i, g := range c.Groups {
		o := &owned{members: g}
		o.census.Merges = c.Merges[i]
		for _, m := range g {
			o.census.Add(m.ID.Type, 1)
			if old := l.owner[m.Hash]; old != nil && old.census.Tainted {
				o.census.Tainted = true
			}
		}
		for _, m := range g {
			l.owner[m.Hash] = o
		}
	}
	for _, h := range c.Tainted {
		l.tainted[h] = true
	}
	for h := range l.tainted {
		if o := l.owner[h]; o != nil {
			o.census.Tainted = true
		}
	}
}

// identities prints who is who: strands with their verdicts, and groups with
// the times of their IDs.
func (l *ledger) identities() string {
	times := map[identity.Hash]int64{}
	for _, s := range l.strands {
		for _, k := range s.Links {
			if k.Verdict != identity.Accepted {
				continue
			}
			if t, ok := times[k.Hash]; !ok || k.At.Time < t {
				times[k.Hash] = k.At.Time
			}
		}
	}
	var groups [][]identity.Member
	seen := map[*owned]bool{}
	for _, o := range l.owner {
		if !seen[o] {
			seen[o] = true
			g := slices.Clone(o.members)
			for i := range g {
				g[i].Time = times[g[i].Hash]
			}
			groups = append(groups, g)
		}
	}
	return describe(l.strands, groups)
}

func describe(strands map[identity.Hash]*identity.Strand, groups [][]identity.Member) string {
	var lines []string
	for _, s := range strands {
		var b strings.Builder
		b.WriteString("strand")
		for _, k := range s.Links {
			switch k.Verdict {
			case identity.Accepted:
				fmt.Fprintf(&b, " %s@%d/%s", k.ID, k.At.Time, called(k.At.Moment))
			case identity.Demoted:
				fmt.Fprintf(&b, " (%s)", k.ID)
			case identity.Blocked:
				fmt.Fprintf(&b, " [%s: %s]", k.ID, k.Reason)
			default:
				fmt.Fprintf(&b, " ?%s", k.ID)
			}
		}
		fmt.Fprintf(&b, " first %d/%d/%s", s.First.Class, s.First.Time, called(s.First.Moment))
		lines = append(lines, b.String())
	}
	for _, g := range groups {
		var ids []string
		for _, m := range g {
			ids = append(ids, fmt.Sprintf("%s@%d", m.ID, m.Time))
		}
		sort.Strings(ids)
		lines = append(lines, "profile "+strings.Join(ids, " "))
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}
