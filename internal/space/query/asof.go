package query

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/journal"
	"github.com/selfsame-id/selfsame/internal/space/tx"
)

// mostOccurrences bounds the events that are resolved again for a profile as of
// a time.
const mostOccurrences = 200_000

// NotYetError says that an ID had not come yet as of a time, or that a profile was
// not there. It is an ErrNotFound. The profile that has the ID today may have older
// events, which were somebody else's then, or nobody's.
type NotYetError struct {
	Ref         space.Ref
	AsOf, First int64 // nanoseconds since 1970; First: of the first event with the ID
}

func (e *NotYetError) Error() string {
	if e.Ref.ByProfileID() {
		return fmt.Sprintf("the profile %s did not exist by %s; the first event with the identifier it began with is from %s", e.Ref.Value, shownTime(e.AsOf), shownTime(e.First))
	}
	return fmt.Sprintf("nothing was seen of %s:%s by %s; its first event is from %s", e.Ref.Type, e.Ref.Value, shownTime(e.AsOf), shownTime(e.First))
}

func (e *NotYetError) Unwrap() error { return space.ErrNotFound }

func shownTime(t int64) string { return time.Unix(0, t).UTC().Format(time.RFC3339Nano) }

// gatherAsOf finds a profile as its events up to ref.AsOf make it under the rules
// and overrides of now (see resolveAsOf). A group has the oldest profile ID of a strand that it had by
// then, or, if it had none (its events came later than others that it was
// taken into), that of the profile that has its IDs today.
//
// Errors are ErrNotFound, *NotYetError, and ErrTooLarge where more strands than
// MostClosure or more events than mostOccurrences hang together.
func (v view) gatherAsOf(ref space.Ref) (*ProfileSnapshot, error) {
	id, err := v.seed(ref)
	if err != nil {
		return nil, err
	}
	v.BoundTouching(tx.MostClosure)
	strands, res, err := v.resolveAsOf(id, ref.AsOf)
	switch {
	case errors.Is(err, identity.ErrBound), errors.Is(err, errTied):
		return nil, fmt.Errorf("%w: more than %d sets of identifiers are tied to this one by %s; ask for the profile as of now", space.ErrTooLarge, tx.MostClosure, shownTime(ref.AsOf))
	case errors.Is(err, space.ErrTooLarge):
		return nil, fmt.Errorf("%w: more than %d events up to %s would have to be resolved again; ask for the profile as of now", space.ErrTooLarge, mostOccurrences, shownTime(ref.AsOf))
	case err != nil:
		return nil, err
	case len(strands) == 0:
		return nil, v.notYet(id, ref)
	}
	owner, owned := res.Owner[id]
	if !owned {
		return nil, fmt.Errorf("%w: as of %s the ID was kept out of every profile", space.ErrNotFound, shownTime(ref.AsOf))
	}
	g := &ProfileSnapshot{view: v, Record: &codec.Profile{Collection: ref.Collection}, until: ref.AsOf}
	for _, s := range strands {
		then := res.Strands[s.Hash]
		if then == nil {
			continue // all of its events were erased
		}
		if top, ok := then.Top(v.Rules(), v.Overrides()); !ok || res.Owner[top.Hash] != owner {
			continue
		}
		now := v.Strand(s.Hash)
		st := &codec.Strand{Strand: then, Source: now.Source, Founded: now.Founded}
		if then.First == now.First {
			st.MessageID = now.MessageID
		}
		if !st.Founded.IsZero() && (g.ID.IsZero() || st.Founded.Less(g.ID)) {
			g.ID = st.Founded
		}
		g.Strands = append(g.Strands, st)
	}
	return g, v.identifyAsOf(g, res.Groups[owner])
}

