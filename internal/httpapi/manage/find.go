package manage

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space/search"
)

// Finder finds profiles by what they have.
type Finder interface {
	Find(ctx context.Context, q search.Query) (search.Page, error)
}

const (
	foundStd  = 20
	foundMost = 200
	// foundIdentifiers is how many identifiers of a profile are shown.
	foundIdentifiers = 20
)

// find serves the profiles that fit a query.
func (h *handler) find(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	q := search.Query{Collection: identity.Users, Limit: foundStd, Next: query.Get("next")}
	if text := query.Get("collection"); text != "" {
		var known bool
		if q.Collection, known = identity.ParseCollection(text); !known {
			return answer.BadParameter("The collection is neither users nor accounts.")
		}
	}
	if query.Has("limit") {
		if q.Limit, err = limit(r); err != nil {
			return err
		}
		q.Limit = min(q.Limit, foundMost)
	}
	if q.Conditions, err = search.Parse(query.Get("q")); err != nil {
		return err
	}
	page, err := s.Find(r.Context(), q)
	if err != nil {
		return err
	}
	a := api.FoundPage{
		Data:   make([]api.Found, len(page.Hits)),
		Cursor: api.Cursor{HasMore: page.Next != "", Next: page.Next, Limit: q.Limit},
		Index:  api.SearchIndex{AsOf: answer.TimeIfAny(page.Status.AsOf), Complete: page.Status.Complete, Progress: page.Status.Progress},
	}
	for i := range page.Hits {
		a.Data[i] = foundOf(&page.Hits[i])
	}
	return ok(w, a)
}

func foundOf(hit *search.Hit) api.Found {
	f := api.Found{
		ID: hit.ID, Collection: hit.Collection.String(), Provisional: hit.Provisional,
		Matches: []api.FoundMatch{}, Identifiers: []api.FoundIdentifier{}, Traits: map[string]json.RawMessage{},
	}
	for _, m := range hit.Matches {
		f.Matches = append(f.Matches, api.FoundMatch(m))
	}
	for i, id := range hit.Identifiers {
		if i == foundIdentifiers {
			f.More = len(hit.Identifiers) - i
			break
		}
		f.Identifiers = append(f.Identifiers, api.FoundIdentifier{Type: id.Type, Value: id.Value})
	}
	for _, t := range hit.Traits {
		f.Traits[t.Name] = t.Value
	}
	return f
}
