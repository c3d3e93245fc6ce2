package query

import (
	"context"
	"math"
	"slices"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/journal"
)

// Journey is a profile's events as a picture of them needs them: a lane for each app
// and device, items that stand for one event or many, and seams.
type Journey struct {
	Profile     string
	Collection  identity.Collection
	Provisional bool
	Events      int64 // of the items
	// More says that there are events besides, which were not looked at.
	More        bool
	First, Last int64 // event times of the first and the last event of the items; 0: there is none
	Lanes       []Lane
	Items       []JourneyItem // by their beginnings
	Seams       []Seam        // by time
}

// Lane is what one app did on one device.
type Lane struct {
	App        string // its name, the host of its pages, or the source
	Device     string // the device's own ID; "" if none is known
	DeviceType string // ios, android, or ""
	Events     int64  // of the items
}

// JourneyItem stands for one event, or for several that lie together in a lane.
type JourneyItem struct {
	Lane      int   // its place in Journey.Lanes
	From, To  int64 // event times of the first and the last
	Events    int64
	Type      event.Type // of the first
	Name      string     // of the first, as shown; "" for calls without a name
	MessageID string     // of the first
	Mixed     bool       // they are not, or not known to be, all of one name
}

// Seam is an event with which the identifiers of two lanes became one.
type Seam struct {
	Time        int64
	MessageID   string // "" where only the event's body tells
	Lane, Other int    // that of the event, and the one that it was joined to
	ID          identity.ID
	A, B        identity.ID // one of each lane
}

// JourneyQuery narrows a journey. The zero value asks for all of it.
type JourneyQuery struct {
	Start, End Bound // Start <= event time < End
	Items      int   // at most so many, from 10 to 2000; 0: 400
}

const (
	itemsStd = 400
	// mostJourney bounds the events of a journey, of which only the index is read.
	mostJourney = 1_000_000
	// mostRead is up to how many events are read with their bodies, so that each is
	// told by its name. Of more, the first of each item is.
	mostRead = 1500
	// mostAsked bounds the strands whose first event is read for its app.
	mostAsked = 2000
	// mostLanes bounds the lanes; what has few events goes into the last one.
	mostLanes = 12
	// leastRun is how many events of one name in a row become one item.
	leastRun = 3
)

// Journey tells of a profile's events in time. It costs little more for very many
// events than for few. ErrNotFound if ref names no profile.
func (r *Reader) Journey(ctx context.Context, ref space.Ref, q JourneyQuery) (Journey, error) {
	v, err := r.space.View(ctx)
	if err != nil {
		return Journey{}, err
	}
	defer v.Close()
	g, err := snapshotOf(v, ref)
	if err != nil {
		return Journey{}, err
	}
	if q.Items == 0 {
		q.Items = itemsStd
	}
	q.Items = min(max(q.Items, 10), 2000)
	if g.until != 0 && (!q.End.Set || q.End.At > g.until) {
		q.End = BoundAt(g.until + 1)
	}
	j := &journeyman{view: v, of: map[Lane]int{}}
	j.out = Journey{Profile: g.ID.Text(g.Record.Collection), Collection: g.Record.Collection, Provisional: g.Pending}
	strands := slices.Clone(g.Strands)
	slices.SortFunc(strands, func(a, b *codec.Strand) int { return a.First.Moment.Compare(b.First.Moment) })
	if err := j.strands(strands); err != nil {
		return Journey{}, err
	}
	lists, n, err := j.moments(strands, q)
	if err != nil {
		return Journey{}, err
	}
	if n <= mostRead {
		err = j.each(lists)
	} else {
		err = j.crowds(lists, q.Items)
	}
	if err != nil {
		return Journey{}, err
	}
	j.squeeze(q.Items)
	j.fewLanes()
	return j.out, nil
}

// journeyman works a journey out.
type journeyman struct {
	view *space.View
	out  Journey
	of   map[Lane]int // without counts
	lane []int        // of each strand, by its first event
}

// placed is an event of the index with the place of its strand.
type placed struct {
	at     event.Moment
	strand int
}

func (j *journeyman) laneOf(l Lane) int {
	n, ok := j.of[l]
	if !ok {
		n = len(j.out.Lanes)
		j.of[l] = n
		j.out.Lanes = append(j.out.Lanes, l)
	}
	return n
}

// device is the device among the IDs of a strand.
func device(st *codec.Strand) (id, kind string) {
	for i := range st.Links {
		switch st.Links[i].ID.Type {
		case "ios.id":
			return st.Links[i].ID.Value, "ios"
		case "android.id":
			return st.Links[i].ID.Value, "android"
		}
	}
	return "", ""
}

