package compute

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
)

// StreamID is the number of a stream. None is 0.
type StreamID uint32

// Streams are the numbers that streams ever got in a space. They are kept with the
// definitions, those of streams that are no longer used too, so that no number is given
// to another.
type Streams struct {
	// Last is the highest number given.
	Last StreamID `json:"last"`
	// Numbers are those of the streams, by their canonical text.
	Numbers map[string]StreamID `json:"numbers"`
}

// clone copies s, so that numbers can be given.
func (s Streams) clone() Streams {
	s.Numbers = maps.Clone(s.Numbers)
	if s.Numbers == nil {
		s.Numbers = map[string]StreamID{}
	}
	return s
}

// number is the number of a stream, a new one if it has none.
func (s *Streams) number(text string) StreamID {
	id, ok := s.Numbers[text]
	if !ok {
		s.Last++
		id = s.Last
		s.Numbers[text] = id
	}
	return id
}

// take is what a stream takes from an event.
type take uint8

const (
	takeNothing  take = iota
	takePresence      // that there is a value, for each
	takeNumber        // decimal numbers
	takeText          // texts
	takeJSON          // values as they are
)

var takeNames = [...]string{"nothing", "presence", "number", "text", "json"}

// stream is what definitions take from events.
type stream struct {
	id         StreamID
	index      int    // into Set.streams
	text       string // canonical
	collection identity.Collection
	calls      uint16 // bit t: calls of type t
	events     []string
	globs      []string // those of events that have a *
	condition  int      // index into Set.conditions, -1 if there is none
	take       take
	path       path
}

// canonical is a text that equal streams have in common, whoever uses them.
func (s *stream) canonical(where string) string {
	var b strings.Builder
	b.WriteString(s.collection.String())
	for t := event.Identify; t <= event.Alias; t++ {
		if s.calls&(1<<t) != 0 {
			b.WriteString(" " + t.String())
		}
	}
	for _, name := range s.events {
		b.WriteString(" " + strconv.Quote(name))
	}
	if where != "" {
		b.WriteString(" where " + strconv.Quote(where))
	}
	b.WriteString(" take " + takeNames[s.take])
	if s.take != takeNothing {
		b.WriteString(" " + s.path.String())
	}
	return b.String()
}

// takeOf is what a kind needs of an event.
func takeOf(kind Kind, property string) take {
	switch kind {
	case Sum, Average, Minimum, Maximum:
		return takeNumber
	case First, Last:
		return takeJSON
	case MostFrequent, UniqueList, UniqueCount, Unmatched:
		return takeText
	}
	switch {
	case property == "":
		return takeNothing
	case kind == Funnel:
		return takeText
	}
	return takePresence
}

// matches reports whether the stream may take something from calls of a type and name.
func (s *stream) matches(t event.Type, name string) bool {
	return s.calls&(1<<t) != 0 && (slices.Contains(s.events, name) || s.fitsLoosely(name))
}

// fitsLoosely reports whether a name fits, which none of the names is.
func (s *stream) fitsLoosely(name string) bool {
	for _, glob := range s.globs {
		if globMatch(glob, name) {
			return true
		}
	}
	return len(s.events) == 0
}

// index finds the streams of an event by its call and name.
type index struct {
	exact map[string][]*stream // also those that fit by a glob
	loose []*stream            // those with globs, or without names
}

func newIndex(streams []*stream, t event.Type) index {
	x := index{exact: map[string][]*stream{}}
	for _, s := range streams {
		if s.calls&(1<<t) == 0 {
			continue
		}
		for _, name := range s.events {
			if !isGlob(name) {
				x.exact[name] = nil
			}
		}
		if len(s.globs) > 0 || len(s.events) == 0 {
			x.loose = append(x.loose, s)
		}
	}
	for name := range x.exact {
		for _, s := range streams {
			if s.matches(t, name) {
				x.exact[name] = append(x.exact[name], s)
			}
		}
	}
	return x
}
