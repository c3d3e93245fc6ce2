package query

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/tx"
)

// checkIndex holds the index entries of every strand against the journal. Where the
// journal cannot be read, the index says what was there.
func (v *verification) checkIndex() error {
	found := map[identity.Hash]moments{}
	unread := map[event.Block]bool{}
	counted := map[event.Arrival]bool{} // an event may have two strands
	n := int64(0)
	if err := v.view.Each(codec.Events, queryPage, func(e kv.Entry) error {
		strand, at, ok := codec.Events.Parse(e.Key)
		if !ok {
			return kv.ErrCorrupt
		}
		found[strand] = found[strand].with(at)
		if block := at.Arrival.Block(); !v.blocks[block] {
			unread[block] = true
			if !counted[at.Arrival] {
				counted[at.Arrival] = true
				v.report.Events++
				v.report.Damaged++
			}
			v.lost(strand, at)
		}
		if n++; n%100000 == 0 {
			v.progress("reading the index", n, 0)
		}
		return nil
	}); err != nil {
		return err
	}
	for block := range unread {
		v.unread = true
		if _, named := v.blocks[block]; named {
			continue
		}
		v.differ("damage", "block "+block.String(), "the block is missing", "a block", "")
	}
	for h, want := range v.indexed {
		if got := found[h]; got != want {
			v.differ("index", v.name(h), fmt.Sprint(got.n, " events"), fmt.Sprint(want.n, " events"), "strand "+h.String())
		}
		delete(found, h)
	}
	for h, got := range found {
		v.differ("index", v.name(h), fmt.Sprint(got.n, " events"), "0 events", "strand "+h.String())
	}
	return nil
}

// checkIdentity holds strands, owners and profiles against the batch function.
func (v *verification) checkIdentity() error {
	owners := map[identity.Hash]codec.ProfileID{}
	listed := map[identity.Hash]map[identity.Hash]bool{}
	nodes := map[identity.Hash]*codec.Identifier{}
	if err := v.view.Each(codec.Identifiers, queryPage, func(e kv.Entry) error {
		h, ok := codec.Identifiers.Parse(e.Key)
		if !ok {
			return kv.ErrCorrupt
		}
		n, err := codec.DecodeIdentifier(e.Value)
		if err != nil {
			return err
		}
		nodes[h] = n
		if !n.Owner.IsZero() {
			owners[h] = n.Owner
		}
		listed[h] = map[identity.Hash]bool{}
		for _, x := range n.Holders {
			listed[h][x.Strand] = x.Accepted
		}
		return nil
	}); err != nil {
		return err
	}
	if err := v.view.Each(codec.Links, queryPage, func(e kv.Entry) error {
		id, list, _, _, strand, ok := codec.Links.Parse(e.Key)
		if !ok {
			return kv.ErrCorrupt
		}
		if list != codec.ListWindowed && listed[id] != nil {
			listed[id][strand] = list == codec.ListAccepted
		}
		return nil
	}); err != nil {
		return err
	}
	held := map[codec.ProfileID][]identity.Hash{}
	live := int64(0)
	if err := v.view.Each(codec.Profiles, queryPage, func(e kv.Entry) error {
		rec, err := codec.DecodeProfile(e.Value)
		if err != nil {
			return err
		}
		p, ok := codec.Profiles.Parse(e.Key)
		if !ok {
			return kv.ErrCorrupt
		}
		if rec.Merged {
			return nil
		}
		live++
		for _, m := range rec.IDs {
			held[p] = append(held[p], m.Hash)
		}
		return nil
	}); err != nil {
		return err
	}
	v.report.Profiles = live
	for i, coll := range [...]identity.Collection{identity.Users, identity.Accounts} {
		v.progress("resolving "+coll.String(), 0, int64(len(v.occ[i])))
		res := identity.Resolve(v.view.Rules(), v.view.Overrides(), v.occ[i])
		for h, want := range res.Strands {
			v.checkStrand(v.strands[h].Strand, want, listed)
		}
		used := map[codec.ProfileID]int{}
		for k, g := range res.Groups {
			p := owners[g[0].Hash]
			var ids []string
			apart := p.IsZero()
			for _, m := range g {
				ids = append(ids, m.ID.String())
				apart = apart || owners[m.Hash] != p
			}
			if apart {
				var now []string
				for _, m := range g {
					now = append(now, m.ID.String()+" in "+owners[m.Hash].Text(coll))
				}
				v.differ("partition", strings.Join(ids, " "), strings.Join(now, ", "), "one profile", "")
				continue
			}
			if other, ok := used[p]; ok {
				v.differ("partition", p.Text(coll), "one profile", "two profiles", strings.Join(ids, " ")+" | "+res.Groups[other][0].ID.String())
			}
			used[p] = k
			want := make([]identity.Hash, len(g))
			for j := range g {
				want[j] = g[j].Hash
			}
			got := slices.Clone(held[p])
			order := func(a, b identity.Hash) int { return slices.Compare(a[:], b[:]) }
			slices.SortFunc(want, order)
			slices.SortFunc(got, order)
			if !slices.Equal(got, want) {
				var listed []string
				for _, h := range held[p] {
					if n := nodes[h]; n != nil {
						listed = append(listed, n.ID.String())
					} else {
						listed = append(listed, h.String())
					}
				}
				v.differ("profile", p.Text(coll), strings.Join(listed, " "), strings.Join(ids, " "), "the profile's record lists other IDs")
			}
		}
		for h, p := range owners {
			if _, ok := res.Owner[h]; !ok && v.view.Hasher().ID(coll, nodes[h].ID) == h {
				v.differ("partition", nodes[h].ID.String(), "in "+p.Text(coll), "nobody's", "")
			}
		}
	}
	if int64(len(held)) != live {
		v.differ("profile", "profiles", fmt.Sprint(live), fmt.Sprint(len(held), " with IDs"), "a profile has no IDs")
	}
	return nil
}