// seed is the ID that a profile is asked for by; for a profile's own ID that of
// the highest priority of its founding strand.
func (v view) seed(ref space.Ref) (identity.Hash, error) {
	if !ref.ByProfileID() {
		h := v.Hasher().ID(ref.Collection, ref.ExternalID())
		if err := v.LoadIdentifiers(h); err != nil {
			return h, err
		}
		if v.Identifier(h) == nil {
			return h, &space.UnknownError{Ref: ref}
		}
		if v.Overrides().Isolated(h) {
			return h, space.ErrNotFound
		}
		return h, nil
	}
	p, c, ok := codec.ParseProfileID(ref.Value)
	if !ok || c != ref.Collection {
		return identity.Hash{}, &space.UnknownError{Ref: ref}
	}
	if err := v.LoadProfiles(p); err != nil {
		return identity.Hash{}, err
	}
	rec := v.Profile(p)
	if rec == nil {
		return identity.Hash{}, &space.UnknownError{Ref: ref}
	}
	if err := v.LoadStrands(rec.Founder); err != nil {
		return identity.Hash{}, err
	}
	s := v.Strand(rec.Founder)
	if s == nil {
		return identity.Hash{}, space.ErrNotFound
	}
	top, ok := s.Top(v.Rules(), v.Overrides())
	switch {
	case ok:
		return top.Hash, nil
	case rec.Merged || len(rec.IDs) == 0:
		return identity.Hash{}, space.ErrNotFound
	}
	return rec.IDs[0].Hash, nil // it lives without its founding strand
}

// notYet says when the first event of an ID was.
func (v view) notYet(id identity.Hash, ref space.Ref) error {
	v.BoundTouching(0)
	lists, err := v.Touching([]identity.Hash{id}, identity.Beginning)
	if err != nil {
		return err
	}
	strands, err := v.Strands(lists[0])
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
		return space.ErrNotFound
	}
	return &NotYetError{ref, ref.AsOf, first}
}

// errTied: more than MostClosure strands are tied to an ID.
var errTied = fmt.Errorf("%w: strands", space.ErrTooLarge)

// resolveAsOf resolves anew what is tied to an ID by events up to a time, and
// returns the strands that took part as they are now.
//
// Under order: person_first what people said of themselves up to the time was
// decided before all else, and nothing that came later has changed it. So only
// what was seen anonymously is decided again, on top of that.
func (v view) resolveAsOf(id identity.Hash, until int64) ([]*identity.Strand, *identity.Resolution, error) {
	if v.Rules().Arrival() {
		strands, err := v.Closure([]identity.Hash{id}, until)
		if errors.Is(err, space.ErrTooLarge) {
			err = errTied
		}
		if err != nil {
			return nil, nil, err
		}
		occ, err := v.Arrivals(strands, until, mostOccurrences)
		if err != nil {
			return nil, nil, err
		}
		return strands, identity.Resolve(v.Rules(), v.Overrides(), occ), nil
	}
	strands, err := v.componentAsOf(id, until)
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
	occ, err := v.occurrences(strands, again, until)
	if err != nil {
		return nil, nil, err
	}
	return strands, identity.ResolveOn(v.Rules(), v.Overrides(), decided, occ), nil
}

// componentAsOf collects the strands that may belong to the profile of an ID as of a time,
// or keep something out of it: those that accepted one of its IDs by then, and
// those of nobody in particular that hold one.
func (v view) componentAsOf(id identity.Hash, until int64) ([]*identity.Strand, error) {
	var out []*identity.Strand
	seen := map[identity.Hash]bool{}
	visited := map[identity.Hash]bool{}
	for level := v.Reach(id, visited, nil); len(level) > 0; {
		lists, err := v.Accepting(level)
		if err != nil {
			return nil, err
		}
		nobodys, err := v.Touching(level, identity.Pos{Class: 1, Moment: identity.Beginning.Moment})
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
		strands, err := v.Strands(hashes)
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
				return !v.NamesNobody(l)
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
					next = v.Reach(l.Hash, visited, next)
				}
			}
		}
		if len(out) > tx.MostClosure {
			return nil, errTied
		}
		level = next
	}
	return out, nil
}

