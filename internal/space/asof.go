package space

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/journal"
)

// mostOccurrences bounds the events that are resolved again for a profile as of
// a time.
const mostOccurrences = 200_000

// NotYetError says that an ID had not come yet as of a time, or that a profile was
// not there. It is an ErrNotFound. The profile that has the ID today may have older
// events, which were somebody else's then, or nobody's.
type NotYetError struct {
	Ref         Ref
	AsOf, First int64 // nanoseconds since 1970; First: of the first event with the ID
}

func (e *NotYetError) Error() string {
	if e.Ref.ByProfileID() {
		return fmt.Sprintf("the profile %s did not exist by %s; the first event with the identifier it began with is from %s", e.Ref.Value, shownTime(e.AsOf), shownTime(e.First))
	}
	return fmt.Sprintf("nothing was seen of %s:%s by %s; its first event is from %s", e.Ref.Type, e.Ref.Value, shownTime(e.AsOf), shownTime(e.First))
}

func (e *NotYetError) Unwrap() error { return ErrNotFound }

func shownTime(t int64) string { return time.Unix(0, t).UTC().Format(time.RFC3339Nano) }

// gatherAsOf finds a profile as its events up to ref.AsOf make it under the rules
// and overrides of now (see resolveAsOf). A group has the oldest profile ID of a strand that it had by
// then, or, if it had none (its events came later than others that it was
// taken into), that of the profile that has its IDs today.
//
// Errors are ErrNotFound, *NotYetError, and ErrTooLarge where more strands than
// MostClosure or more events than mostOccurrences hang together.
func (d *View) gatherAsOf(ref Ref) (*profileSnapshot, error) {
	id, err := d.seed(ref)
	if err != nil {
		return nil, err
	}
	d.touchBound = MostClosure
	strands, res, err := d.resolveAsOf(id, ref.AsOf)
	switch {
	case errors.Is(err, identity.ErrBound), errors.Is(err, errTied):
		return nil, fmt.Errorf("%w: more than %d sets of identifiers are tied to this one by %s; ask for the profile as of now", ErrTooLarge, MostClosure, shownTime(ref.AsOf))
	case errors.Is(err, ErrTooLarge):
		return nil, fmt.Errorf("%w: more than %d events up to %s would have to be resolved again; ask for the profile as of now", ErrTooLarge, mostOccurrences, shownTime(ref.AsOf))
	case err != nil:
		return nil, err
	case len(strands) == 0:
		return nil, d.notYet(id, ref)
	}
	owner, owned := res.Owner[id]
	if !owned {
		return nil, fmt.Errorf("%w: as of %s the ID was kept out of every profile", ErrNotFound, shownTime(ref.AsOf))
	}
	g := &profileSnapshot{d: d, rec: &codec.Profile{Collection: ref.Collection}, until: ref.AsOf}
	for _, s := range strands {
		then := res.Strands[s.Hash]
		if then == nil {
			continue // all of its events were erased
		}
		if top, ok := then.Top(d.rules, d.engine.Overrides); !ok || res.Owner[top.Hash] != owner {
			continue
		}
		now := d.strands[s.Hash]
		st := &codec.Strand{Strand: then, Source: now.Source, Founded: now.Founded}
		if then.First == now.First {
			st.MessageID = now.MessageID
		}
		if !st.Founded.IsZero() && (g.id.IsZero() || st.Founded.Less(g.id)) {
			g.id = st.Founded
		}
		g.strands = append(g.strands, st)
	}
	return g, d.identifyAsOf(g, res.Groups[owner])
}

// seed is the ID that a profile is asked for by; for a profile's own ID that of
// the highest priority of its founding strand.
func (d *View) seed(ref Ref) (identity.Hash, error) {
	if !ref.ByProfileID() {
		h := d.hasher.ID(ref.Collection, ref.ExternalID())
		if err := d.LoadIdentifiers(h); err != nil {
			return h, err
		}
		if d.nodes[h] == nil {
			return h, &UnknownError{ref}
		}
		if d.engine.Overrides.Isolated(h) {
			return h, ErrNotFound
		}
		return h, nil
	}
	p, c, ok := codec.ParseProfileID(ref.Value)
	if !ok || c != ref.Collection {
		return identity.Hash{}, &UnknownError{ref}
	}
	if err := d.LoadProfiles(p); err != nil {
		return identity.Hash{}, err
	}
	rec := d.profiles[p]
	if rec == nil {
		return identity.Hash{}, &UnknownError{ref}
	}
	if err := d.LoadStrands(rec.Founder); err != nil {
		return identity.Hash{}, err
	}
	s := d.strands[rec.Founder]
	if s == nil {
		return identity.Hash{}, ErrNotFound
	}
	top, ok := s.Top(d.rules, d.engine.Overrides)
	switch {
	case ok:
		return top.Hash, nil
	case rec.Merged || len(rec.IDs) == 0:
		return identity.Hash{}, ErrNotFound
	}
	return rec.IDs[0].Hash, nil // it lives without its founding strand
}

