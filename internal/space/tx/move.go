package tx

import (
	"strings"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// MoveIn makes the strand of a moved event part of the graph, as good as can be
// told from the groups as they are; the passes that follow decide it.
func (tx *Tx) MoveIn(h identity.Hash, c identity.Collection, ids []identity.ID, e Occasion) error {
	if err := tx.LoadStrands(h); err != nil {
		return err
	}
	if known := tx.strands[h]; known != nil {
		if e.Pos.Class = known.First.Class; e.Pos.Before(known.First) {
			return tx.Restart(known, e)
		}
		tx.Bump(h)
		return nil
	}
	s := identity.NewStrand(tx.hasher, c, ids)
	Detach(s.Links)
	e.Pos = s.Place(tx.rules, tx.engine.Overrides, e.Pos.Moment)
	links, err := tx.loadLinks(s)
	if err != nil {
		return err
	}
	if fast, err := tx.accept(s, nil, links, e); err != nil || fast {
		return err
	}
	change, err := tx.engine.Provisional(tx, identity.Seed{Strand: s, Pos: e.Pos})
	if err != nil {
		return err
	}
	return tx.apply(change, e)
}

// Restart gives a strand another first event.
func (tx *Tx) Restart(known *codec.Strand, e Occasion) error {
	s := known.Strand.Clone()
	was := s.First
	s.First = e.Pos
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
	if err := tx.LoadIdentifiers(hashes...); err != nil {
		return err
	}
	rec := *known
	rec.Strand, rec.Source, rec.MessageID = s, e.Source, strings.Clone(e.MessageID)
	return tx.putStrand(&rec, known.Strand)
}
