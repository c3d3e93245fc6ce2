package query

import (
	"context"
	"slices"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/journal"
)

// Ties is what holds a profile together, for a picture: its identifiers, and the strands
// and decisions that tie them.
type Ties struct {
	Profile     string
	Collection  identity.Collection
	Provisional bool
	Identifiers []TiedID // by their first times
	Strands     []Tie    // by their first events
	Decisions   []Decided
	More        bool // there are more strands
}

// TiedID is an identifier of the profile.
type TiedID struct {
	ID    identity.ID
	First int64 // event time of its first occurrence, or of the decision that brought it
	App   string
}

// Tie is a strand: all that was seen under one set of identifiers.
type Tie struct {
	Strand    identity.Hash
	IDs       []int     // places in Ties.Identifiers
	KeptOut   []KeptOff // that were seen with it and are not of the profile
	First     int64     // event time
	MessageID string    // of the first event; "" where only its body tells
	App       string    // of the first event; the source where it names none
	Source    string
	Events    int64
	AtLeast   bool // there are more than were counted
}

// KeptOff is an identifier that was left out of a strand.
type KeptOff struct {
	ID     identity.ID
	Reason identity.Reason
}

// Decided is what a person said to be one.
type Decided struct {
	A, B     identity.ID
	At       int64
	Override string
}

const (
	// TiesStd and TiesMost are how many strands Ties tells of, if not asked otherwise, and
	// at most.
	TiesStd, TiesMost = 1000, 2000
	// mostOfTie bounds the events that are counted of one strand, mostOfTies those of all.
	mostOfTie, mostOfTies = 1000, 100_000
)

// Ties tells of the first strands of a profile, up to most. ErrNotFound if ref names no
// profile.
func (r *Reader) Ties(ctx context.Context, ref space.Ref, most int) (Ties, error) {
	v, err := r.space.View(ctx)
	if err != nil {
		return Ties{}, err
	}
	defer v.Close()
	g, err := snapshotOf(v, ref)
	if err != nil {
		return Ties{}, err
	}
	if most == 0 {
		most = TiesStd
	}
	strands := slices.Clone(g.Strands)
	slices.SortFunc(strands, func(a, b *codec.Strand) int { return a.First.Moment.Compare(b.First.Moment) })
	out := Ties{Profile: g.ID.Text(g.Record.Collection), Collection: g.Record.Collection, Provisional: g.Pending}
	if most = min(max(most, 1), TiesMost); len(strands) > most {
		strands, out.More = strands[:most], true
	}
	apps, err := appsOf(v, strands)
	if err != nil {
		return Ties{}, err
	}
	place := map[identity.ID]int{}
	add := func(id identity.ID, first int64, app string) int {
		n, ok := place[id]
		if !ok {
			n = len(out.Identifiers)
			place[id] = n
			out.Identifiers = append(out.Identifiers, TiedID{id, first, app})
		}
		return n
	}
	out.Strands = make([]Tie, len(strands))
	for i, st := range strands {
		t := &out.Strands[i]
		t.Strand, t.First, t.MessageID, t.App, t.Source = st.Hash, st.First.Time, st.MessageID, apps[i], st.Source
		for k := range st.Links {
			switch l := &st.Links[k]; l.Verdict {
			case identity.Accepted:
				t.IDs = append(t.IDs, add(l.ID, st.First.Time, t.App))
			case identity.Demoted:
				t.KeptOut = append(t.KeptOut, KeptOff{l.ID, l.Reason})
			}
		}
	}
	for _, d := range decisions(g) {
		if o := v.OverrideList().Joining(g.Record.Collection, d.Pair); o != nil {
			add(d.Pair.A.ID, d.At, "")
			add(d.Pair.B.ID, d.At, "")
			out.Decisions = append(out.Decisions, Decided{d.Pair.A.ID, d.Pair.B.ID, d.At, o.ID})
		}
	}
	return out, countTies(v, strands, out.Strands, g.until)
}

// appsOf names the app of the first event of each strand; where it names none, the source.
func appsOf(v *space.View, strands []*codec.Strand) ([]string, error) {
	apps := make([]string, len(strands))
	places := make([]event.Moment, len(strands))
	for i, st := range strands {
		apps[i], places[i] = st.Source, st.First.Moment
	}
	err := readEvents(v, places, func(i int, _ *journal.Event, m *event.Message) {
		if m == nil {
			return
		}
		if app := appOf(m); app != "" {
			apps[i] = app
		}
	})
	return apps, err
}

// countTies counts the events of strands, up to a time if it is not 0.
func countTies(v *space.View, strands []*codec.Strand, ties []Tie, until int64) error {
	left := mostOfTies
	for from := 0; from < len(strands); from += 32 {
		some := strands[from:min(from+32, len(strands))]
		ranges := make([]kv.Range, len(some))
		for i, st := range some {
			of := codec.Events.Of(v.Keys(), st.Hash)
			ranges[i] = kv.Range{From: of, To: kv.PrefixEnd(of)}
			if until != 0 {
				ranges[i].To = codec.EventsFrom(v.Keys(), st.Hash, until+1)
			}
		}
		limit := min(mostOfTie, max(1, left/len(some)))
		pages, err := v.Reader().Scans(v.Context(), ranges, limit, false)
		if err != nil {
			return err
		}
		for i, page := range pages {
			ties[from+i].Events, ties[from+i].AtLeast = int64(len(page)), len(page) == limit
			left -= len(page)
		}
	}
	return nil
}
