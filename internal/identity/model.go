package identity

// Model is a space's strands of one collection in memory, compactly, to find out
// what draft rules would make of them. One strand with three IDs takes about 400
// bytes.
//
// A Model is filled with Add and asked once with Outcome. It is not safe for use
// by several goroutines.
type Model struct {
	rs         *Ruleset
	ov         *Overrides
	collection Collection

	// Same says that the stored strands were decided under rules of the same
	// order (person_first or arrival) as the draft.
	Same bool
	// Was are the rules under which the stored strands were decided; nil means the
	// draft's. They say which IDs people's pairs tied together.
	Was *Ruleset
	// Strict counts a strand as different also when only the bounds of its
	// verdict are: reasons, and when it is to be looked at again.
	Strict bool
	// All counts every strand as different: more than verdicts is to be found out
	// again, such as the number of merges that count under order: arrival.
	All bool

	ids     []modelID
	index   map[Hash]int32
	types   []string
	typeOf  map[string]uint16
	strands []modelStrand
	links   []modelLink
	odd     map[int32]*Strand // strands that are not plain, as stored

	before  partition // by links that are accepted in the store
	after   partition // by IDs that name somebody under the draft
	cluster partition // by either: what must be decided together

	violations map[Violation]int

	past      []pastStrand // what is stored, where the draft's strands are others
	pastLinks []modelLink

	owners map[Founded]int32 // the first ID that a profile owns; nil: not told
}

type modelID struct {
	id      ID
	hash    Hash
	typ     uint16
	why     Reason // why it names nobody under the draft; ReasonNone: it names somebody
	concern bool   // an override speaks of it
	owned   bool   // a stored strand accepts it
	strands int32  // that hold it
	owner   int32  // the first ID that its profile owns, if told; -1: none
}

func (id *modelID) nobody() bool { return id.why != ReasonNone }

type modelStrand struct {
	hash     Hash
	first    Pos
	from, to int32 // of links
	founded  Founded
	plain    bool // as stored: nothing demoted, all accepted with the first event
	fits     bool // as stored, it is what the draft makes of it where strands commute
}

type modelLink struct {
	id      int32
	verdict Verdict // as stored
	reason  Reason  // with Blocked, as stored
}

// aside is the reason why an ID is stored as naming nobody.
func (l *modelLink) aside() Reason {
	if l.verdict == Blocked {
		return l.reason
	}
	return ReasonNone
}

// Founded is the profile that a strand founded; the oldest is the smallest, zero
// is none.
type Founded [20]byte

// Violation is a kind of demotion.
type Violation struct {
	Type   string // of the ID that was left out
	Reason Reason
	Broke  string // the type whose limit was broken, with ReasonLimit
}

type pastStrand struct {
	from, to int32 // of pastLinks
	founded  Founded
}

// NewModel returns an empty model for draft rules. strands is about how many
// there will be.
func NewModel(rs *Ruleset, ov *Overrides, c Collection, strands int) *Model {
	return &Model{
		rs: rs, ov: ov, collection: c,
		ids: make([]modelID, 0, strands), strands: make([]modelStrand, 0, strands), links: make([]modelLink, 0, strands*3),
		index: make(map[Hash]int32, strands), typeOf: map[string]uint16{}, odd: map[int32]*Strand{},
		violations: map[Violation]int{},
	}
}

// Strands is how many strands were added.
func (m *Model) Strands() int { return len(m.strands) }

// Collection is what the model's strands are of.
func (m *Model) Collection() Collection { return m.collection }

// Add adds a strand as it is stored. The model keeps its IDs, and s itself if it
// is unusual.
func (m *Model) Add(s *Strand, founded Founded) {
	st := modelStrand{hash: s.Hash, first: s.First, from: int32(len(m.links)), founded: founded, plain: true, fits: true}
	st.first.Class = 1
	if m.rs.Arrival() {
		st.first.Class = 0
	}
	firstOwned, firstFree, firstAny := int32(-1), int32(-1), int32(-1)
	for i := range s.Links {
		l := &s.Links[i]
		k := m.id(l)
		id := &m.ids[k]
		id.strands++
		m.links = append(m.links, linkOf(k, l))
		switch l.Verdict {
		case Accepted:
			id.owned = true
			m.before.tie(&firstOwned, k)
			st.plain = st.plain && l.At == s.First
		case Blocked:
			m.violations[Violation{l.ID.Type, l.Reason, ""}]++
		case Undecided:
			st.plain = false
		default:
			st.plain = false
			m.violations[Violation{l.ID.Type, l.Reason, l.Broke}]++
		}
		if !id.nobody() {
			m.after.tie(&firstFree, k)
			if m.rs.NamesPerson(l.ID.Type) {
				st.first.Class = 0
			}
		}
		if !id.nobody() || l.Verdict == Accepted {
			m.cluster.tie(&firstAny, k)
		}
		st.fits = st.fits && m.links[len(m.links)-1].aside() == id.why
	}
	st.plain = st.plain && s.Evaluated == s.First && s.Recheck == 0
	st.fits = st.fits && st.plain && st.first.Class == s.First.Class
	st.to = int32(len(m.links))
	if !st.plain || st.first.Class != s.First.Class {
		m.odd[int32(len(m.strands))] = s
	}
	m.strands = append(m.strands, st)
}

