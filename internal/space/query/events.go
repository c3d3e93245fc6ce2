package query

import (
	"context"
	"encoding/base64"
	"math"
	"slices"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/journal"
)

// pageToken is where a page of events ends.
func pageToken(m event.Moment) string {
	return base64.RawURLEncoding.EncodeToString(codec.AppendMoment(nil, m))
}

func parsePageToken(token string) (event.Moment, error) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) != codec.MomentBytes {
		return event.Moment{}, space.ErrBadCursor
	}
	return codec.ParseMoment(b), nil
}

// Events reads a page of a profile's events. ErrNotFound if ref names no
// profile, ErrBadCursor if q.Next is not one of ours.
func (r *Reader) Events(ctx context.Context, ref space.Ref, q EventQuery) (EventPage, error) {
	var after *event.Moment
	if q.Next != "" {
		p, err := parsePageToken(q.Next)
		if err != nil {
			return EventPage{}, err
		}
		after = &p
	}
	v, err := r.space.View(ctx)
	if err != nil {
		return EventPage{}, err
	}
	defer v.Close()
	g, err := r.find(v, ref, 0)
	if err != nil {
		return EventPage{}, err
	}
	if g.until != 0 && g.until != math.MaxInt64 && (!q.End.Set || q.End.At > g.until) {
		q.End = BoundAt(g.until + 1)
	}
	m := &merge{ctx: ctx, r: v.Reader(), keys: v.Keys(), oldest: q.Oldest}
	for i := range g.strands {
		if h := g.strands[i].hash; q.Strand == (identity.Hash{}) || q.Strand == h {
			m.add(h, q.Start, q.End, after)
		}
	}
	limit := min(max(q.Limit, 1), 1000)
	page := EventPage{Profile: g.text, Provisional: g.pending}
	var previous event.Moment
	var places []event.Moment
	for {
		// A few places at a time, whose blocks are read together. One more than are
		// wanted says whether there is another page.
		wanted := limit - len(page.Events)
		more, err := m.ahead(min(wanted+1, blocksAhead) - len(places))
		if err != nil {
			return EventPage{}, err
		}
		places = append(places, more...)
		switch {
		case len(places) == 0:
			return page, nil
		case wanted == 0:
			page.Next = pageToken(previous)
			return page, nil
		}
		now := places[:min(len(places), wanted)]
		blocks, err := journal.ReadMany(ctx, v.Reader(), v.Keys(), now)
		if err != nil {
			return EventPage{}, err
		}
		for _, at := range now {
			previous = at
			if e, _, st := blocks[at.Arrival.Block()].At(at); st != journal.Gone && q.wants(&e) {
				page.Events = append(page.Events, e)
			}
		}
		places = slices.Clone(places[len(now):])
	}
}

// blocksAhead is how many events are looked up together, each of which may lie in
// a block of its own.
const blocksAhead = 16

// wants reports whether a query asks for an event.
func (q *EventQuery) wants(e *journal.Event) bool {
	if len(q.Types) > 0 && !slices.Contains(q.Types, e.Type) {
		return false
	}
	if len(q.Include) > 0 && !slices.Contains(q.Include, e.Name) {
		return false
	}
	return !slices.Contains(q.Exclude, e.Name)
}

// merge walks the events of several strands in the order of time.
type merge struct {
	ctx    context.Context
	r      kv.Reader
	keys   codec.Keyspace
	oldest bool
	runs   []*run
}

// run is the rest of one strand's events.
type run struct {
	from, to []byte
	page     []event.Moment
	done     bool
}

const runPage = 32

func (m *merge) add(strand identity.Hash, start, end Bound, after *event.Moment) {
	if !start.Set {
		start.At = math.MinInt64
	}
	ru := &run{from: codec.EventsFrom(m.keys, strand, start.At), to: kv.PrefixEnd(codec.Events.Of(m.keys, strand))}
	if end.Set {
		ru.to = codec.EventsFrom(m.keys, strand, end.At)
	}
	if after != nil {
		k := codec.Events.Key(m.keys, strand, *after)
		if m.oldest {
			if k = kv.After(k); slices.Compare(k, ru.from) > 0 {
				ru.from = k
			}
		} else if slices.Compare(k, ru.to) < 0 {
			ru.to = k
		}
	}
	if slices.Compare(ru.from, ru.to) < 0 {
		m.runs = append(m.runs, ru)
	}
}

// ahead takes the next n events, or as many as there are.
func (m *merge) ahead(n int) (places []event.Moment, err error) {
	for len(places) < n {
		at, ok, err := m.next()
		if err != nil || !ok {
			return places, err
		}
		places = append(places, at)
	}
	return places, nil
}