// occurrences lists the events up to a time of the strands that are decided
// again: the first of each is enough where no limit has a window, and where
// nothing can be left out.
func (v view) occurrences(all, again []*identity.Strand, until int64) ([]identity.Occurrence, error) {
	if len(again) == 0 {
		return nil, nil
	}
	c := again[0].Collection
	if v.windowed(c, all) && !v.harmless(c, all) {
		return v.Arrivals(again, until, mostOccurrences)
	}
	var occ []identity.Occurrence
	for _, s := range again {
		occ = append(occ, identity.Occurrence{Strand: s, Moment: s.First.Moment})
	}
	return occ, nil
}

// windowed reports whether a limit with a window bears upon the strands.
func (v view) windowed(c identity.Collection, strands []*identity.Strand) bool {
	for _, s := range strands {
		for i := range s.Links {
			if v.Rules().Limit(c, s.Links[i].ID.Type).Window != 0 {
				return true
			}
		}
	}
	return false
}

// harmless reports whether all that is tied together keeps every limit, windows
// ignored, and no override speaks of it: then nothing of it is ever demoted.
func (v view) harmless(c identity.Collection, strands []*identity.Strand) bool {
	seen := map[identity.Hash]bool{}
	var ids []identity.ID
	for _, s := range strands {
		for i := range s.Links {
			l := &s.Links[i]
			if seen[l.Hash] || v.NamesNobody(l) {
				continue
			}
			if v.Overrides().Concern(l.Hash) {
				return false
			}
			seen[l.Hash] = true
			ids = append(ids, l.ID)
		}
	}
	return v.Engine().Commutes(c, nil, ids)
}

// identifyAsOf finds out whose a group is if nothing was founded in it by then,
// and whether pending work may change it.
func (v view) identifyAsOf(g *ProfileSnapshot, members []identity.Member) error {
	hashes := make([]identity.Hash, len(members))
	for i := range members {
		hashes[i] = members[i].Hash
	}
	if err := v.LoadOwners(hashes...); err != nil {
		return err
	}
	for _, h := range hashes {
		n := v.Identifier(h)
		if n == nil {
			continue
		}
		g.Pending = g.Pending || n.Pending
		if g.ID.IsZero() {
			g.ID = n.Owner
		}
	}
	if g.ID.IsZero() {
		return fmt.Errorf("%w: the profile as of then has no ID, because nobody owns its identifiers today", space.ErrNotFound)
	}
	return nil
}

// eventsEnd is the end of a strand's events.
func (g *ProfileSnapshot) eventsEnd(strand identity.Hash) []byte {
	return eventsEnd(g.view, strand, g.until)
}

// eventsEnd is the end of a strand's events up to a time; 0: of all.
func eventsEnd(v view, strand identity.Hash, until int64) []byte {
	if until != 0 {
		return codec.EventsFrom(v.Keys(), strand, until+1)
	}
	return kv.PrefixEnd(codec.Events.Of(v.Keys(), strand))
}

// forget takes what was said after the profile's time out of the traits of its
// strands, which are in rows. A strand keeps only the last that was said of a trait,
// so where that is too late, all that was said before is applied again.
func (g *ProfileSnapshot) forget(rows []profile.Traits) error {
	w := newWitness(g.view.View)
	for i, st := range g.Strands {
		late := false
		for _, t := range rows[i] {
			late = late || t.Time > g.until
		}
		if !late {
			continue
		}
		refs, err := g.view.EventsUntil(st.Hash, g.eventsEnd(st.Hash), mostOccurrences)
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
				news = append(news, e.Traits(st.Collection, &m)...)
			case journal.Damaged:
				news = append(news, rows[i].SetBy(map[event.Arrival]bool{at.Arrival: true})...)
			}
		}
		var none profile.Traits
		rows[i], _ = none.Apply(news)
	}
	return nil
}
