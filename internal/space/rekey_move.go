package space

import (
	"strings"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// moveEvent gives an event to its new strand.
func (d *Tx) moveEvent(e *movedEvent) error {
	if e.had {
		d.remove(codec.Events.Key(d.keys, e.was, e.at))
	}
	if len(e.ids) == 0 {
		return nil
	}
	d.put(codec.Events.Key(d.keys, e.hash, e.at), nil)
	sight := occasion{identity.Pos{Moment: e.at, Strand: e.hash}, e.messageID, e.source}
	if err := d.moveIn(e.hash, e.collection, e.ids, sight); err != nil {
		return err
	}
	if len(e.traits) == 0 {
		return nil
	}
	if err := d.traits.load(&d.View, e.hash); err != nil {
		return err
	}
	if after, won := d.traits.row(e.hash).Apply(e.traits); len(won) > 0 {
		d.traits.put(e.hash, after)
	}
	return nil
}

// moveIn makes the strand of a moved event part of the graph, as good as can be
// told from the groups as they are; the passes that follow decide it.
func (d *Tx) moveIn(h identity.Hash, c identity.Collection, ids []identity.ID, e occasion) error {
	if err := d.LoadStrands(h); err != nil {
		return err
	}
	if known := d.strands[h]; known != nil {
		if e.pos.Class = known.First.Class; e.pos.Before(known.First) {
			return d.restart(known, e)
		}
		d.bump(h)
		return nil
	}
	s := identity.NewStrand(d.hasher, c, ids)
	Detach(s.Links)
	e.pos = s.Place(d.rules, d.engine.Overrides, e.pos.Moment)
	links, err := d.loadLinks(s)
	if err != nil {
		return err
	}
	if fast, err := d.accept(s, nil, links, e); err != nil || fast {
		return err
	}
	change, err := d.engine.Provisional(d, identity.Seed{Strand: s, Pos: e.pos})
	if err != nil {
		return err
	}
	return d.apply(change, e)
}

// restart gives a strand another first event.
func (d *Tx) restart(known *codec.Strand, e occasion) error {
	s := known.Strand.Clone()
	was := s.First
	s.First = e.pos
	for i := range s.Links {
		if l := &s.Links[i]; l.Verdict == identity.Accepted && (l.At == was || l.At.Before(s.First)) {
			l.At = s.First
		}
	}
	if s.Evaluated == was || s.Evaluated.Before(s.First) {
		s.Evaluated = s.First
	}
	hashes := make([]identity.Hash, len(s.Links))
	for i := range s.Links {
		hashes[i] = s.Links[i].Hash
	}
	if err := d.LoadIdentifiers(hashes...); err != nil {
		return err
	}
	rec := *known
	rec.Strand, rec.Source, rec.MessageID = s, e.source, strings.Clone(e.messageID)
	return d.putStrand(&rec, known.Strand)
}

// movePairs keeps which users and accounts moved events show together.
func (d *Tx) movePairs(pairs []movedPair) error {
	keys := make([][]byte, len(pairs))
	for i, p := range pairs {
		keys[i] = codec.UserAccounts.Key(d.keys, p.user, p.account)
	}
	if len(keys) == 0 {
		return nil
	}
	values, err := d.get(keys)
	if err != nil {
		return err
	}
	best := map[string]*codec.Pair{}
	for i := range pairs {
		k := string(keys[i])
		if best[k] == nil && values[i] != nil {
			if best[k], err = codec.DecodePair(values[i]); err != nil {
				return err
			}
		}
		if best[k] == nil {
			d.rewrite(pairs[i].account)
		}
		if p := &pairs[i].Pair; best[k] == nil || p.Before(best[k].Moment) {
			best[k] = p
			d.put(keys[i], p.Append(nil))
			d.put(codec.AccountUsers.Key(d.keys, pairs[i].account, pairs[i].user), nil)
		}
	}
	return nil
}
