package profile

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/selfsame-id/selfsame/internal/event"
)

// Traits is a set of traits, at most one of each name, sorted by name. It
// includes the removed ones. It is a value: no function of this package changes
// a set that it was given.
type Traits []Trait

// SetBy is those of the traits that some events set.
func (t Traits) SetBy(events map[event.Arrival]bool) []Trait {
	var out []Trait
	for _, one := range t {
		if events[one.Arrival] {
			out = append(out, one)
		}
	}
	return out
}

// Apply returns the set after what was said in news, which may hold traits of
// several events in any order and may name a trait more than once: of each name
// the setting of the latest moment stays.
//
// won are those of news that the set now holds and did not before, sorted by
// name; a setting that repeats a value at a later time is one of them. When won
// is empty, after is the set itself. The sets share no memory with news: values
// are often part of a request's body, which a cached set must not keep alive.
func (s Traits) Apply(news []Trait) (after, won Traits) {
	ordered := slices.Clone(news)
	slices.SortFunc(ordered, func(a, b Trait) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), b.Moment.Compare(a.Moment))
	})
	ordered = slices.CompactFunc(ordered, func(a, b Trait) bool { return a.Name == b.Name })
	var before Trait
	for _, t := range ordered {
		if old, there := s.Get(t.Name); !there || old.Before(t.Moment) {
			before = t.own(old, before)
			won = append(won, before)
		}
	}
	if len(won) == 0 {
		return s, nil
	}
	return union(s, won), won
}

// union joins two sets, both sorted by name.
func union(a, b Traits) Traits {
	out := make(Traits, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch c := cmp.Compare(a[0].Name, b[0].Name); {
		case c < 0:
			out, a = append(out, a[0]), a[1:]
		case c > 0:
			out, b = append(out, b[0]), b[1:]
		default:
			newer := a[0]
			if newer.Before(b[0].Moment) {
				newer = b[0]
			}
			out, a, b = append(out, newer), a[1:], b[1:]
		}
	}
	return append(append(out, a...), b...)
}

// Get returns the trait of a name, which may be a removed one.
func (s Traits) Get(name string) (Trait, bool) {
	i, there := slices.BinarySearchFunc(s, name, func(t Trait, name string) int { return cmp.Compare(t.Name, name) })
	if !there {
		return Trait{}, false
	}
	return s[i], true
}

// Visible returns the traits that are not removed, by name.
func (s Traits) Visible() []Trait {
	out := make([]Trait, 0, len(s))
	for _, t := range s {
		if !t.Removed() {
			out = append(out, t)
		}
	}
	return out
}

// own returns t with memory of its own, or of other traits of sets if these
// say the same: old is the trait that t takes the place of, before the one
// that was taken over last, mostly of the same event.
func (t Trait) own(old, before Trait) Trait {
	t.Name = shared(t.Name, old.Name)
	t.MessageID = shared(t.MessageID, before.MessageID)
	t.Source = shared(t.Source, before.Source)
	switch {
	case t.Removed():
		t.Value = nil
	case bytes.Equal(t.Value, old.Value):
		t.Value = old.Value
	default:
		t.Value = bytes.Clone(t.Value)
	}
	return t
}

// shared returns had if it equals s, else a copy of s.
func shared(s, had string) string {
	if s == had {
		return had
	}
	return strings.Clone(s)
}