func (v *verification) checkStrand(got, want *identity.Strand, listed map[identity.Hash]map[identity.Hash]bool) {
	show := func(s *identity.Strand) string {
		var b strings.Builder
		fmt.Fprintf(&b, "class %d, first %s %s", s.First.Class, time.Unix(0, s.First.Time).UTC().Format(time.RFC3339Nano), s.First.Arrival)
		for i := range s.Links {
			l := &s.Links[i]
			switch l.Verdict {
			case identity.Accepted:
				fmt.Fprintf(&b, "; %s accepted %s", l.ID, time.Unix(0, l.At.Time).UTC().Format(time.RFC3339Nano))
			case identity.Demoted:
				fmt.Fprintf(&b, "; %s demoted", l.ID)
			case identity.Blocked:
				fmt.Fprintf(&b, "; %s blocked: %s", l.ID, l.Reason)
			}
		}
		return b.String()
	}
	if g, w := show(got), show(want); g != w {
		v.differ("strand", v.name(got.Hash), g, w, "strand "+got.Hash.String())
	}
	for i := range got.Links {
		l := &got.Links[i]
		if !tx.IsListed(l) {
			continue
		}
		accepted, ok := listed[l.Hash][got.Hash]
		if !ok || accepted != (l.Verdict == identity.Accepted) {
			v.differ("index", l.ID.String(), "strand not listed as it is", "listed", v.name(got.Hash))
		}
	}
}

// checkTraits holds the traits of every strand against all that was said.
func (v *verification) checkTraits() error {
	if err := v.view.Each(codec.Traits, queryPage, func(e kv.Entry) error {
		h, ok := codec.Traits.Parse(e.Key)
		if !ok {
			return kv.ErrCorrupt
		}
		got, err := profile.DecodeTraits(e.Value)
		if err != nil {
			return err
		}
		v.report.Traits += int64(len(got))
		want, _ := v.traits[h].Apply(got.SetBy(v.holes[h])) // what holes said is known by what is left of it
		delete(v.traits, h)
		if !bytes.Equal(profile.AppendTraits(nil, got), profile.AppendTraits(nil, want)) {
			v.differ("trait", v.name(h), traitNames(got), traitNames(want), "strand "+h.String())
		}
		return nil
	}); err != nil {
		return err
	}
	for h, want := range v.traits {
		v.differ("trait", v.name(h), "none", traitNames(want), "strand "+h.String())
	}
	return nil
}

func traitNames(t profile.Traits) string {
	var b strings.Builder
	for _, x := range t {
		fmt.Fprintf(&b, "%s=%s ", x.Name, x.Value)
	}
	return strings.TrimSpace(b.String())
}

func (v *verification) checkCounters() error {
	c, err := v.view.Counters()
	if err != nil {
		return err
	}
	for _, x := range []struct {
		name      string
		got, want int64
	}{{"profiles", c.Profiles, v.report.Profiles}, {"strands", c.Strands, v.report.Strands}, {"events", c.Events, v.report.Events}} {
		if x.got != x.want && !(x.name == "events" && v.unread) { // of lost blocks the index does not know all
			v.differ("counter", x.name, fmt.Sprint(x.got), fmt.Sprint(x.want), "")
		}
	}
	return v.checkSources()
}

// checkSources holds the counts of sources against the journal. Nobody knows of
// which source the events of a lost block were.
func (v *verification) checkSources() error {
	if v.unread {
		return nil
	}
	stored, err := v.view.SourceCounts()
	if err != nil {
		return err
	}
	show := func(c codec.SourceCount) string {
		return fmt.Sprintf("%d events, the last received %s", c.Events, time.Unix(0, c.Last).UTC().Format(time.RFC3339Nano))
	}
	for source, want := range v.sources {
		if got := stored[source]; got != want {
			v.differ("counter", "source "+source, show(got), show(want), "")
		}
		delete(stored, source)
	}
	for source, got := range stored {
		v.differ("counter", "source "+source, show(got), "no events", "")
	}
	return nil
}