// strands finds the lane of each strand's first event, and where lanes were joined.
func (j *journeyman) strands(list []*codec.Strand) error {
	j.lane = make([]int, len(list))
	asked := list[:min(len(list), mostAsked)]
	places := make([]event.Moment, 0, len(asked))
	for _, st := range asked {
		places = append(places, st.First.Moment)
	}
	apps := make([]string, len(list))
	err := readEvents(j.view, places, func(i int, e *journal.Event, m *event.Message) {
		if m != nil {
			apps[i] = appOf(m)
		}
	})
	if err != nil {
		return err
	}
	home := map[identity.Hash]int{} // the lane that an ID was first seen in
	face := map[int]identity.ID{}   // an ID that stands for a lane
	above := map[int]int{}
	root := func(n int) int {
		for {
			up, ok := above[n]
			if !ok {
				return n
			}
			n = up
		}
	}
	for i, st := range list {
		app := apps[i]
		if app == "" {
			app = st.Source
		}
		l := Lane{App: app}
		l.Device, l.DeviceType = device(st)
		n := j.laneOf(l)
		j.lane[i] = n
		for k := range st.Links {
			link := &st.Links[k]
			if link.Verdict != identity.Accepted {
				continue
			}
			other, seen := home[link.Hash]
			if !seen {
				home[link.Hash] = n
				if _, has := face[n]; !has || link.ID.Type == "anonymous_id" && face[n].Type != "anonymous_id" {
					face[n] = link.ID
				}
				continue
			}
			if a, b := root(n), root(other); a != b {
				above[a] = b
				j.out.Seams = append(j.out.Seams, Seam{Time: st.First.Time, MessageID: st.MessageID, Lane: n, Other: other, ID: link.ID, A: face[other], B: face[n]})
			}
		}
	}
	for i := range j.out.Seams {
		s := &j.out.Seams[i]
		if s.A, s.B = face[s.Other], face[s.Lane]; s.B.Type == "" {
			s.B = s.ID
		}
	}
	return nil
}

// moments lists the n events in question, those of each strand by time.
func (j *journeyman) moments(list []*codec.Strand, q JourneyQuery) (lists [][]event.Moment, n int, err error) {
	v := j.view
	start, end := int64(math.MinInt64), q.End
	if q.Start.Set {
		start = q.Start.At
	}
	lists = make([][]event.Moment, len(list))
	for from := 0; from < len(list); from += 32 {
		some := list[from:min(from+32, len(list))]
		ranges, of := make([]kv.Range, len(some)), make([]int, len(some))
		for i, st := range some {
			ranges[i] = kv.Range{From: codec.EventsFrom(v.Keys(), st.Hash, start), To: kv.PrefixEnd(codec.Events.Of(v.Keys(), st.Hash))}
			if end.Set {
				ranges[i].To = codec.EventsFrom(v.Keys(), st.Hash, end.At)
			}
			of[i] = from + i
		}
		for len(ranges) > 0 {
			if n >= mostJourney {
				j.out.More = true
				break
			}
			pages, err := v.Reader().Scans(v.Context(), ranges, queryPage, false)
			if err != nil {
				return nil, 0, err
			}
			var more []kv.Range
			var moreOf []int
			for i, page := range pages {
				n += len(page)
				for _, e := range page {
					at, ok := codec.EventMoment(e.Key)
					if !ok {
						return nil, 0, kv.ErrCorrupt
					}
					lists[of[i]] = append(lists[of[i]], at)
				}
				if len(page) == queryPage {
					more, moreOf = append(more, kv.Range{From: kv.After(page[len(page)-1].Key), To: ranges[i].To}), append(moreOf, of[i])
				}
			}
			ranges, of = more, moreOf
		}
	}
	if n == 0 {
		return lists, 0, nil
	}
	j.out.First, j.out.Last = math.MaxInt64, math.MinInt64
	for _, l := range lists {
		if len(l) > 0 {
			j.out.First, j.out.Last = min(j.out.First, l[0].Time), max(j.out.Last, l[len(l)-1].Time)
		}
	}
	return lists, n, nil
}

// readEvents reads events, a few blocks at a time. The message is nil where it cannot be
// read; erased events are left out.
func readEvents(v *space.View, places []event.Moment, f func(i int, e *journal.Event, m *event.Message)) error {
	for n := 0; n < len(places); n += blocksAhead {
		some := places[n:min(n+blocksAhead, len(places))]
		blocks, err := journal.ReadMany(v.Context(), v.Reader(), v.Keys(), some)
		if err != nil {
			return err
		}
		for i, at := range some {
			if at.Arrival.IsZero() {
				continue
			}
			e, m, st := blocks[at.Arrival.Block()].At(at)
			switch st {
			case journal.Whole:
				f(n+i, &e, &m)
			case journal.Damaged:
				f(n+i, &e, nil)
			}
		}
	}
	return nil
}
