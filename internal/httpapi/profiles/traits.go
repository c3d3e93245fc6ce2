package profiles

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space/computed"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

// The sizes of pages, where a request names none and at most.
const (
	traitsStd, traitsMost           = 10, 200
	externalIDsStd, externalIDsMost = 25, 1000
	eventsStd, eventsMost           = 10, 1000
	linksStd, linksMost             = 20, 1000
)

// traits serves a profile's traits, by name; the cursor is the name of the next.
func (h *handler) traits(ctx context.Context, q *request) ([]byte, bool, error) {
	limit, err := q.limit(traitsStd, traitsMost)
	if err != nil {
		return nil, false, err
	}
	verbose, err := q.flag("verbose")
	if err != nil {
		return nil, false, err
	}
	class := q.query.Get("class")
	if class != "" && class != "audience" && class != "computed_trait" {
		return nil, false, answer.BadParameter("class is neither audience nor computed_trait.")
	}
	view, err := q.space.ReadProfile(ctx, q.ref, query.PartTraits)
	if err != nil {
		return nil, false, err
	}
	values, err := q.space.ComputedValues(ctx, q.ref)
	if err != nil {
		return nil, false, err
	}
	shown := ofClass(class, view.Traits, &values)
	// What is asked for most is the same until the profile changes.
	memo := ""
	if class == "" && len(shown.computed) == 0 && q.only("limit") {
		memo = "traits " + strconv.Itoa(limit)
		if text := view.Memo.Get(memo); text != nil {
			q.strict = true
			return text, view.Provisional, nil
		}
	}
	include, from, next := q.set("include"), q.query.Get("next"), ""
	b := append(make([]byte, 0, 1024), `{"traits":{`...)
	n := 0
	traits := shown.all()
	for i := range traits {
		t := &traits[i]
		switch {
		case t.Name < from, include != nil && !include[t.Name], t.Value == nil:
			continue
		}
		if n == limit {
			next = t.Name
			break
		}
		if n++; n > 1 {
			b = append(b, ',')
		}
		b = appendTrait(b, t, verbose)
	}
	b = append(b, `},`...)
	b = q.cursor(b, view.ID, next, limit)
	b = append(b, '}')
	if memo != "" {
		b, q.strict = event.Strict(b), true
		view.Memo.Put(memo, b)
	}
	return b, view.Provisional, nil
}

// computedSource is the source of what definitions make of events.
const computedSource = "computed"

// shownTraits are the traits of a class.
type shownTraits struct {
	set, computed []profile.Trait
}

// ofClass are the traits of a class: computed traits, or the audiences that the profile
// is in. Without a class they are these and what calls set.
func ofClass(class string, set []profile.Trait, v *computed.Values) (s shownTraits) {
	add := func(key string, value []byte, since int64) {
		s.computed = append(s.computed, profile.Trait{Name: key, Value: value, Moment: event.Moment{Time: since}, Source: computedSource})
	}
	if class != "audience" {
		for _, t := range v.Traits {
			add(t.Key, t.JSON, t.Since)
		}
	}
	if class != "computed_trait" {
		for _, a := range v.Audiences {
			if a.In {
				add(a.Key, []byte("true"), a.Since)
			}
		}
	}
	if class == "" {
		s.set = set
	}
	return s
}

// all are the traits by name; a computed trait stands before one of its name that
// calls set.
func (s *shownTraits) all() []profile.Trait {
	if len(s.computed) == 0 {
		return s.set
	}
	all := slices.Concat(s.computed, s.set)
	slices.SortStableFunc(all, func(a, b profile.Trait) int { return strings.Compare(a.Name, b.Name) })
	return slices.CompactFunc(all, func(a, b profile.Trait) bool { return a.Name == b.Name })
}

func appendTrait(b []byte, t *profile.Trait, verbose bool) []byte {
	b = answer.AppendString(b, t.Name)
	b = append(b, ':')
	if !verbose {
		return append(b, t.Value...)
	}
	b = append(b, `{"value":`...)
	b = append(b, t.Value...)
	b = append(b, `,"source_id":`...)
	b = answer.AppendString(b, t.Source)
	b = append(b, `,"updated_at":`...)
	b = answer.AppendTime(b, t.Time)
	return append(b, '}')
}
