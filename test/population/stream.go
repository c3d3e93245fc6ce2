package population

import "container/heap"

// Stream gives the events of a population in the order in which they arrive.
type Stream struct {
	c       Config
	dice    dice
	slots   []visitor
	order   clock
	held    waiting // late and repeated events
	next    uint64  // the next new person
	emitted int
	now     int64 // milliseconds since 1970, of the newest event so far
	line    []byte
}

// mostHeld bounds the events that wait to arrive late, and so the memory of a
// stream. The one that would have come first comes earlier then.
const mostHeld = 20000

// Stream starts at the beginning.
func (c Config) Stream() *Stream {
	c = c.withDefaults()
	s := &Stream{c: c, next: uint64(c.First), dice: dice(mix(c.Seed, forStream, uint64(c.First), 0))}
	s.slots = make([]visitor, c.Active)
	s.now = c.Start.UnixMilli()
	for i := range s.slots {
		// Not all come in through the door at once.
		at := s.now + int64(s.dice.below(int(meanStay/1000)))*1000
		if s.enter(&s.slots[i], at) {
			s.order = append(s.order, due{s.slots[i].at, int32(i)})
		}
	}
	heap.Init(&s.order)
	return s
}

// Started is how many new people have come so far.
func (s *Stream) Started() int { return int(s.next) - s.c.First }

// Next gives the next event, or nil at the end. It is valid until the next call.
func (s *Stream) Next() []byte {
	if s.c.Events > 0 && s.emitted >= s.c.Events {
		return nil
	}
	for {
		if len(s.held) > 0 && (len(s.order) == 0 || s.held[0].at <= s.order[0].at || len(s.held) >= mostHeld) {
			s.line = append(s.line[:0], heap.Pop(&s.held).(parcel).line...)
			s.emitted++
			return s.line
		}
		if len(s.order) == 0 {
			return nil
		}
		s.compose()
		if s.c.Late > 0 && s.dice.chance(s.c.Late) {
			s.hold(s.now + 1 + int64(s.dice.below(int(s.c.LateBy.Milliseconds()))))
			continue
		}
		if s.c.Repeats > 0 && s.dice.chance(s.c.Repeats) {
			s.hold(s.now + 1 + int64(s.dice.below(600_000)))
		}
		s.emitted++
		return s.line
	}
}

// compose writes the event of whoever is next, and moves that one on.
func (s *Stream) compose() {
	i := s.order[0].slot
	v := &s.slots[i]
	s.now = v.at
	s.line = v.write(s.line[:0], &s.c)
	if v.advance(&s.c) || s.enter(v, v.at+int64(v.dice.below(60_000))) {
		s.order[0].at = v.at
		heap.Fix(&s.order, 0)
		return
	}
	heap.Pop(&s.order)
}

// enter lets the next person into a slot: a new one, or one from long ago.
func (s *Stream) enter(v *visitor, at int64) bool {
	if s.next >= uint64(s.c.First+s.c.People) {
		return false
	}
	// Those who are about now are among the last who came.
	before := s.c.Known + max(s.Started()-2*s.c.Active, 0)
	if before > 0 && s.dice.chance(s.c.Return) {
		i := uint64(s.dice.below(before))
		if i >= uint64(s.c.Known) {
			i += uint64(s.c.First - s.c.Known)
		}
		v.comeBack(&s.c, i, s.dice.next(), at)
		return true
	}
	v.start(&s.c, s.next, at)
	s.next++
	return true
}

// hold keeps a copy of the line for later.
func (s *Stream) hold(until int64) {
	heap.Push(&s.held, parcel{until, append([]byte(nil), s.line...)})
}

// due is when the visitor in a slot does something next.
type due struct {
	at   int64
	slot int32
}

// clock orders the slots by time.
type clock []due

func (c clock) Len() int { return len(c) }
func (c clock) Less(i, j int) bool {
	return c[i].at < c[j].at || c[i].at == c[j].at && c[i].slot < c[j].slot
}
func (c clock) Swap(i, j int) { c[i], c[j] = c[j], c[i] }
func (c *clock) Push(x any)   { *c = append(*c, x.(due)) }
func (c *clock) Pop() any {
	last := (*c)[len(*c)-1]
	*c = (*c)[:len(*c)-1]
	return last
}

// parcel is an event on its way.
type parcel struct {
	at   int64
	line []byte
}

// waiting orders parcels by when they arrive.
type waiting []parcel

func (w waiting) Len() int           { return len(w) }
func (w waiting) Less(i, j int) bool { return w[i].at < w[j].at }
func (w waiting) Swap(i, j int)      { w[i], w[j] = w[j], w[i] }
func (w *waiting) Push(x any)        { *w = append(*w, x.(parcel)) }
func (w *waiting) Pop() any {
	last := (*w)[len(*w)-1]
	(*w)[len(*w)-1] = parcel{}
	*w = (*w)[:len(*w)-1]
	return last
}