// notYet says when the first event of an ID was.
func (d *View) notYet(id identity.Hash, ref Ref) error {
	d.touchBound = 0
	lists, err := d.Touching([]identity.Hash{id}, theBeginning)
	if err != nil {
		return err
	}
	strands, err := d.Strands(lists[0])
	if err != nil {
		return err
	}
	first := int64(math.MaxInt64)
	for _, s := range strands {
		if s != nil {
			first = min(first, s.First.Time)
		}
	}
	if first == math.MaxInt64 {
		return ErrNotFound
	}
	return &NotYetError{ref, ref.AsOf, first}
}

// errTied: more than MostClosure strands are tied to an ID.
var errTied = fmt.Errorf("%w: strands", ErrTooLarge)

// resolveAsOf resolves anew what is tied to an ID by events up to a time, and
// returns the strands that took part as they are now.
//
// Under order: person_first what people said of themselves up to the time was
// decided before all else, and nothing that came later has changed it. So only
// what was seen anonymously is decided again, on top of that.
func (d *View) resolveAsOf(id identity.Hash, until int64) ([]*identity.Strand, *identity.Resolution, error) {
	if d.rules.Arrival() {
		strands, err := d.Closure([]identity.Hash{id}, until)
		if errors.Is(err, ErrTooLarge) {
			err = errTied
		}
		if err != nil {
			return nil, nil, err
		}
		occ, err := d.Arrivals(strands, until, mostOccurrences)
		if err != nil {
			return nil, nil, err
		}
		return strands, identity.Resolve(d.rules, d.engine.Overrides, occ), nil
	}
	strands, err := d.componentAsOf(id, until)
	if err != nil {
		return nil, nil, err
	}
	var decided, again []*identity.Strand
	for _, s := range strands {
		if s.First.Class == 0 {
			decided = append(decided, s.Until(until))
		} else {
			again = append(again, s)
		}
	}
	occ, err := d.occurrences(strands, again, until)
	if err != nil {
		return nil, nil, err
	}
	return strands, identity.ResolveOn(d.rules, d.engine.Overrides, decided, occ), nil
}

// componentAsOf collects the strands that may belong to the profile of an ID as of a time,
// or keep something out of it: those that accepted one of its IDs by then, and
// those of nobody in particular that hold one.
func (d *View) componentAsOf(id identity.Hash, until int64) ([]*identity.Strand, error) {
	var out []*identity.Strand
	seen := map[identity.Hash]bool{}
	visited := map[identity.Hash]bool{}
	for level := d.Reach(id, visited, nil); len(level) > 0; {
		lists, err := d.Accepting(level)
		if err != nil {
			return nil, err
		}
		nobodys, err := d.Touching(level, identity.Pos{Class: 1, Moment: theBeginning.Moment})
		if err != nil {
			return nil, err
		}
		var hashes []identity.Hash
		for _, list := range append(lists, nobodys...) {
			for _, h := range list {
				if !seen[h] {
					hashes = append(hashes, h)
				}
			}
		}
		strands, err := d.Strands(hashes)
		if err != nil {
			return nil, err
		}
		var next []identity.Hash
		for _, s := range strands {
			if s == nil || seen[s.Hash] || s.First.Time > until {
				continue
			}
			ties := func(l *identity.Link) bool {
				if s.First.Class == 0 {
					return l.Verdict == identity.Accepted && l.At.Time <= until
				}
				return !d.NamesNobody(l)
			}
			holds := false
			for i := range s.Links {
				l := &s.Links[i]
				holds = holds || visited[l.Hash] && ties(l)
			}
			if !holds {
				continue // it says no more of the ID than that it is not its own
			}
			seen[s.Hash] = true
			out = append(out, s)
			for i := range s.Links {
				if l := &s.Links[i]; ties(l) && !visited[l.Hash] {
					next = d.Reach(l.Hash, visited, next)
				}
			}
		}
		if len(out) > MostClosure {
			return nil, errTied
		}
		level = next
	}
	return out, nil
}

