package space

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/binary"
	"slices"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// place is where a page of events ends.
type place struct {
	time  int64
	block uint64
	ord   int
}

func (p place) compare(q place) int {
	if c := cmp.Compare(p.time, q.time); c != 0 {
		return c
	}
	if c := cmp.Compare(p.block, q.block); c != 0 {
		return c
	}
	return cmp.Compare(p.ord, q.ord)
}

func (p place) token() string {
	b := appendTime(nil, p.time)
	b = binary.BigEndian.AppendUint64(b, p.block)
	b = binary.BigEndian.AppendUint16(b, uint16(p.ord))
	return base64.RawURLEncoding.EncodeToString(b)
}

func parsePlace(token string) (place, error) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) != 18 {
		return place{}, ErrBadCursor
	}
	return place{parseTime(b), binary.BigEndian.Uint64(b[8:]), int(binary.BigEndian.Uint16(b[16:]))}, nil
}

// Events reads a page of a profile's events. ErrNotFound if ref names no
// profile, ErrBadCursor if q.Next is not one of ours.
func (s *Space) Events(ctx context.Context, ref Ref, q EventQuery) (EventPage, error) {
	var after *place
	if q.Next != "" {
		p, err := parsePlace(q.Next)
		if err != nil {
			return EventPage{}, err
		}
		after = &p
	}
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return EventPage{}, err
	}
	defer r.Close()
	g, err := s.gather(ctx, r, ref)
	if err != nil {
		return EventPage{}, err
	}
	if g.until != 0 && (q.End == 0 || q.End > g.until) {
		q.End = g.until + 1
	}
	m := &merge{ctx: ctx, r: r, keys: s.keys, oldest: q.Oldest}
	for _, st := range g.strands {
		m.add(st, q.Start, q.End, after)
	}
	limit := min(max(q.Limit, 1), 1000)
	page := EventPage{Profile: g.id.text(g.rec.collection), Provisional: g.pending}
	blocks := map[uint64]*openBlock{}
	for {
		at, ok, err := m.next()
		if err != nil {
			return EventPage{}, err
		}
		if !ok {
			return page, nil
		}
		if len(page.Events) == limit {
			page.Next = m.previous.token()
			return page, nil
		}
		m.previous = at
		b := blocks[at.block]
		if b == nil {
			if b, err = readBlock(ctx, r, s.keys, at.block); err != nil {
				return EventPage{}, err
			}
			if b == nil {
				continue
			}
			if len(blocks) > 16 {
				clear(blocks)
			}
			blocks[at.block] = b
		}
		e, _, ok, err := b.event(at.ord)
		if err != nil {
			return EventPage{}, err
		}
		if ok && q.wants(&e) {
			page.Events = append(page.Events, e)
		}
	}
}

// wants reports whether a query asks for an event.
func (q *EventQuery) wants(e *StoredEvent) bool {
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
	ctx      context.Context
	r        kv.Reader
	keys     keyspace
	oldest   bool
	runs     []*run
	previous place
}

// run is the rest of one strand's events.
type run struct {
	from, to []byte
	page     []place
	done     bool
}

const runPage = 32

func (m *merge) add(st *strandRecord, start, end int64, after *place) {
	if start == 0 {
		start = minTime
	}
	ru := &run{from: m.keys.eventsFrom(st.Hash, start), to: kv.PrefixEnd(m.keys.hash(kindEvent, st.Hash))}
	if end != 0 {
		ru.to = m.keys.eventsFrom(st.Hash, end)
	}
	if after != nil {
		k := m.keys.event(nil, st.Hash, after.time, after.block, after.ord)
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

func (m *merge) next() (place, bool, error) {
	var best *run
	for _, ru := range m.runs {
		if len(ru.page) == 0 && !ru.done {
			if err := m.fill(ru); err != nil {
				return place{}, false, err
			}
		}
		if len(ru.page) == 0 {
			continue
		}
		if best == nil {
			best = ru
			continue
		}
		if c := ru.page[0].compare(best.page[0]); c < 0 == m.oldest && c != 0 {
			best = ru
		}
	}
	if best == nil {
		return place{}, false, nil
	}
	p := best.page[0]
	best.page = best.page[1:]
	return p, true, nil
}

func (m *merge) fill(ru *run) error {
	page, err := m.r.Scan(m.ctx, ru.from, ru.to, runPage, !m.oldest)
	if err != nil {
		return err
	}
	for _, e := range page {
		ref, ok := parseEventKey(e.Key)
		if !ok {
			return kv.ErrCorrupt
		}
		ru.page = append(ru.page, place{ref.time, ref.block, ref.ordinal})
	}
	if len(page) < runPage {
		ru.done = true
	} else if last := page[len(page)-1].Key; m.oldest {
		ru.from = kv.After(last)
	} else {
		ru.to = last
	}
	return nil
}

// CountEvents counts a profile's events, up to most.
func (s *Space) CountEvents(ctx context.Context, ref Ref, most int64) (int64, error) {
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	g, err := s.gather(ctx, r, ref)
	if err != nil {
		return 0, err
	}
	return g.countEvents(most)
}

// countEvents counts the events of the profile's strands, up to most.
func (g *gathered) countEvents(most int64) (int64, error) {
	n := int64(0)
	for _, st := range g.strands {
		from := g.d.keys.hash(kindEvent, st.Hash)
		end := g.eventsEnd(st.Hash)
		for n < most {
			page, err := g.d.r.Scan(g.d.ctx, from, end, int(min(scanPage, most-n)), false)
			if err != nil {
				return 0, err
			}
			n += int64(len(page))
			if len(page) < scanPage {
				break
			}
			from = kv.After(page[len(page)-1].Key)
		}
	}
	return n, nil
}
