package deliver

import (
	"encoding/json"
	"sync"

	"github.com/selfsame-id/selfsame/internal/compute"
)

// Filter is a condition in CEL, compiled and checked, in the language of the `where` of a
// trait. It may be used by many goroutines at once.
type Filter struct{ condition *compute.Filter }

// conditions are compilers, each made once: that is dear.
type conditions func() (*compute.Filters, error)

var (
	// onEvents is for conditions on events.
	onEvents conditions = sync.OnceValues(func() (*compute.Filters, error) {
		return compute.NewFilters(map[string]compute.NameKind{
			"event": compute.OfText, "type": compute.OfText, "source": compute.OfText,
			"properties": compute.OfObject, "context": compute.OfObject, "traits": compute.OfObject, "page": compute.OfObject,
		})
	})
	// onMessages is for conditions on what is told.
	onMessages conditions = sync.OnceValues(func() (*compute.Filters, error) {
		return compute.NewFilters(map[string]compute.NameKind{
			"what": compute.OfText, "key": compute.OfText, "value": compute.OfAny, "profile": compute.OfText, "identifiers": compute.OfTexts, "traits": compute.OfObject,
		})
	})
)

// filterOf reads a condition; nil: there is none, or it is wrong.
func filterOf(s *Section, key string, on conditions) *Filter {
	text := s.Text(key)
	if text == "" {
		return nil
	}
	if text == "all" {
		text = "true"
	}
	filters, err := on()
	if err != nil {
		s.Mistake(key, "cannot be compiled: %s", err)
		return nil
	}
	c, err := filters.Compile(text)
	if err != nil {
		s.Mistake(key, "is no condition: %s", err)
		return nil
	}
	return &Filter{c}
}

// holds reports whether the condition is true. Where something that it asks for is
// missing or of another kind, it is not.
func (f *Filter) holds(of map[string]any) bool {
	holds, _ := f.condition.Holds(of)
	return holds
}

// takesEvent reports whether an event is selected.
func (f *Filter) takesEvent(e *StoredEvent) bool {
	var body struct {
		Properties map[string]any `json:"properties"`
		Context    map[string]any `json:"context"`
		Traits     map[string]any `json:"traits"`
	}
	_ = json.Unmarshal(e.Body, &body) // what cannot be read is absent
	page, _ := body.Context["page"].(map[string]any)
	return f.holds(map[string]any{
		"event": e.Name, "type": e.Type, "source": e.Source, "properties": orEmpty(body.Properties), "context": orEmpty(body.Context),
		"traits": orEmpty(body.Traits), "page": orEmpty(page),
	})
}

func orEmpty(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}

// takesMessage reports whether a message about a profile is selected.
func (f *Filter) takesMessage(m *Message, p *Profile) bool {
	ids := map[string][]string{}
	traits := map[string]any{}
	if p != nil {
		for _, id := range p.Identifiers {
			ids[id.Type] = append(ids[id.Type], id.Value)
		}
		for k, raw := range p.Traits {
			traits[k] = decoded(raw)
		}
		for k, v := range p.Values {
			if v.JSON != nil {
				traits[k] = decoded(v.JSON)
			}
		}
	}
	return f.holds(map[string]any{"what": string(m.What), "key": m.Key, "value": decoded(m.Value), "profile": m.Profile, "identifiers": ids, "traits": traits})
}

func decoded(raw json.RawMessage) (v any) {
	_ = json.Unmarshal(raw, &v) // what is no JSON is null
	return v
}
