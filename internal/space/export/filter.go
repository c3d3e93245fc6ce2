package export

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/selfsame-id/selfsame/internal/compute"
	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space"
)

// filterKey is the definition that stands for a filter. No definition of a space can have
// it as a key.
const filterKey = "export_filter"

// profileFilter is an expression on profiles. The filter is compiled as an audience, among
// audiences that stand for those of the space: they ask for a trait that membership is
// made into.
type profileFilter struct {
	set        *compute.Set
	collection identity.Collection
	asked      map[string]bool // the traits that membership is made into
}

// membership is the trait that membership in an audience is made into. A trait of that name
// that somebody sent does not count.
func membership(audience string) string { return "member_of_" + audience }

func newProfileFilter(where string, c identity.Collection, audiences []string) (*profileFilter, error) {
	asked := map[string]bool{}
	doc := &compute.Document{Audiences: []compute.Audience{{Key: filterKey, For: c, When: where, Anonymous: true}}}
	for _, key := range audiences {
		if key != filterKey && strings.Contains(where, key) {
			doc.Audiences = append(doc.Audiences, compute.Audience{Key: key, For: c, When: fmt.Sprintf("has(traits.%s)", membership(key)), Anonymous: true})
			asked[membership(key)] = true
		}
	}
	slices.SortFunc(doc.Audiences, func(a, b compute.Audience) int { return strings.Compare(a.Key, b.Key) })
	set, err := compute.Compile(doc, compute.Streams{}, compute.Names{})
	if err != nil {
		return nil, mistake(err)
	}
	if len(set.InUse()) > 0 {
		return nil, fmt.Errorf("%w: events() cannot be asked about here, for no events are counted for a filter; define an audience with this expression (selfsame audiences create KEY --when …) and export its members (selfsame export members --audience KEY)", space.ErrInvalid)
	}
	return &profileFilter{set, c, asked}, nil
}

// mistake says what is wrong with a filter.
func mistake(err error) error {
	var wrong compute.Mistakes
	if errors.As(err, &wrong) && len(wrong) > 0 {
		return fmt.Errorf("%w: the filter: %s", space.ErrInvalid, wrong[0].String())
	}
	return err
}

// holds reports whether a profile passes.
func (f *profileFilter) holds(p *person, now int64) (bool, error) {
	in := compute.Input{Collection: f.collection, Identifiers: p.Identifiers}
	for i := range p.Traits {
		if !f.asked[p.Traits[i].Name] {
			in.Traits = append(in.Traits, p.Traits[i].Trait)
		}
	}
	put := func(name string, value []byte) {
		if f.asked[name] || p.Trait(name) == nil {
			in.Traits = append(in.Traits, profile.Trait{Name: name, Value: value})
		}
	}
	for i := range p.computed {
		put(p.computed[i].key, p.computed[i].json)
	}
	for _, key := range p.audiences {
		put(membership(key), json.RawMessage("true"))
	}
	slices.SortFunc(in.Traits, func(a, b profile.Trait) int { return strings.Compare(a.Name, b.Name) })
	out, err := f.set.Eval(compute.RowList(nil), &in, now)
	if err != nil {
		return false, err
	}
	for _, m := range out.Audiences {
		if m.Key == filterKey {
			return m.In, nil
		}
	}
	return false, nil
}

// eventFilter is an expression on events: compiled as what a computed trait counts.
type eventFilter struct{ set *compute.Set }

func newEventFilter(where string) (*eventFilter, error) {
	doc := &compute.Document{Traits: []compute.Trait{{
		Key: filterKey, Kind: compute.Count, For: identity.Users,
		Of: compute.Selection{Calls: []event.Type{event.Identify, event.Track, event.Page, event.Screen, event.Group, event.Alias}, Where: where},
	}}}
	set, err := compute.Compile(doc, compute.Streams{}, compute.Names{})
	if err != nil {
		return nil, mistake(err)
	}
	return &eventFilter{set}, nil
}

// holds reports whether an event passes. taken is room.
func (f *eventFilter) holds(m *event.Message, source string, taken *compute.Taken) bool {
	taken.Reset()
	f.set.Extract(m, source, taken)
	return len(taken.Rows) > 0
}
