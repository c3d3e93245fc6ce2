package space

import (
	"encoding/binary"
	"slices"

	"github.com/selfsame-id/selfsame/internal/identity"
)

// strandRecord is a strand as it is stored.
type strandRecord struct {
	*identity.Strand
	source  string    // of the first event
	founded profileID // the profile whose founding strand this is; zero: none
	// revision moves, on a shared store, with events of a strand whose verdict
	// a window may change: whoever decides about it reads its events, and must
	// learn that there is another.
	revision uint64
}

const (
	strandVersion = 1

	flagFounded   = 1
	flagEvaluated = 2
	flagRecheck   = 4
	flagAccounts  = 8
	flagRevision  = 16
)

const (
	linkVerdictMask = 0x03
	linkAtElsewhere = 0x04 // accepted with another event than the first
	linkBroke       = 0x08
)

func appendPlace(b []byte, p identity.Pos) []byte {
	return appendString(binary.AppendVarint(b, p.Time), p.MessageID)
}

func (s *strandRecord) append(b []byte) []byte {
	var flags byte
	if !s.founded.isZero() {
		flags |= flagFounded
	}
	if s.Evaluated != s.First {
		flags |= flagEvaluated
	}
	if s.Recheck != 0 {
		flags |= flagRecheck
	}
	if s.Collection == identity.Accounts {
		flags |= flagAccounts
	}
	if s.revision != 0 {
		flags |= flagRevision
	}
	b = append(b, strandVersion, flags, s.First.Class)
	b = appendPlace(b, s.First)
	b = appendString(b, s.source)
	if flags&flagRevision != 0 {
		b = binary.AppendUvarint(b, s.revision)
	}
	if flags&flagFounded != 0 {
		b = append(b, s.founded[:]...)
	}
	if flags&flagEvaluated != 0 {
		b = appendPlace(b, s.Evaluated)
	}
	if flags&flagRecheck != 0 {
		b = binary.AppendVarint(b, s.Recheck)
	}
	b = binary.AppendUvarint(b, uint64(len(s.Links)))
	for i := range s.Links {
		l := &s.Links[i]
		b = appendIDType(b, l.ID.Type)
		b = appendString(b, l.ID.Value)
		v := byte(l.Verdict)
		if l.Verdict == identity.Accepted && l.At != s.First {
			v |= linkAtElsewhere
		}
		if l.Verdict != identity.Accepted && l.Reason != identity.ReasonNone {
			v |= linkBroke
		}
		b = append(b, v)
		if v&linkAtElsewhere != 0 {
			b = appendPlace(b, l.At)
		}
		if v&linkBroke != 0 {
			b = append(b, byte(l.Reason))
			b = appendIDType(b, l.Broke)
		}
	}
	return b
}

func decodeStrand(b []byte, h identity.Hash, hasher identity.Hasher) (*strandRecord, error) {
	r := &reader{b: b}
	r.version(strandVersion)
	flags := r.byte()
	class := r.byte()
	place := func() identity.Pos {
		t := r.varint()
		return identity.Pos{Class: class, Time: t, MessageID: r.string(), Strand: h}
	}
	s := &strandRecord{Strand: &identity.Strand{Hash: h, Collection: identity.Users}}
	if flags&flagAccounts != 0 {
		s.Collection = identity.Accounts
	}
	s.First = place()
	s.source = r.string()
	if flags&flagRevision != 0 {
		s.revision = r.uvarint()
	}
	if flags&flagFounded != 0 {
		s.founded = r.profile()
	}
	s.Evaluated = s.First
	if flags&flagEvaluated != 0 {
		s.Evaluated = place()
	}
	if flags&flagRecheck != 0 {
		s.Recheck = r.varint()
	}
	s.Links = make([]identity.Link, r.count(3))
	for i := range s.Links {
		l := &s.Links[i]
		l.ID.Type = r.idType()
		l.ID.Value = r.string()
		l.Hash = hasher.ID(s.Collection, l.ID)
		v := r.byte()
		l.Verdict = identity.Verdict(v & linkVerdictMask)
		if l.Verdict == identity.Accepted {
			l.At = s.First
		}
		if v&linkAtElsewhere != 0 {
			l.At = place()
		}
		if v&linkBroke != 0 {
			l.Reason = identity.Reason(r.byte())
			l.Broke = r.idType()
		}
	}
	return s, r.err
}

// windowed reports whether a window ever changed the strand's verdict or may
// change it: such a strand has decisions after its first.
func windowed(s *identity.Strand) bool { return s.Recheck != 0 || s.Evaluated != s.First }

// nodeRecord is an external ID as it is stored.
type nodeRecord struct {
	id      identity.ID
	owner   profileID // zero: nobody
	tainted bool      // a demotion touched the ID, or an override speaks of it
	pending bool      // a replay that was put off may change whose it is
	spilled bool      // the strands that hold the ID are in lists of their own
	holders []holder  // while not spilled
	// revision moves when the lists of a spilled ID do: whoever scanned them must
	// learn that they changed.
	revision uint64
}

type holder struct {
	strand   identity.Hash
	accepted bool
}

// manyHolders is how many strands an ID's record lists before they are spilled.
const manyHolders = 16

const nodeVersion = 1

