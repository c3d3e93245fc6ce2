package profiles

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/profile"
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
	include, from, next := q.set("include"), q.query.Get("next"), ""
	b := append(make([]byte, 0, 1024), `{"traits":{`...)
	n := 0
	for i := range view.Traits {
		t := &view.Traits[i]
		switch {
		case class != "":
			continue // these are traits that calls set, of neither class
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
	return append(b, '}'), view.Provisional, nil
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
