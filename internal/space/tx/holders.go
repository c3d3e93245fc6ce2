package tx

import (
	"fmt"
	"slices"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// putStrand keeps a strand as it has become and puts it into the lists of its
// IDs, whose nodes must be loaded. old is the strand as it was, nil if new.
func (tx *Tx) putStrand(s *codec.Strand, old *identity.Strand) error {
	if old == nil {
		tx.Done.Counters.Strands++
	}
	tx.watch(s, old)
	tx.regroupBy(s, old)
	if old != nil {
		p, err := tx.profileOf(old)
		if err != nil {
			return err
		}
		tx.left = append(tx.left, p)
	}
	tx.strands[s.Hash] = s
	tx.shown = append(tx.shown, s.Hash)
	tx.changedStrands[s.Hash] = tx.changedStrands[s.Hash] || old != nil
	for i := range s.Links {
		l := &s.Links[i]
		if !IsListed(l) {
			if old != nil && IsListed(&old.Links[i]) {
				tx.forgetHolder(old, &old.Links[i]) // new rules block it
			}
			continue
		}
		n := tx.nodes[l.Hash]
		if n == nil {
			n = &codec.Identifier{ID: l.ID}
			tx.nodes[l.Hash] = n
			tx.changedNodes[l.Hash] = true
		}
		accepted := l.Verdict == identity.Accepted
		if n.Spilled {
			if old != nil && IsListed(&old.Links[i]) {
				tx.unlist(old, &old.Links[i])
			}
			tx.list(s.Strand, l)
			n.Revision++
			tx.changedNodes[l.Hash] = true
			continue
		}
		if k := n.Holder(s.Hash); k >= 0 {
			if n.Holders[k].Accepted != accepted {
				n.Holders = slices.Clone(n.Holders)
				n.Holders[k].Accepted = accepted
				tx.changedNodes[l.Hash] = true
			}
			continue
		}
		n.Holders = append(n.Holders, codec.Holder{Strand: s.Hash, Accepted: accepted})
		tx.changedNodes[l.Hash] = true
		if len(n.Holders) > codec.ManyHolders {
			if err := tx.spill(l.Hash, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// forgetHolder takes a strand out of the lists of an ID.
func (tx *Tx) forgetHolder(s *identity.Strand, l *identity.Link) {
	n := tx.nodes[l.Hash]
	if n == nil {
		return
	}
	tx.changedNodes[l.Hash] = true
	if n.Spilled {
		tx.unlist(s, l)
		n.Revision++
		return
	}
	if k := n.Holder(s.Hash); k >= 0 {
		n.Holders = slices.Delete(slices.Clone(n.Holders), k, k+1)
	}
}

// spill moves the strands that hold an ID from its record to lists.
func (tx *Tx) spill(id identity.Hash, n *codec.Identifier) error {
	hashes := make([]identity.Hash, len(n.Holders))
	for i, h := range n.Holders {
		hashes[i] = h.Strand
	}
	if err := tx.LoadStrands(hashes...); err != nil {
		return err
	}
	for _, h := range hashes {
		s := tx.strands[h]
		if s == nil {
			return fmt.Errorf("%w: strand %s of %s is missing", kv.ErrCorrupt, h, n.ID.Type)
		}
		for i := range s.Links {
			if s.Links[i].Hash == id {
				tx.list(s.Strand, &s.Links[i])
			}
		}
	}
	n.Spilled, n.Holders = true, nil
	return nil
}

func (tx *Tx) list(s *identity.Strand, l *identity.Link) {
	list := byte(codec.ListDemoted)
	if l.Verdict == identity.Accepted {
		list = codec.ListAccepted
	}
	tx.links[string(codec.Links.Key(tx.keys, l.Hash, list, s.First.Class, s.First.Time, s.Hash))] = true
	if codec.Windowed(s) {
		tx.links[string(codec.Links.Key(tx.keys, l.Hash, codec.ListWindowed, 0, 0, s.Hash))] = true
	}
	tx.added[l.Hash] = append(tx.added[l.Hash], s.Hash)
}

func (tx *Tx) unlist(s *identity.Strand, l *identity.Link) {
	list := byte(codec.ListDemoted)
	if l.Verdict == identity.Accepted {
		list = codec.ListAccepted
	}
	tx.links[string(codec.Links.Key(tx.keys, l.Hash, list, s.First.Class, s.First.Time, s.Hash))] = false
	if codec.Windowed(s) {
		tx.links[string(codec.Links.Key(tx.keys, l.Hash, codec.ListWindowed, 0, 0, s.Hash))] = false
	}
}
