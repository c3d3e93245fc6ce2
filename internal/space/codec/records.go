package codec

import (
	"encoding/binary"
	"slices"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
)

// Strand is a strand as it is stored.
type Strand struct {
	*identity.Strand
	Source string // of the first event
	// MessageID is the first event's; "" where only its body tells.
	MessageID string
	Founded   ProfileID // the profile whose founding strand this is; zero: none
	// revision moves, on a shared store, with events of a strand whose verdict
	// a window may change: whoever decides about it reads its events, and must
	// learn that there is another.
	Revision uint64
}

const (
	strandVersion = 2 // 1 had no messageIds

	flagFounded   = 1
	flagEvaluated = 2
	flagRecheck   = 4
	flagAccounts  = 8
	flagRevision  = 16
	flagMessageID = 32
)

const (
	linkVerdictMask = 0x03
	linkAtElsewhere = 0x04 // accepted with another event than the first
	linkBroke       = 0x08
)

// appendMoment appends a moment of a record: time, received less the time, both
// zigzag, and arrival.
func appendMoment(b []byte, m event.Moment) []byte {
	b = binary.AppendVarint(binary.AppendVarint(b, m.Time), m.ReceivedAt-m.Time)
	return append(b, m.Arrival[:]...)
}

func (s *Strand) Append(b []byte) []byte {
	var flags byte
	if !s.Founded.IsZero() {
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
	if s.Revision != 0 {
		flags |= flagRevision
	}
	if s.MessageID != "" {
		flags |= flagMessageID
	}
	b = append(b, strandVersion, flags, s.First.Class)
	b = appendMoment(b, s.First.Moment)
	b = AppendText(b, s.Source)
	if flags&flagMessageID != 0 {
		b = appendMessageID(b, s.MessageID)
	}
	if flags&flagRevision != 0 {
		b = binary.AppendUvarint(b, s.Revision)
	}
	if flags&flagFounded != 0 {
		b = append(b, s.Founded[:]...)
	}
	if flags&flagEvaluated != 0 {
		b = appendMoment(b, s.Evaluated.Moment)
	}
	if flags&flagRecheck != 0 {
		b = binary.AppendVarint(b, s.Recheck)
	}
	b = binary.AppendUvarint(b, uint64(len(s.Links)))
	for i := range s.Links {
		l := &s.Links[i]
		b = AppendIDType(b, l.ID.Type)
		b = AppendText(b, l.ID.Value)
		v := byte(l.Verdict)
		if l.Verdict == identity.Accepted && l.At != s.First {
			v |= linkAtElsewhere
		}
		if l.Verdict != identity.Accepted && l.Reason != identity.ReasonNone {
			v |= linkBroke
		}
		b = append(b, v)
		if v&linkAtElsewhere != 0 {
			b = appendMoment(b, l.At.Moment)
		}
		if v&linkBroke != 0 {
			b = append(b, byte(l.Reason))
			b = AppendIDType(b, l.Broke)
		}
	}
	return b
}

func DecodeStrand(b []byte, h identity.Hash, hasher identity.Hasher) (*Strand, error) {
	r := &Reader{Rest: b}
	r.Version(strandVersion)
	flags := r.Byte()
	class := r.Byte()
	place := func() identity.Pos {
		return identity.Pos{Class: class, Moment: r.Moment(), Strand: h}
	}
	s := &Strand{Strand: &identity.Strand{Hash: h, Collection: identity.Users}}
	if flags&flagAccounts != 0 {
		s.Collection = identity.Accounts
	}
	s.First = place()
	s.Source = r.Text()
	if flags&flagMessageID != 0 {
		s.MessageID = r.messageID()
	}
	if flags&flagRevision != 0 {
		s.Revision = r.Uvarint()
	}
	if flags&flagFounded != 0 {
		s.Founded = r.Profile()
	}
	s.Evaluated = s.First
	if flags&flagEvaluated != 0 {
		s.Evaluated = place()
	}
	if flags&flagRecheck != 0 {
		s.Recheck = r.Varint()
	}
	s.Links = make([]identity.Link, r.Count(3))
	for i := range s.Links {
		l := &s.Links[i]
		l.ID.Type = r.IDType()
		l.ID.Value = r.Text()
		l.Hash = hasher.ID(s.Collection, l.ID)
		v := r.Byte()
		l.Verdict = identity.Verdict(v & linkVerdictMask)
		if l.Verdict == identity.Accepted {
			l.At = s.First
		}
		if v&linkAtElsewhere != 0 {
			l.At = place()
		}
		if v&linkBroke != 0 {
			l.Reason = identity.Reason(r.Byte())
			l.Broke = r.IDType()
		}
	}
	return s, r.Err
}

// windowed reports whether a window ever changed the strand's verdict or may
// change it: such a strand has decisions after its first.
func Windowed(s *identity.Strand) bool { return s.Recheck != 0 || s.Evaluated != s.First }

// Identifier is an external ID as it is stored.
type Identifier struct {
	ID           identity.ID
	Owner        ProfileID // zero: nobody
	NonCommuting bool      // a demotion touched the ID, or an override speaks of it
	Pending      bool      // a replay that was put off may change whose it is
	Spilled      bool      // the strands that hold the ID are in lists of their own
	Holders      []Holder  // while not spilled
	// Revision moves when the lists of a spilled ID do: whoever scanned them must
	// learn that they changed.
	Revision uint64
}

type Holder struct {
	Strand   identity.Hash
	Accepted bool
}

// manyHolders is how many strands an ID's record lists before they are spilled.
const ManyHolders = 16

const nodeVersion = 1

func (n *Identifier) Append(b []byte) []byte {
	var flags byte
	if !n.Owner.IsZero() {
		flags |= 1
	}
	if n.NonCommuting {
		flags |= 2
	}
	if n.Spilled {
		flags |= 4
	}
	if n.Pending {
		flags |= 8
	}
	b = append(b, nodeVersion, flags)
	b = AppendIDType(b, n.ID.Type)
	b = AppendText(b, n.ID.Value)
	if flags&1 != 0 {
		b = append(b, n.Owner[:]...)
	}
	if n.Spilled {
		b = binary.AppendUvarint(b, n.Revision)
	}
	b = binary.AppendUvarint(b, uint64(len(n.Holders)))
	for _, h := range n.Holders {
		b = append(b, h.Strand[:]...)
		if h.Accepted {
			b = append(b, 1)
		} else {
			b = append(b, 0)
		}
	}
	return b
}

func DecodeIdentifier(b []byte) (*Identifier, error) {
	r := &Reader{Rest: b}
	r.Version(nodeVersion)
	flags := r.Byte()
	n := &Identifier{NonCommuting: flags&2 != 0, Spilled: flags&4 != 0, Pending: flags&8 != 0}
	n.ID.Type = r.IDType()
	n.ID.Value = r.Text()
	if flags&1 != 0 {
		n.Owner = r.Profile()
	}
	if n.Spilled {
		n.Revision = r.Uvarint()
	}
	n.Holders = make([]Holder, r.Count(17))
	for i := range n.Holders {
		n.Holders[i] = Holder{r.Hash(), r.Byte() == 1}
	}
	return n, r.Err
}

func (n *Identifier) Holder(s identity.Hash) int {
	return slices.IndexFunc(n.Holders, func(h Holder) bool { return h.Strand == s })
}

// Profile is a profile as it is stored: what the commit path needs to know.
// What people see is folded from its strands.
type Profile struct {
	Collection   identity.Collection
	Founder      identity.Hash // its founding strand, fixed when it was created
	Merged       bool          // another profile owns its founding strand; the rest is empty
	Version      uint64        // moves when identity or derived values change
	CreatedAt    int64         // of the commit, nanoseconds since 1970
	NonCommuting bool
	Merges       int
	IDs          []Member
}

type Member struct {
	Hash   identity.Hash
	IDType string
}

const profileVersion = 1

func (p *Profile) Append(b []byte) []byte {
	var flags byte
	if p.Merged {
		flags |= 1
	}
	if p.NonCommuting {
		flags |= 2
	}
	if p.Collection == identity.Accounts {
		flags |= 4
	}
	b = append(b, profileVersion, flags)
	b = append(b, p.Founder[:]...)
	b = binary.AppendUvarint(b, p.Version)
	b = binary.AppendVarint(b, p.CreatedAt)
	b = binary.AppendUvarint(b, uint64(p.Merges))
	b = binary.AppendUvarint(b, uint64(len(p.IDs)))
	for _, m := range p.IDs {
		b = append(b, m.Hash[:]...)
		b = AppendIDType(b, m.IDType)
	}
	return b
}

func DecodeProfile(b []byte) (*Profile, error) {
	r := &Reader{Rest: b}
	r.Version(profileVersion)
	flags := r.Byte()
	p := &Profile{Collection: identity.Users, Merged: flags&1 != 0, NonCommuting: flags&2 != 0}
	if flags&4 != 0 {
		p.Collection = identity.Accounts
	}
	p.Founder = r.Hash()
	p.Version = r.Uvarint()
	p.CreatedAt = r.Varint()
	p.Merges = int(r.Uvarint())
	p.IDs = make([]Member, r.Count(17))
	for i := range p.IDs {
		p.IDs[i] = Member{r.Hash(), r.IDType()}
	}
	return p, r.Err
}

func (p *Profile) Census() *identity.Census {
	c := &identity.Census{Tainted: p.NonCommuting, Merges: p.Merges}
	for i := range p.IDs {
		c.Add(p.IDs[i].IDType, 1)
	}
	return c
}

// Pair is where a user strand and an account strand were first seen
// together.
type Pair struct {
	event.Moment // of the first event
	MessageID    string
	Source       string
}

func (p *Pair) Append(b []byte) []byte {
	b = appendMoment(append(b, 1), p.Moment)
	return AppendText(AppendText(b, p.MessageID), p.Source)
}

func DecodePair(b []byte) (*Pair, error) {
	r := &Reader{Rest: b}
	r.Version(1)
	return &Pair{r.Moment(), r.Text(), r.Text()}, r.Err
}

// Deferred is a replay that was put off: the event of a strand from which on
// decisions have to be made again.
type Deferred struct {
	Strand     identity.Hash
	Collection identity.Collection
	event.Moment
}

func (s *Deferred) Append(b []byte) []byte {
	b = append(b, 1, byte(s.Collection))
	b = append(b, s.Strand[:]...)
	return appendMoment(b, s.Moment)
}

func DecodeDeferred(b []byte) (*Deferred, error) {
	r := &Reader{Rest: b}
	r.Version(1)
	c := identity.Collection(r.Byte())
	return &Deferred{Collection: c, Strand: r.Hash(), Moment: r.Moment()}, r.Err
}

// countersRecord counts what is in the store, as far as one lane put it there.
type Counters struct {
	Profiles, Strands, Events, Unresolved int64
}

func (c *Counters) Append(b []byte) []byte {
	b = append(b, 1)
	for _, n := range [...]int64{c.Profiles, c.Strands, c.Events, c.Unresolved} {
		b = binary.AppendVarint(b, n)
	}
	return b
}

func DecodeCounters(b []byte) (Counters, error) {
	r := &Reader{Rest: b}
	r.Version(1)
	return Counters{r.Varint(), r.Varint(), r.Varint(), r.Varint()}, r.Err
}

func (c *Counters) Add(d Counters) {
	c.Profiles += d.Profiles
	c.Strands += d.Strands
	c.Events += d.Events
	c.Unresolved += d.Unresolved
}

// SourceCount is what was stored of a source's events.
type SourceCount struct {
	Events int64 // since the space was made
	Last   int64 // when the last of them was received, nanoseconds since 1970
}

// Append appends the record.
func (c SourceCount) Append(b []byte) []byte {
	return binary.AppendVarint(binary.AppendVarint(append(b, 1), c.Events), c.Last)
}

// DecodeSourceCount reads what Append appended.
func DecodeSourceCount(b []byte) (SourceCount, error) {
	r := &Reader{Rest: b}
	r.Version(1)
	return SourceCount{r.Varint(), r.Varint()}, r.Err
}

// Plus is both counts together. The zero count is nothing.
func (c SourceCount) Plus(o SourceCount) SourceCount {
	switch {
	case c.Events == 0:
		return o
	case o.Events == 0:
		return c
	}
	return SourceCount{c.Events + o.Events, max(c.Last, o.Last)}
}

// seed key: seeds of one strand and event are one.

// Key is where the replay is kept.
func (s *Deferred) Key(ks Keyspace) []byte {
	return Deferrals.Key(ks, byte(s.Collection), s.Time, s.Strand, s.Arrival)
}
