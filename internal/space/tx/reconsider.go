package tx

import (
	"fmt"
	"math"
	"slices"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Reconsider decides again what overrides of IDs bear upon; the engine holds the
// new ones. ErrTooLarge if, under order: arrival, more than MostClosure strands are
// tied together.
func (v *View) Reconsider(c identity.Collection, ids []identity.Hash) (*identity.Change, error) {
	if !v.rules.Arrival() {
		return v.engine.Reconsider(v, c, ids)
	}
	// What came first counts, so everything that is tied together is decided
	// again from the beginning.
	for _, id := range slices.Clone(ids) {
		for _, k := range v.engine.Overrides.Bound(id) {
			ids = append(ids, k.Hash)
		}
	}
	strands, err := v.Closure(ids, math.MaxInt64)
	if err != nil {
		return nil, err
	}
	occ, err := v.Arrivals(strands, math.MaxInt64, math.MaxInt)
	if err != nil {
		return nil, err
	}
	return identity.Resolve(v.rules, v.engine.Overrides, occ).Change(v.rules, v.engine.Overrides, strands), nil
}

// MostClosure bounds the strands that are decided again together.
const MostClosure = 50_000

// Closure collects the strands that are tied to IDs, by demoted links too, as far
// as events up to a time tie them. ErrTooLarge if there are more than
// MostClosure.
func (v *View) Closure(ids []identity.Hash, until int64) ([]*identity.Strand, error) {
	return v.component(nil, ids, until, MostClosure, func(l *identity.Link) bool {
		return l.Verdict == identity.Accepted || v.ties(l)
	})
}

// ties reports whether a strand is tied by an ID to others that hold it, whatever
// was decided about it.
func (v *View) ties(l *identity.Link) bool { return !v.NamesNobody(l) }

// component collects strands, those that hold IDs, and all that is tied to them by
// links that tie, as far as events up to a time show them. ErrTooLarge if there
// are more than most.
func (v *View) component(strands, ids []identity.Hash, until int64, most int, ties func(*identity.Link) bool) ([]*identity.Strand, error) {
	var out []*identity.Strand
	seen := map[identity.Hash]bool{}
	visited := map[identity.Hash]bool{}
	var level []identity.Hash
	for _, id := range ids {
		level = v.Reach(id, visited, level)
	}
	for _, h := range strands {
		seen[h] = true
	}
	hashes := strands
	for {
		found, err := v.Strands(hashes)
		if err != nil {
			return nil, err
		}
		for _, s := range found {
			if s == nil || s.First.Time > until {
				continue
			}
			out = append(out, s)
			for i := range s.Links {
				if l := &s.Links[i]; !visited[l.Hash] && ties(l) {
					level = v.Reach(l.Hash, visited, level)
				}
			}
		}
		if len(level) == 0 {
			return out, nil
		}
		lists, err := v.Touching(level, identity.Beginning)
		if err != nil {
			return nil, err
		}
		more, err := v.Accepting(level)
		if err != nil {
			return nil, err
		}
		hashes, level = nil, nil
		for _, list := range append(lists, more...) {
			for _, h := range list {
				if !seen[h] {
					seen[h] = true
					hashes = append(hashes, h)
				}
			}
		}
		if len(seen) > most {
			return nil, ErrTooLarge
		}
	}
}

// Reach adds an ID that was not visited yet to those to look at, and what people
// tied to it.
func (v *View) Reach(h identity.Hash, visited map[identity.Hash]bool, level []identity.Hash) []identity.Hash {
	if visited[h] {
		return level
	}
	visited[h] = true
	level = append(level, h)
	for _, k := range v.engine.Overrides.Together(v.rules, h) {
		if !visited[k.Hash] {
			visited[k.Hash] = true
			level = append(level, k.Hash)
		}
	}
	return level
}

// Arrivals lists all events of strands up to a time, in order of arrival.
// ErrTooLarge if there are more than most.
func (v *View) Arrivals(strands []*identity.Strand, until int64, most int) ([]identity.Occurrence, error) {
	var out []identity.Occurrence
	for _, s := range strands {
		from, end := codec.Under(codec.Events.Of(v.keys, s.Hash))
		for {
			page, err := v.r.Scan(v.ctx, from, end, scanPage, false)
			if err != nil {
				return nil, err
			}
			last := len(page) < scanPage
			for _, e := range page {
				at, ok := codec.EventMoment(e.Key)
				if !ok {
					return nil, kv.ErrCorrupt
				}
				if at.Time > until {
					last = true
					break
				}
				out = append(out, identity.Occurrence{Strand: s, Moment: at})
			}
			if len(out) > most {
				return nil, ErrTooLarge
			}
			if last {
				break
			}
			from = kv.After(page[len(page)-1].Key)
		}
	}
	slices.SortFunc(out, func(a, b identity.Occurrence) int { return a.Arrival.Compare(b.Arrival) })
	return out, nil
}

// prune takes the groups out of a change that are profiles already, just so.
func (v *View) prune(c *identity.Change) error {
	var hashes []identity.Hash
	for _, g := range c.Groups {
		for i := range g {
			hashes = append(hashes, g[i].Hash)
		}
	}
	for i := range c.Bare {
		hashes = append(hashes, c.Bare[i].Hash)
	}
	if err := v.LoadOwners(hashes...); err != nil {
		return err
	}
	shares := map[codec.ProfileID]int{} // groups and bare IDs that a profile owns some of
	for _, g := range c.Groups {
		seen := map[codec.ProfileID]bool{}
		for i := range g {
			if p, rec := v.Owner(g[i].Hash); rec != nil && !seen[p] {
				seen[p] = true
				shares[p]++
			}
		}
	}
	for i := range c.Bare {
		if p, rec := v.Owner(c.Bare[i].Hash); rec != nil {
			shares[p]++
		}
	}
	groups, merges := c.Groups[:0:0], c.Merges[:0:0]
	for i, g := range c.Groups {
		p, rec := v.Owner(g[0].Hash)
		same := rec != nil && len(rec.IDs) == len(g) && shares[p] == 1 && (!v.rules.Arrival() || rec.Merges == c.Merges[i])
		for k := range g {
			if q, _ := v.Owner(g[k].Hash); q != p {
				same = false
				break
			}
		}
		if !same {
			groups, merges = append(groups, g), append(merges, c.Merges[i])
		}
	}
	c.Groups, c.Merges = groups, merges
	return nil
}

// EventsUntil lists where a strand's events before a key are in the snapshot, in
// the order of time. ErrTooLarge if there are more than most; 0: no bound.
func (v *View) EventsUntil(strand identity.Hash, end []byte, most int) ([]event.Moment, error) {
	var out []event.Moment
	from := codec.Events.Of(v.keys, strand)
	for {
		page, err := v.r.Scan(v.ctx, from, end, scanPage, false)
		if err != nil {
			return nil, err
		}
		for _, e := range page {
			ref, ok := codec.EventMoment(e.Key)
			if !ok {
				return nil, kv.ErrCorrupt
			}
			out = append(out, ref)
		}
		if len(page) < scanPage {
			return out, nil
		}
		if most > 0 && len(out) > most {
			return nil, fmt.Errorf("%w: more than %d events set traits or may have; ask for the profile as of now", ErrTooLarge, most)
		}
		from = kv.After(page[len(page)-1].Key)
	}
}