func (n *nodeRecord) append(b []byte) []byte {
	var flags byte
	if !n.owner.isZero() {
		flags |= 1
	}
	if n.tainted {
		flags |= 2
	}
	if n.spilled {
		flags |= 4
	}
	if n.pending {
		flags |= 8
	}
	b = append(b, nodeVersion, flags)
	b = appendIDType(b, n.id.Type)
	b = appendString(b, n.id.Value)
	if flags&1 != 0 {
		b = append(b, n.owner[:]...)
	}
	if n.spilled {
		b = binary.AppendUvarint(b, n.revision)
	}
	b = binary.AppendUvarint(b, uint64(len(n.holders)))
	for _, h := range n.holders {
		b = append(b, h.strand[:]...)
		if h.accepted {
			b = append(b, 1)
		} else {
			b = append(b, 0)
		}
	}
	return b
}

func decodeNode(b []byte) (*nodeRecord, error) {
	r := &reader{b: b}
	r.version(nodeVersion)
	flags := r.byte()
	n := &nodeRecord{tainted: flags&2 != 0, spilled: flags&4 != 0, pending: flags&8 != 0}
	n.id.Type = r.idType()
	n.id.Value = r.string()
	if flags&1 != 0 {
		n.owner = r.profile()
	}
	if n.spilled {
		n.revision = r.uvarint()
	}
	n.holders = make([]holder, r.count(17))
	for i := range n.holders {
		n.holders[i] = holder{r.hash(), r.byte() == 1}
	}
	return n, r.err
}

func (n *nodeRecord) holder(s identity.Hash) int {
	return slices.IndexFunc(n.holders, func(h holder) bool { return h.strand == s })
}

// profileRecord is a profile as it is stored: what the commit path needs to know.
// What people see is folded from its strands.
type profileRecord struct {
	collection identity.Collection
	founder    identity.Hash // its founding strand, fixed when it was created
	merged     bool          // another profile owns its founding strand; the rest is empty
	version    uint64        // moves when identity or derived values change
	createdAt  int64         // of the commit, nanoseconds since 1970
	tainted    bool
	merges     int
	ids        []profileMember
}

type profileMember struct {
	hash   identity.Hash
	idType string
}

const profileVersion = 1

func (p *profileRecord) append(b []byte) []byte {
	var flags byte
	if p.merged {
		flags |= 1
	}
	if p.tainted {
		flags |= 2
	}
	if p.collection == identity.Accounts {
		flags |= 4
	}
	b = append(b, profileVersion, flags)
	b = append(b, p.founder[:]...)
	b = binary.AppendUvarint(b, p.version)
	b = binary.AppendVarint(b, p.createdAt)
	b = binary.AppendUvarint(b, uint64(p.merges))
	b = binary.AppendUvarint(b, uint64(len(p.ids)))
	for _, m := range p.ids {
		b = append(b, m.hash[:]...)
		b = appendIDType(b, m.idType)
	}
	return b
}

func decodeProfile(b []byte) (*profileRecord, error) {
	r := &reader{b: b}
	r.version(profileVersion)
	flags := r.byte()
	p := &profileRecord{collection: identity.Users, merged: flags&1 != 0, tainted: flags&2 != 0}
	if flags&4 != 0 {
		p.collection = identity.Accounts
	}
	p.founder = r.hash()
	p.version = r.uvarint()
	p.createdAt = r.varint()
	p.merges = int(r.uvarint())
	p.ids = make([]profileMember, r.count(17))
	for i := range p.ids {
		p.ids[i] = profileMember{r.hash(), r.idType()}
	}
	return p, r.err
}

func (p *profileRecord) census() *identity.Census {
	c := &identity.Census{Tainted: p.tainted, Merges: p.merges}
	for i := range p.ids {
		c.Add(p.ids[i].idType, 1)
	}
	return c
}

// pairRecord is where a user strand and an account strand were first seen
// together.
type pairRecord struct {
	time      int64
	messageID string
	source    string
}

func (p *pairRecord) append(b []byte) []byte {
	b = binary.AppendVarint(append(b, 1), p.time)
	return appendString(appendString(b, p.messageID), p.source)
}

func decodePair(b []byte) (*pairRecord, error) {
	r := &reader{b: b}
	r.version(1)
	return &pairRecord{r.varint(), r.string(), r.string()}, r.err
}

// seedRecord is a replay that was put off: the event of a strand from which on
// decisions have to be made again.
type seedRecord struct {
	strand     identity.Hash
	collection identity.Collection
	time       int64
	messageID  string
}

func (s *seedRecord) append(b []byte) []byte {
	b = append(b, 1, byte(s.collection))
	b = append(b, s.strand[:]...)
	return appendString(binary.AppendVarint(b, s.time), s.messageID)
}

func decodeSeed(b []byte) (*seedRecord, error) {
	r := &reader{b: b}
	r.version(1)
	c := identity.Collection(r.byte())
	return &seedRecord{collection: c, strand: r.hash(), time: r.varint(), messageID: r.string()}, r.err
}

// countersRecord counts what is in the store, as far as one lane put it there.
type countersRecord struct {
	profiles, strands, events, unresolved int64
}

func (c *countersRecord) append(b []byte) []byte {
	b = append(b, 1)
	for _, n := range [...]int64{c.profiles, c.strands, c.events, c.unresolved} {
		b = binary.AppendVarint(b, n)
	}
	return b
}

func decodeCounters(b []byte) (countersRecord, error) {
	r := &reader{b: b}
	r.version(1)
	return countersRecord{r.varint(), r.varint(), r.varint(), r.varint()}, r.err
}