func (m *merge) next() (event.Moment, bool, error) {
	if err := m.fill(); err != nil {
		return event.Moment{}, false, err
	}
	var best *run
	for _, ru := range m.runs {
		if len(ru.page) == 0 {
			continue
		}
		if best == nil {
			best = ru
			continue
		}
		if c := ru.page[0].Compare(best.page[0]); c < 0 == m.oldest && c != 0 {
			best = ru
		}
	}
	if best == nil {
		return event.Moment{}, false, nil
	}
	p := best.page[0]
	best.page = best.page[1:]
	return p, true, nil
}

// fill reads on wherever a run has come to the end of its page.
func (m *merge) fill() error {
	var empty []*run
	var ranges []kv.Range
	for _, ru := range m.runs {
		if len(ru.page) == 0 && !ru.done {
			empty, ranges = append(empty, ru), append(ranges, kv.Range{From: ru.from, To: ru.to})
		}
	}
	if len(empty) == 0 {
		return nil
	}
	pages, err := m.r.Scans(m.ctx, ranges, runPage, !m.oldest)
	if err != nil {
		return err
	}
	for i, ru := range empty {
		if err := ru.take(pages[i], m.oldest); err != nil {
			return err
		}
	}
	return nil
}

func (ru *run) take(page []kv.Entry, oldest bool) error {
	for _, e := range page {
		ref, ok := codec.EventMoment(e.Key)
		if !ok {
			return kv.ErrCorrupt
		}
		ru.page = append(ru.page, ref)
	}
	if len(page) < runPage {
		ru.done = true
	} else if last := page[len(page)-1].Key; oldest {
		ru.from = kv.After(last)
	} else {
		ru.to = last
	}
	return nil
}

// CountEvents counts a profile's events, up to most.
func (r *Reader) CountEvents(ctx context.Context, ref space.Ref, most int64) (int64, error) {
	v, err := r.space.View(ctx)
	if err != nil {
		return 0, err
	}
	defer v.Close()
	g, err := snapshotOf(v, ref)
	if err != nil {
		return 0, err
	}
	return g.CountEvents(most)
}

// countEvents counts the events of the profile, up to most.
func (g *ProfileSnapshot) CountEvents(most int64) (int64, error) {
	return countEventsBefore(g.view, g.Strands, g.eventsEnd, most)
}

// countEvents counts the events of strands, up to most.
func CountStrandEvents(v *space.View, strands []*codec.Strand, most int64) (int64, error) {
	return (&ProfileSnapshot{view: view{v}, Strands: strands}).CountEvents(most)
}

// countEventsBefore counts the events of strands before the end of each, up to most.
func countEventsBefore(v view, all []*codec.Strand, end func(identity.Hash) []byte, most int64) (int64, error) {
	n := int64(0)
	for strands := range slices.Chunk(all, 32) {
		ranges := make([]kv.Range, len(strands))
		for i, st := range strands {
			ranges[i] = kv.Range{From: codec.Events.Of(v.Keys(), st.Hash), To: end(st.Hash)}
		}
		for len(ranges) > 0 && n < most {
			limit := int(min(queryPage, most-n))
			pages, err := v.Reader().Scans(v.Context(), ranges, limit, false)
			if err != nil {
				return 0, err
			}
			var more []kv.Range
			for i, page := range pages {
				n += int64(len(page))
				if len(page) == limit {
					more = append(more, kv.Range{From: kv.After(page[len(page)-1].Key), To: ranges[i].To})
				}
			}
			ranges = more
		}
	}
	return min(n, most), nil
}

// Bound is one end of a stretch of time. The zero Bound is open.
type Bound struct {
	At  int64 // nanoseconds since 1970
	Set bool
}

// BoundAt is a Bound at a time.
func BoundAt(ns int64) Bound { return Bound{ns, true} }

// EventQuery narrows a list of a profile's events.
type EventQuery struct {
	Oldest     bool     // oldest first; newest first otherwise
	Start, End Bound    // Start <= time < End
	Include    []string // event names (as shown: "Page Viewed" for pages); empty: all
	Exclude    []string
	Types      []event.Type // empty: all
	// Strand leaves only the events of one strand; zero: all. Of a profile without it
	// there are none.
	Strand identity.Hash
	Limit  int // 1 to 1000
	Next   string
}

// EventPage is a page of events; Next is "" on the last.
type EventPage struct {
	Profile     string // the profile's own ID
	Provisional bool   // see Profile
	Events      []journal.Event
	Next        string
}