// occurrences lists the events up to a time of the strands that are decided
// again: the first of each is enough where no limit has a window, and where
// nothing can be left out.
func (d *View) occurrences(all, again []*identity.Strand, until int64) ([]identity.Occurrence, error) {
	if len(again) == 0 {
		return nil, nil
	}
	c := again[0].Collection
	if d.windowed(c, all) && !d.harmless(c, all) {
		return d.Arrivals(again, until, mostOccurrences)
	}
	var occ []identity.Occurrence
	for _, s := range again {
		occ = append(occ, identity.Occurrence{Strand: s, Moment: s.First.Moment})
	}
	return occ, nil
}

// windowed reports whether a limit with a window bears upon the strands.
func (d *View) windowed(c identity.Collection, strands []*identity.Strand) bool {
	for _, s := range strands {
		for i := range s.Links {
			if d.rules.Limit(c, s.Links[i].ID.Type).Window != 0 {
				return true
			}
		}
	}
	return false
}

// harmless reports whether all that is tied together keeps every limit, windows
// ignored, and no override speaks of it: then nothing of it is ever demoted.
func (d *View) harmless(c identity.Collection, strands []*identity.Strand) bool {
	seen := map[identity.Hash]bool{}
	var ids []identity.ID
	for _, s := range strands {
		for i := range s.Links {
			l := &s.Links[i]
			if seen[l.Hash] || d.NamesNobody(l) {
				continue
			}
			if d.engine.Overrides.Concern(l.Hash) {
				return false
			}
			seen[l.Hash] = true
			ids = append(ids, l.ID)
		}
	}
	return d.engine.Commutes(c, nil, ids)
}

// identifyAsOf finds out whose a group is if nothing was founded in it by then,
// and whether pending work may change it.
func (d *View) identifyAsOf(g *profileSnapshot, members []identity.Member) error {
	hashes := make([]identity.Hash, len(members))
	for i := range members {
		hashes[i] = members[i].Hash
	}
	if err := d.LoadOwners(hashes...); err != nil {
		return err
	}
	for _, h := range hashes {
		n := d.nodes[h]
		if n == nil {
			continue
		}
		g.pending = g.pending || n.Pending
		if g.id.IsZero() {
			g.id = n.Owner
		}
	}
	if g.id.IsZero() {
		return fmt.Errorf("%w: the profile as of then has no ID, because nobody owns its identifiers today", ErrNotFound)
	}
	return nil
}

// eventsEnd is the end of a strand's events.
func (g *profileSnapshot) eventsEnd(strand identity.Hash) []byte {
	if g.until != 0 {
		return codec.EventsFrom(g.d.keys, strand, g.until+1)
	}
	return kv.PrefixEnd(codec.Events.Of(g.d.keys, strand))
}

// forget takes what was said after the profile's time out of the traits of its
// strands. A strand keeps only the last that was said of a trait, so where that
// is too late, all that was said before is applied again.
func (d *View) forget(g *profileSnapshot) error {
	w := &witness{d.ctx, d.r, d.keys, map[event.Block]*journal.Block{}}
	for _, st := range g.strands {
		late := false
		for _, t := range d.traits.row(st.Hash) {
			late = late || t.Time > g.until
		}
		if !late {
			continue
		}
		refs, err := d.EventsUntil(st.Hash, g.eventsEnd(st.Hash), mostOccurrences)
		if err != nil {
			return err
		}
		var news []profile.Trait
		for _, at := range refs {
			b, err := w.block(at.Arrival.Block())
			if err != nil {
				return err
			}
			o := at.Arrival.Ordinal()
			if o >= len(b.Heads) || b.Heads[o].Type != event.Identify && b.Heads[o].Type != event.Group {
				continue
			}
			switch e, m, became := b.Event(o); became {
			case journal.Whole:
				news = append(news, traitsOf(st.Collection, &e, &m)...)
			case journal.Damaged:
				news = append(news, saidBy(d.traits.row(st.Hash), map[event.Arrival]bool{at.Arrival: true})...)
			}
		}
		var none profile.Traits
		d.traits.rows[st.Hash], _ = none.Apply(news)
	}
	return nil
}
