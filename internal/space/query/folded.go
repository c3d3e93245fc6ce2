package query

import (
	"slices"
	"sync/atomic"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// folded is what people see of a profile, folded over its strands, and where its
// events are. It is the same for all snapshots that have the profile in one version,
// and never changed.
type folded struct {
	id          codec.ProfileID
	text        string // the same for people
	collection  identity.Collection
	version     uint64 // 0 as of a time
	merged      []string
	strands     []foldedStrand
	identifiers []profile.Identifier
	traits      []profile.Trait

	// last is the newest event as it was read lately: events come without moving
	// the version.
	last atomic.Pointer[lastEvent]
	memo Memo
}

// foldedStrand is a strand with its first event.
type foldedStrand struct {
	hash              identity.Hash
	first             event.Moment
	messageID, source string // messageID may be "", see codec.Strand
}

// lastEvent is what the body of an event says of it.
type lastEvent struct {
	at                event.Moment
	messageID, source string
}

// mostFolded is how many strands a profile may have that is folded for others to
// read. Larger ones are folded for each question, as far as it asks.
const mostFolded = 1000

// found is a folded profile as one snapshot has it.
type found struct {
	*folded
	view    view
	pending bool
	until   int64 // the time as of which this is; 0: now
}

// find finds the profile that ref names, with the wanted parts or more. One that was
// folded before takes two look-ups: of the ID, and of the profile's version; or none,
// if the store knows that neither was written since. It ends with ErrNotFound if there
// is none, which as of a time may be a *NotYetError.
func (r *Reader) find(v *space.View, ref space.Ref, want Part) (found, error) {
	if ref.AsOf != 0 && ref.AsOf < v.Now().UnixNano() {
		g, err := view{v}.gatherAsOf(ref)
		if err != nil {
			return found{}, err
		}
		return g.fold(want)
	}
	if f := r.recall(v, ref); f != nil {
		return found{folded: f, view: view{v}}, nil
	}
	p, err := v.Resolve(ref)
	if err != nil {
		return found{}, err
	}
	if err := v.LoadProfiles(p); err != nil {
		return found{}, err
	}
	rec := v.Profile(p)
	if rec == nil || rec.Merged || rec.Collection != ref.Collection {
		return found{}, space.ErrNotFound
	}
	// While rules are being applied nothing is final.
	if !v.Applying() {
		if f := r.profiles.get(p, rec.Version); f != nil {
			r.remember(v, ref, f)
			return found{folded: f, view: view{v}}, nil
		}
	}
	g, err := Collect(v, p)
	if err != nil {
		return found{}, err
	}
	if g.Pending || len(g.Strands) > mostFolded {
		return g.fold(want)
	}
	f, err := g.fold(allParts)
	if err == nil {
		r.profiles.put(f.folded)
		r.remember(v, ref, f.folded)
	}
	return f, err
}

// fold makes what people see, the wanted parts of it.
func (g *ProfileSnapshot) fold(want Part) (found, error) {
	c := g.Record.Collection
	f := &folded{id: g.ID, text: g.ID.Text(c), collection: c, version: g.Record.Version, strands: make([]foldedStrand, len(g.Strands))}
	var founded []codec.ProfileID
	for i, st := range g.Strands {
		f.strands[i] = foldedStrand{st.Hash, st.First.Moment, st.MessageID, st.Source}
		if !st.Founded.IsZero() && st.Founded != g.ID {
			founded = append(founded, st.Founded)
		}
	}
	slices.SortFunc(founded, func(a, b codec.ProfileID) int { return slices.Compare(a[:], b[:]) })
	for _, p := range founded {
		f.merged = append(f.merged, p.Text(c))
	}
	if want&PartIdentifiers != 0 {
		f.identifiers = g.Identifiers()
	}
	if want&PartTraits != 0 {
		traits, err := g.Traits()
		if err != nil {
			return found{}, err
		}
		f.traits = traits.Visible()
	}
	return found{folded: f, view: g.view, pending: g.Pending, until: g.until}, nil
}

// bytes is how much memory it takes, about.
func (f *folded) bytes() int64 {
	n := 256 + len(f.text)
	for i := range f.merged {
		n += 16 + len(f.merged[i])
	}
	for i := range f.strands {
		n += 88 + len(f.strands[i].messageID) + len(f.strands[i].source)
	}
	for i := range f.identifiers {
		n += 96 + len(f.identifiers[i].Value) // the rest is the strands'
	}
	for i := range f.traits {
		t := &f.traits[i]
		n += 128 + 2*(len(t.Name)+len(t.Value)) + len(t.MessageID) + len(t.Source) // once more for the memo
	}
	return int64(n)
}
