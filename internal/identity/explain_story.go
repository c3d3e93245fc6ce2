package identity

import (
	"cmp"
	"math"
	"slices"
)

// Told is a strand of the profile whose story is told.
type Told struct {
	Strand *Strand
	// Founded is the profile ID whose founding strand this is, "" if none. The
	// older of two IDs is the smaller.
	Founded string
}

// Decision is a pair of IDs that people tied together, and when.
type Decision struct {
	Pair
	At int64 // nanoseconds since 1970
}

// ChapterKind says what happened to a profile.
type ChapterKind uint8

// What happens to profiles.
const (
	Created ChapterKind = iota + 1 // IDs were seen of which none was known
	Added                          // an ID came to a profile
	Merged                         // two or more turned out to be one
	KeptOut                        // an ID was left out
)

func (k ChapterKind) String() string {
	switch k {
	case Created:
		return "created"
	case Added:
		return "identifier_added"
	case Merged:
		return "merged"
	case KeptOut:
		return "kept_out"
	}
	return "unknown"
}

// Chapter is one step of how a profile came to be.
type Chapter struct {
	Kind   ChapterKind
	At     Pos     // of the event through which it happened
	Strand *Strand // the strand of the event
	// IDs are new with the event, in canonical order; or left out.
	IDs []ID
	// Through are the event's IDs that were known already: the link to what was
	// there.
	Through []ID
	// Parts are what was merged, the one whose profile ID stayed first.
	Parts []Part

	// Decision is what merged the parts, if no event did. Then Strand is nil, and At
	// is a place without meaning but for its time.
	Decision *Decision

	// Why an ID was left out, and with how many of the profile's strands it was.
	Reason  Reason
	Broke   string
	Strands int
}

// Part is what a profile was made of before a merge.
type Part struct {
	Profile string // its own ID; "" if it never had one, for it came together before it was taken in
	IDs     []ID   // some of them, in canonical order: at most mostPartIDs
	Count   int    // all of them
}

// mostPartIDs is how many IDs of a part are listed.
const mostPartIDs = 20

// Story tells how the strands of one profile became one, in the order of event
// time, where what people decided is told at the time when they did, or when the
// second of its IDs was seen if that is later. It tells it as of now: an event that came late is told at its own time,
// and with what the rules of now make of it.
func Story(strands []Told, decisions []Decision) []Chapter {
	s := &teller{of: map[Hash]*part{}, came: map[Hash]Pos{}}
	for _, t := range strands {
		s.listen(t)
	}
	slices.SortFunc(s.events, func(a, b *told) int { return compareTime(a.at, b.at) })
	decisions = slices.Clone(decisions)
	s.unseen(decisions)
	slices.SortStableFunc(decisions, func(a, b Decision) int { return cmp.Compare(a.At, b.At) })
	for _, e := range s.events {
		decisions = s.decide(decisions, e.at.Time)
		s.tell(e)
	}
	s.decide(decisions, math.MaxInt64)
	s.keptOut(strands)
	return s.out
}

type teller struct {
	events []*told
	of     map[Hash]*part
	came   map[Hash]Pos // when an ID became part of the profile
	out    []Chapter
}

// told is an event with which IDs of a strand were accepted.
type told struct {
	at      Pos
	t       Told
	links   []*Link // accepted with this event or before, of the strand
	founded string
}

// part is what was tied together at one moment.
type part struct {
	into    *part // what it was merged into; nil: still by itself
	ids     []Known
	founded string
}

func (p *part) root() *part {
	for p.into != nil {
		if p.into.into != nil {
			p.into = p.into.into
		}
		p = p.into
	}
	return p
}

// listen finds the events of a strand that tie something.
func (s *teller) listen(t Told) {
	var links []*Link
	for i := range t.Strand.Links {
		if l := &t.Strand.Links[i]; l.Verdict == Accepted {
			links = append(links, l)
		}
	}
	slices.SortStableFunc(links, func(a, b *Link) int { return compareTime(a.At, b.At) })
	for i := 0; i < len(links); {
		k := i + 1
		for k < len(links) && links[k].At == links[i].At {
			k++
		}
		e := &told{at: links[i].At, t: t, links: links[:k:k]}
		if i == 0 {
			e.founded = t.Founded
		}
		s.events = append(s.events, e)
		i = k
	}
}

