package identity

import (
	"cmp"
	"math"
	"slices"

	"github.com/selfsame-id/selfsame/internal/event"
)

// Strand is everything that was seen under one exact set of external IDs: what
// was decided about the set, and when.
type Strand struct {
	Hash       Hash
	Collection Collection

	// Links are the strand's IDs in canonical order, with what was decided about
	// each of them.
	Links []Link

	// First is the strand's earliest occurrence. No decision is older.
	First Pos

	// Evaluated is the last place at which the strand was decided (the design's
	// settled_at): an occurrence from there on changes nothing, unless
	// its time has reached Recheck.
	Evaluated Pos

	// Recheck is the earliest event time, in nanoseconds, at which an ID that a
	// sliding window keeps out could come in; 0 when no later occurrence can
	// change the verdict.
	Recheck int64
}

// Link is one ID of a strand.
type Link struct {
	ID      ID
	Hash    Hash
	Verdict Verdict
	At      Pos    // of the event with which the ID was accepted; zero otherwise
	Reason  Reason // why it was demoted or set aside
	Broke   string // the ID type whose limit was broken, with ReasonLimit
}

// Verdict is what was decided about an ID of a strand.
type Verdict uint8

// The verdicts.
const (
	Undecided Verdict = iota
	Accepted
	Demoted // left out of the graph because a rule says so
	Blocked // it names nobody: its value is blocked, or it is isolated
)

// Reason says why an ID was left out.
type Reason uint8

// The reasons, in the order in which they are looked for.
const (
	ReasonNone       Reason = iota
	ReasonBlocked           // the value is blocked
	ReasonDropped           // an override cuts the ID from this strand
	ReasonIsolated          // an override says that the ID names nobody
	ReasonCannotLink        // an override keeps two IDs apart
	ReasonLimit             // too many values of one type
	ReasonCap               // too many identifiers in one profile
	ReasonMerges            // too many merges of one profile (order: arrival)
)

// String gives the reason as customers read it.
func (r Reason) String() string {
	switch r {
	case ReasonBlocked:
		return "ID value blocked"
	case ReasonDropped:
		return "link cut by an override"
	case ReasonIsolated:
		return "ID isolated by an override"
	case ReasonCannotLink:
		return "IDs kept apart by an override"
	case ReasonLimit:
		return "identifier limit exceeded"
	case ReasonCap:
		return "too many identifiers"
	case ReasonMerges:
		return "too many merges"
	}
	return ""
}

// Pos is a place in the order of resolution. Under order: person_first that is
// people who say who they are first, then by the moments of events: by time, then
// by receipt, then by arrival.
type Pos struct {
	Class uint8 // 0: has an ID that names a person, and somebody; 1: has none
	event.Moment
	Strand Hash // tells apart the strands of one event
}

// Compare orders places.
func (p Pos) Compare(q Pos) int {
	if c := cmp.Compare(p.Class, q.Class); c != 0 {
		return c
	}
	if c := p.Moment.Compare(q.Moment); c != 0 {
		return c
	}
	return slices.Compare(p.Strand[:], q.Strand[:])
}

// Beginning is before every place.
var Beginning = Pos{Moment: event.Moment{Time: math.MinInt64}}

// Before reports whether p comes before q.
func (p Pos) Before(q Pos) bool { return p.Compare(q) < 0 }

// NewStrand returns an undecided strand of distinct IDs in canonical order.
func NewStrand(h Hasher, c Collection, ids []ID) *Strand {
	hashes := make([]Hash, len(ids))
	for i, id := range ids {
		hashes[i] = h.ID(c, id)
	}
	return NewHashedStrand(h.Strand(c, ids), c, ids, hashes)
}

// NewHashedStrand is NewStrand where the hashes of the strand and of its IDs are known.
func NewHashedStrand(hash Hash, c Collection, ids []ID, hashes []Hash) *Strand {
	s := &Strand{Hash: hash, Collection: c, Links: make([]Link, len(ids))}
	for i, id := range ids {
		s.Links[i] = Link{ID: id, Hash: hashes[i]}
	}
	return s
}

// Clone returns a copy that shares nothing that changes.
func (s *Strand) Clone() *Strand {
	c := *s
	c.Links = slices.Clone(s.Links)
	return &c
}

// Top returns the strand's highest-priority ID that names somebody, whose profile
// the strand belongs to; false if there is none.
func (s *Strand) Top(rs *Ruleset, ov *Overrides) (*Link, bool) {
	var top *Link
	for i := range s.Links {
		l := &s.Links[i]
		if ov.NamesNobody(rs, l.ID, l.Hash) {
			continue
		}
		if top == nil || rs.ComparePriority(l.ID, top.ID) < 0 {
			top = l
		}
	}
	return top, top != nil
}

// Clean reports whether nothing of the strand was demoted: later occurrences
// of a clean strand never change anything.
func (s *Strand) Clean() bool {
	for i := range s.Links {
		if s.Links[i].Verdict == Demoted {
			return false
		}
	}
	return true
}

// Place returns where an occurrence of the strand stands in the order.
func (s *Strand) Place(rs *Ruleset, ov *Overrides, at event.Moment) Pos {
	return Pos{Class: s.Class(rs, ov), Moment: at, Strand: s.Hash}
}

// setAside marks the IDs that name nobody and returns the indexes of the other
// links in the order of the rules' priority.
func (s *Strand) setAside(rs *Ruleset, ov *Overrides, order []int) []int {
	order = order[:0]
	for i := range s.Links {
		l := &s.Links[i]
		if why := ov.WhyNobody(rs, l.ID, l.Hash); why != ReasonNone {
			l.setAside(why)
			continue
		}
		order = append(order, i)
	}
	slices.SortFunc(order, func(a, b int) int {
		return rs.ComparePriority(s.Links[a].ID, s.Links[b].ID)
	})
	return order
}

func (s *Strand) link(h Hash) *Link {
	for i := range s.Links {
		if s.Links[i].Hash == h {
			return &s.Links[i]
		}
	}
	return nil
}