// Past adds a strand that is stored and that the draft does not have, for it looks
// for IDs elsewhere: it says who is one person now, and nothing of the draft.
// Strands are added with Past and Draft, or with Add.
func (m *Model) Past(s *Strand, founded Founded) {
	st := pastStrand{from: int32(len(m.pastLinks)), founded: founded}
	firstOwned, firstAny := int32(-1), int32(-1)
	for i := range s.Links {
		l := &s.Links[i]
		k := m.id(l)
		m.pastLinks = append(m.pastLinks, linkOf(k, l))
		switch l.Verdict {
		case Accepted:
			m.ids[k].owned = true
			m.before.tie(&firstOwned, k)
			m.cluster.tie(&firstAny, k)
		case Blocked:
			m.violations[Violation{l.ID.Type, l.Reason, ""}]++
		default:
			m.violations[Violation{l.ID.Type, l.Reason, l.Broke}]++
		}
	}
	st.to = int32(len(m.pastLinks))
	m.past = append(m.past, st)
}

// Draft adds a strand that the draft makes of events, undecided, with its first
// event.
func (m *Model) Draft(s *Strand, first Pos) {
	c := *s
	c.First, c.Evaluated = first, first
	m.Add(&c, Founded{})
	delete(m.odd, int32(len(m.strands)-1)) // nothing is stored of it
}

// Own tells which profile owns an ID, after all strands were added. Where that is
// told for all IDs, the outcome differs also where only owners do: a change of
// rules that was not carried to its end can leave that behind.
func (m *Model) Own(id Hash, profile Founded) {
	if m.owners == nil {
		m.owners = make(map[Founded]int32, len(m.ids)/2)
	}
	k, ok := m.index[id]
	if !ok {
		return // its events were erased
	}
	first, ok := m.owners[profile]
	if !ok {
		m.owners[profile] = k
		first = k
	}
	m.ids[k].owner = first
	m.cluster.tie(&first, k)
}

// tiePairs ties together what people decided.
func (m *Model) tiePairs() {
	if m.ov == nil {
		return
	}
	was := m.Was
	if was == nil {
		was = m.rs
	}
	tie := func(p partition, ids []Known) {
		first := int32(-1)
		for _, id := range ids {
			if k, ok := m.index[id.Hash]; ok {
				p.tie(&first, k)
			}
		}
	}
	for _, b := range m.ov.bonds() {
		tie(m.cluster, b.ids)
		for _, ids := range m.ov.groups(m.rs, b) {
			tie(m.after, ids)
		}
		for _, ids := range m.ov.groups(was, b) {
			tie(m.before, ids)
		}
	}
}

func linkOf(k int32, l *Link) modelLink {
	m := modelLink{k, l.Verdict, ReasonNone}
	if l.Verdict == Blocked {
		m.reason = l.Reason
	}
	return m
}

// id returns the number of an ID.
func (m *Model) id(l *Link) int32 {
	if k, ok := m.index[l.Hash]; ok {
		return k
	}
	typ, ok := m.typeOf[l.ID.Type]
	if !ok {
		typ = uint16(len(m.types))
		m.types = append(m.types, l.ID.Type)
		m.typeOf[l.ID.Type] = typ
	}
	k := int32(len(m.ids))
	m.index[l.Hash] = k
	m.ids = append(m.ids, modelID{
		id: ID{m.types[typ], l.ID.Value}, hash: l.Hash, typ: typ,
		why: m.ov.WhyNobody(m.rs, l.ID, l.Hash), concern: m.ov.Concern(l.Hash), owner: -1,
	})
	m.before.grow()
	m.after.grow()
	m.cluster.grow()
	return k
}

// strand makes the strand of a number, undecided.
func (m *Model) strand(n int32) *Strand {
	st := &m.strands[n]
	s := &Strand{Hash: st.hash, Collection: m.collection, Links: make([]Link, 0, st.to-st.from)}
	for _, l := range m.links[st.from:st.to] {
		s.Links = append(s.Links, Link{ID: m.ids[l.id].id, Hash: m.ids[l.id].hash})
	}
	return s
}

// stored makes the strand of a number as it is stored.
func (m *Model) stored(n int32) *Strand {
	if s := m.odd[n]; s != nil {
		return s
	}
	s := m.strand(n)
	s.First = m.strands[n].first
	s.Evaluated = s.First
	for i, l := range m.links[m.strands[n].from:m.strands[n].to] {
		if s.Links[i].Verdict = l.verdict; l.verdict == Accepted {
			s.Links[i].At = s.First
		} else {
			s.Links[i].Reason = l.reason
		}
	}
	return s
}

// partition is a union-find over numbers.
type partition []int32

func (p *partition) grow() { *p = append(*p, int32(len(*p))) }

func (p partition) root(k int32) int32 {
	for p[k] != k {
		p[k] = p[p[k]]
		k = p[k]
	}
	return k
}

// tie joins k to the first, which it becomes if there is none. The smaller
// number is the root, so that the result does not depend on the order of calls.
func (p partition) tie(first *int32, k int32) {
	if *first < 0 {
		*first = k
		return
	}
	a, b := p.root(*first), p.root(k)
	switch {
	case a < b:
		p[b] = a
	case b < a:
		p[a] = b
	}
}