func (s *teller) tell(e *told) {
	c := Chapter{At: e.at, Strand: e.t.Strand}
	var parts []*part
	var fresh []Known
	for _, l := range e.links {
		p := s.of[l.Hash]
		if p == nil {
			fresh = append(fresh, Known{l.ID, l.Hash})
			c.IDs = append(c.IDs, l.ID)
			continue
		}
		c.Through = append(c.Through, l.ID)
		if p = p.root(); !slices.Contains(parts, p) {
			parts = append(parts, p)
		}
	}
	// The one with the oldest ID goes on.
	slices.SortStableFunc(parts, func(a, b *part) int {
		if (a.founded == "") != (b.founded == "") {
			return cmp.Compare(b.founded, a.founded)
		}
		return cmp.Compare(a.founded, b.founded)
	})
	var into *part
	switch len(parts) {
	case 0:
		c.Kind, into = Created, &part{}
	case 1:
		c.Kind, into = Added, parts[0]
	default:
		c.Kind, into = Merged, parts[0]
		for _, p := range parts {
			c.Parts = append(c.Parts, p.shown())
		}
	}
	for _, p := range parts {
		if p != into {
			s.join(&into, p)
		}
	}
	if e.founded != "" && (into.founded == "" || e.founded < into.founded) {
		into.founded = e.founded
	}
	for _, k := range fresh {
		s.of[k.Hash], s.came[k.Hash] = into, e.at
	}
	into.ids = append(into.ids, fresh...)
	slices.SortFunc(c.IDs, ID.Compare)
	slices.SortFunc(c.Through, ID.Compare)
	if c.Kind == Created {
		c.Parts = []Part{into.shown()}
	}
	if c.Kind != Added || len(fresh) > 0 {
		s.out = append(s.out, c)
	}
}

// unseen gives IDs of decisions that no event brought a part without IDs, through
// which they may tie others together.
func (s *teller) unseen(decisions []Decision) {
	seen := map[Hash]bool{}
	for _, e := range s.events {
		for _, l := range e.links {
			seen[l.Hash] = true
		}
	}
	for _, d := range decisions {
		for _, k := range []Known{d.A, d.B} {
			if !seen[k.Hash] && s.of[k.Hash] == nil {
				s.of[k.Hash] = &part{}
			}
		}
	}
}

// decide tells the decisions up to a time whose IDs were seen by then, and returns
// the others.
func (s *teller) decide(decisions []Decision, until int64) []Decision {
	var later []Decision
	for _, d := range decisions {
		a, b := s.of[d.A.Hash], s.of[d.B.Hash]
		if d.At > until || a == nil || b == nil {
			later = append(later, d)
			continue
		}
		if a, b = a.root(), b.root(); a == b {
			continue
		}
		if len(a.ids) == 0 {
			a, b = b, a
		}
		if len(b.ids) == 0 {
			s.join(&a, b)
			continue
		}
		if b.founded != "" && (a.founded == "" || b.founded < a.founded) {
			a, b = b, a
		}
		c := Chapter{Kind: Merged, Decision: &d, Through: []ID{d.A.ID, d.B.ID}, Parts: []Part{a.shown(), b.shown()}}
		c.At.Time = d.At
		for _, k := range []Known{d.A, d.B} {
			if came, ok := s.came[k.Hash]; ok && came.Time >= d.At && compareTime(c.At, came) < 0 {
				c.At = came
			}
		}
		s.join(&a, b)
		s.out = append(s.out, c)
	}
	return later
}

// join makes two parts one; the larger takes the smaller in, under the ID that
// stays.
func (s *teller) join(into **part, p *part) {
	a, founded := *into, (*into).founded
	if len(a.ids) < len(p.ids) {
		a, p = p, a
	}
	p.into = a
	a.ids = append(a.ids, p.ids...)
	a.founded = founded
	p.ids = nil
	*into = a
}

func (p *part) shown() Part {
	out := Part{Profile: p.founded, Count: len(p.ids)}
	for _, k := range p.ids[:min(len(p.ids), mostPartIDs)] {
		out.IDs = append(out.IDs, k.ID)
	}
	slices.SortFunc(out.IDs, ID.Compare)
	return out
}

// keptOut tells which IDs were left out: each once, with the first event, unless
// it was part of the profile by then.
func (s *teller) keptOut(strands []Told) {
	byID := map[Hash]*Chapter{}
	for _, t := range strands {
		for i := range t.Strand.Links {
			l := &t.Strand.Links[i]
			if l.Verdict != Demoted {
				continue
			}
			first := t.Strand.First
			if came, ok := s.came[l.Hash]; ok && compareTime(came, first) <= 0 {
				continue
			}
			c := byID[l.Hash]
			if c == nil {
				c = &Chapter{}
				byID[l.Hash] = c
			}
			if n := c.Strands; n == 0 || compareTime(first, c.At) < 0 {
				*c = Chapter{Kind: KeptOut, At: first, Strand: t.Strand, IDs: []ID{l.ID},
					Through: t.Strand.accepted(), Reason: l.Reason, Broke: l.Broke, Strands: n}
			}
			c.Strands++
		}
	}
	for _, c := range byID {
		s.out = append(s.out, *c)
	}
	slices.SortStableFunc(s.out, func(a, b Chapter) int {
		if c := compareTime(a.At, b.At); c != 0 || a.Kind != KeptOut && b.Kind != KeptOut {
			return c // as they were told
		}
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), slices.CompareFunc(a.IDs, b.IDs, ID.Compare))
	})
}

// accepted lists the IDs that a strand accepts.
func (s *Strand) accepted() []ID {
	var out []ID
	for i := range s.Links {
		if l := &s.Links[i]; l.Verdict == Accepted {
			out = append(out, l.ID)
		}
	}
	return out
}
