package identity

import "github.com/selfsame-id/selfsame/internal/event"

// exclusions are found by the event or, those that name none, by the source.
type exclusions struct {
	byEvent  map[string][]Exclusion
	bySource map[string][]Exclusion
}

func (x *exclusions) add(e Exclusion) {
	if x.byEvent == nil {
		x.byEvent, x.bySource = map[string][]Exclusion{}, map[string][]Exclusion{}
	}
	if e.Event != "" {
		x.byEvent[e.Event] = append(x.byEvent[e.Event], e)
	} else {
		x.bySource[e.Source] = append(x.bySource[e.Source], e)
	}
}

// barred are the exclusions that may concern one message.
type barred struct {
	source                   string
	byName, byCall, bySource []Exclusion
}

// of finds what is excluded from a message.
func (x *exclusions) of(m *event.Message, source string) barred {
	b := barred{source: source}
	if x.byEvent == nil {
		return b
	}
	b.bySource = x.bySource[source]
	call := m.Type.String()
	switch m.Type {
	case event.Track:
		call = ""
	case event.Page:
		call = "Page Viewed"
	case event.Screen:
		call = "Screen Viewed"
	}
	b.byCall = x.byEvent[call]
	switch m.Type {
	case event.Track, event.Page, event.Screen:
		b.byName = x.byEvent[m.Name]
	}
	return b
}

// bars reports whether a type is excluded.
func (b *barred) bars(idType string) bool {
	for _, list := range [...][]Exclusion{b.byName, b.byCall, b.bySource} {
		for i := range list {
			if e := &list[i]; e.Type == idType && (e.Source == "" || e.Source == b.source) {
				return true
			}
		}
	}
	return false
}
