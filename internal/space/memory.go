package space

import (
	"github.com/selfsame-id/selfsame/internal/generational"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// memory keeps records that the writer of an exclusive store read or wrote
// lately: nobody else changes them, so they need no second look. The records in
// it are never changed; a transaction works on copies.
type memory struct {
	nodes    generational.Cache[identity.Hash, *codec.Identifier]
	profiles generational.Cache[codec.ProfileID, *codec.Profile]
	strands  generational.Cache[identity.Hash, *codec.Strand]
	filter   *nodeFilter
}

// Bytes that an entry takes, about.
const (
	nodeBytes    = 320
	profileBytes = 400
	strandBytes  = 700
)

func newMemory(bytes int64) *memory {
	return &memory{
		nodes:    generational.New[identity.Hash, *codec.Identifier](bytes / 4 / nodeBytes),
		profiles: generational.New[codec.ProfileID, *codec.Profile](bytes / 4 / profileBytes),
		strands:  generational.New[identity.Hash, *codec.Strand](bytes / 4 / strandBytes),
		filter:   newNodeFilter(bytes / 4),
	}
}

// resize changes the bound.
func (m *memory) resize(bytes int64) {
	m.nodes.Resize(bytes / 4 / nodeBytes)
	m.profiles.Resize(bytes / 4 / profileBytes)
	m.strands.Resize(bytes / 4 / strandBytes)
	m.filter.resize(bytes / 4)
}

// learn keeps what a commit left. The transaction is not used afterwards.
func (m *memory) learn(d *Tx) {
	for h, n := range d.nodes {
		if n != nil {
			m.nodes.Put(h, n)
			m.filter.add(h)
		}
	}
	for p, rec := range d.profiles {
		if rec != nil {
			m.profiles.Put(p, rec)
		}
	}
	for h, st := range d.strands {
		if st != nil {
			m.strands.Put(h, st)
		}
	}
}

// node, profile and strand give a transaction its own copy of what is remembered; nil
// with true is something that is surely not in the store.
func (m *memory) node(h identity.Hash) (*codec.Identifier, bool) {
	n, ok := m.nodes.Get(h)
	if !ok {
		return nil, m.filter.absent(h)
	}
	c := *n
	c.Holders = n.Holders[:len(n.Holders):len(n.Holders)]
	return &c, true
}

func (m *memory) profile(p codec.ProfileID) (*codec.Profile, bool) {
	rec, ok := m.profiles.Get(p)
	if !ok {
		return nil, false
	}
	c := *rec
	c.IDs = rec.IDs[:len(rec.IDs):len(rec.IDs)]
	return &c, true
}

func (m *memory) strand(h identity.Hash) (*codec.Strand, bool) {
	st, ok := m.strands.Get(h)
	if !ok {
		return nil, false
	}
	c := *st
	return &c, true
}
