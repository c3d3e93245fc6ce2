package compute

import (
	"github.com/selfsame-id/selfsame/internal/compute/values"

	"encoding/json"
	"sync"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
)

// Bounds of what one event gives to one stream.
const (
	longestValue  = 1024 // bytes of a text
	longestJSON   = 8192 // bytes of a value that is kept as it is
	mostRowValues = 1000
)

// Taken are the rows of events, and what could not be taken.
type Taken struct {
	Rows    []Row
	Skipped []Skip
	values  []byte
}

// Skip is a value or a condition that did not count.
type Skip struct {
	Stream  StreamID
	Problem Problem
}

// Reset empties t and keeps its memory, which the rows that it had share.
func (t *Taken) Reset() { *t = Taken{t.Rows[:0], t.Skipped[:0], t.values[:0]} }

var eventInputs = sync.Pool{New: func() any { return new(scratch) }}

// scratch is the memory of one extraction.
type scratch struct {
	eventInput
	verdicts []int8 // of the conditions: 0 not asked, 1 holds, -1 does not
}

// Extract adds the rows of an event to to, with the event's Time and ReceivedAt and
// without its arrival number, one a stream at most. They share no memory with m.
// source is the ID of the source that the event came from. It is safe for concurrent
// use, and the same for the same event and definitions.
func (s *Set) Extract(m *event.Message, source string, to *Taken) {
	if int(m.Type) >= len(s.calls) {
		return
	}
	x := &s.calls[m.Type]
	if streams, named := x.exact[m.Name]; named {
		s.extract(streams, false, m, source, to)
	} else if len(x.loose) > 0 {
		s.extract(x.loose, true, m, source, to)
	}
}

func (s *Set) extract(streams []*stream, ask bool, m *event.Message, source string, to *Taken) {
	var sc *scratch
	for _, one := range streams {
		if ask && !one.fitsLoosely(m.Name) {
			continue
		}
		if sc == nil {
			sc = eventInputs.Get().(*scratch)
			sc.reset(m, source)
			sc.verdicts = append(sc.verdicts[:0], make([]int8, len(s.conditions))...)
		}
		if one.condition >= 0 && !s.holds(one, sc, to) {
			continue
		}
		from := len(to.values)
		if one.take != takeNothing && !one.values(&sc.eventInput, to) {
			to.values = to.values[:from]
			continue
		}
		to.Rows = append(to.Rows, Row{
			Stream:  one.id,
			Account: one.collection == identity.Accounts && (m.GroupID != "" || m.ContextGroupID != ""),
			At:      m.At(event.Arrival{}),
			Value:   to.values[from:len(to.values):len(to.values)],
		})
	}
	if sc != nil {
		sc.drop()
		eventInputs.Put(sc)
	}
}

// holds evaluates a stream's condition, once an event.
func (s *Set) holds(one *stream, sc *scratch, to *Taken) bool {
	v := &sc.verdicts[one.condition]
	if *v == 0 {
		*v = -1
		holds, problem := s.conditions[one.condition].holds(&sc.eventInput)
		if holds {
			*v = 1
		}
		if problem != None {
			to.Skipped = append(to.Skipped, Skip{one.id, problem})
		}
	}
	return *v > 0
}

// values appends the encoded values of the event; false if there are none.
func (s *stream) values(in *eventInput, to *Taken) bool {
	if len(s.path.steps) == 0 {
		text := s.path.text(in)
		if text == "" {
			return false
		}
		raw, err := json.Marshal(text)
		return err == nil && s.value(raw, to) == None
	}
	n := 0
	var worst Problem
	var one func(raw []byte)
	one = func(raw []byte) {
		switch {
		case raw[0] == '[' && s.take != takeJSON:
			event.ForEachElement(raw, func(raw []byte) bool {
				if raw[0] == '[' {
					worst = max(worst, WrongType)
				} else if raw[0] != 'n' {
					one(raw)
				}
				return true
			})
		case n >= mostRowValues:
			worst = TooLong
		default:
			problem := s.value(raw, to)
			if worst = max(worst, problem); problem == None {
				n++
			}
		}
	}
	s.path.each(in, one)
	if worst != None {
		to.Skipped = append(to.Skipped, Skip{s.id, worst})
	}
	return n > 0
}

// value appends one value, or says why it cannot.
func (s *stream) value(raw []byte, to *Taken) Problem {
	switch s.take {
	case takePresence:
		to.values = append(to.values, 0)
		return None
	case takeJSON:
		if len(raw) > longestJSON {
			return TooLong
		}
		to.values = appendValue(to.values, raw)
		return None
	}
	text, ok := event.Text(raw)
	number, bounded := false, false
	if ok && (s.take == takeNumber || raw[0] != '"') {
		number, bounded = values.IsJSONNumber(text)
	}
	switch {
	case s.take == takeNumber && !number:
		return WrongType
	case s.take == takeNumber && !bounded:
		return TooLong
	case s.take == takeText && bounded:
		text = values.PlainNumber(text)
	case !ok && (raw[0] == 't' || raw[0] == 'f') && s.take == takeText:
		text = string(raw)
	case !ok:
		return WrongType
	}
	if len(text) > longestValue {
		return TooLong
	}
	to.values = appendValue(to.values, text)
	return None
}
