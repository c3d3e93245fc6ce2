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
func (d *Tx) putStrand(s *codec.Strand, old *identity.Strand) error {
	if old == nil {
		d.Done.Counters.Strands++
	}
	d.watch(s, old)
	d.regroupBy(s, old)
	if old != nil {
		p, err := d.profileOf(old)
		if err != nil {
			return err
		}
		d.left = append(d.left, p)
	}
	d.strands[s.Hash] = s
	d.shown = append(d.shown, s.Hash)
	d.changedStrands[s.Hash] = d.changedStrands[s.Hash] || old != nil
	for i := range s.Links {
		l := &s.Links[i]
		if !IsListed(l) {
			if old != nil && IsListed(&old.Links[i]) {
				d.forgetHolder(old, &old.Links[i]) // new rules block it
			}
			continue
		}
		n := d.nodes[l.Hash]
		if n == nil {
			n = &codec.Identifier{ID: l.ID}
			d.nodes[l.Hash] = n
			d.changedNodes[l.Hash] = true
		}
		accepted := l.Verdict == identity.Accepted
		if n.Spilled {
			if old != nil && IsListed(&old.Links[i]) {
				d.unlist(old, &old.Links[i])
			}
			d.list(s.Strand, l)
			n.Revision++
			d.changedNodes[l.Hash] = true
			continue
		}
		if k := n.Holder(s.Hash); k >= 0 {
			if n.Holders[k].Accepted != accepted {
				n.Holders = slices.Clone(n.Holders)
				n.Holders[k].Accepted = accepted
				d.changedNodes[l.Hash] = true
			}
			continue
		}
		n.Holders = append(n.Holders, codec.Holder{Strand: s.Hash, Accepted: accepted})
		d.changedNodes[l.Hash] = true
		if len(n.Holders) > codec.ManyHolders {
			if err := d.spill(l.Hash, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// forgetHolder takes a strand out of the lists of an ID.
func (d *Tx) forgetHolder(s *identity.Strand, l *identity.Link) {
	n := d.nodes[l.Hash]
	if n == nil {
		return
	}
	d.changedNodes[l.Hash] = true
	if n.Spilled {
		d.unlist(s, l)
		n.Revision++
		return
	}
	if k := n.Holder(s.Hash); k >= 0 {
		n.Holders = slices.Delete(slices.Clone(n.Holders), k, k+1)
	}
}

// spill moves the strands that hold an ID from its record to lists.
func (d *Tx) spill(id identity.Hash, n *codec.Identifier) error {
	hashes := make([]identity.Hash, len(n.Holders))
	for i, h := range n.Holders {
		hashes[i] = h.Strand
	}
	if err := d.LoadStrands(hashes...); err != nil {
		return err
	}
	for _, h := range hashes {
		s := d.strands[h]
		if s == nil {
			return fmt.Errorf("%w: strand %s of %s is missing", kv.ErrCorrupt, h, n.ID.Type)
		}
		for i := range s.Links {
			if s.Links[i].Hash == id {
				d.list(s.Strand, &s.Links[i])
			}
		}
	}
	n.Spilled, n.Holders = true, nil
	return nil
}

func (d *Tx) list(s *identity.Strand, l *identity.Link) {
	list := byte(codec.ListDemoted)
	if l.Verdict == identity.Accepted {
		list = codec.ListAccepted
	}
	d.links[string(codec.Links.Key(d.keys, l.Hash, list, s.First.Class, s.First.Time, s.Hash))] = true
	if codec.Windowed(s) {
		d.links[string(codec.Links.Key(d.keys, l.Hash, codec.ListWindowed, 0, 0, s.Hash))] = true
	}
	d.added[l.Hash] = append(d.added[l.Hash], s.Hash)
}

func (d *Tx) unlist(s *identity.Strand, l *identity.Link) {
	list := byte(codec.ListDemoted)
	if l.Verdict == identity.Accepted {
		list = codec.ListAccepted
	}
	d.links[string(codec.Links.Key(d.keys, l.Hash, list, s.First.Class, s.First.Time, s.Hash))] = false
	if codec.Windowed(s) {
		d.links[string(codec.Links.Key(d.keys, l.Hash, codec.ListWindowed, 0, 0, s.Hash))] = false
	}
}
