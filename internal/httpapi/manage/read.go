package manage

import (
	"context"
	"errors"
	"net/http"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

// Profiles reads profiles.
type Profiles interface {
	Profile(ctx context.Context, ref space.Ref) (query.Profile, error)
	TraitHistory(ctx context.Context, ref space.Ref, name string, limit int, next string) (query.TraitHistory, error)
	CountEvents(ctx context.Context, ref space.Ref, most int64) (int64, error)
}

// mostCounted bounds the counting of one profile's events.
const mostCounted = 1_000_000

// getProfile serves everything about one profile but its events.
func (h *handler) getProfile(w http.ResponseWriter, r *http.Request) error {
	s, ref, err := h.openProfile(r)
	if err != nil {
		return err
	}
	v, err := s.Profile(r.Context(), ref)
	if err != nil {
		return err
	}
	n, err := s.CountEvents(r.Context(), ref, mostCounted)
	if err != nil {
		return err
	}
	return ok(w, profileOf(v, n))
}

func profileOf(v query.Profile, events int64) api.Profile {
	p := api.Profile{
		ID: v.ID, Collection: v.Collection.String(), Merged: append([]string{}, v.Merged...),
		Provisional: v.Provisional, Version: v.Version, AsOf: answer.TimeIfAny(v.AsOf), Strands: v.Strands, Events: events,
		Identifiers: identifiersOf(v.Identifiers), Traits: traitsOf(v.Traits),
		CreatedAt: eventTime(v.Metadata.First.Time, v.Strands > 0), UpdatedAt: eventTime(v.Metadata.Last.Time, v.Strands > 0),
		First: api.Origin{MessageID: v.Metadata.FirstMessageID, Source: v.Metadata.FirstSourceID},
		Last:  api.Origin{MessageID: v.Metadata.LastMessageID, Source: v.Metadata.LastSourceID},
	}
	return p
}

func identifiersOf(list []profile.Identifier) []api.Identifier {
	out := make([]api.Identifier, 0, len(list))
	for _, id := range list {
		out = append(out, identifierOf(id))
	}
	return out
}

func traitsOf(list []profile.Trait) []api.Trait {
	out := make([]api.Trait, 0, len(list))
	for _, t := range list {
		out = append(out, api.Trait{Name: t.Name, Value: t.Value, Time: answer.Time(t.Time), MessageID: t.MessageID, Source: t.Source})
	}
	return out
}

func identifierOf(id profile.Identifier) api.Identifier {
	return api.Identifier{Type: id.Type, Value: id.Value, FirstSeen: answer.Time(id.Time), MessageID: id.MessageID, Source: id.Source}
}

// readFeed serves change records after a cursor. The cursor of the answer is
// good for later, also when there is nothing more now.
func (h *handler) readFeed(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	n, err := limit(r)
	if err != nil {
		return err
	}
	records, next, err := s.Feed(r.Context(), r.URL.Query().Get("cursor"), n)
	switch {
	case errors.Is(err, space.ErrBadCursor):
		return answer.BadParameter("cursor is not one of this feed; leave it out to begin at the beginning")
	case err != nil:
		return err
	}
	return ok(w, paged(recordsOf(records), api.Cursor{HasMore: len(records) == n, Next: next, Limit: n}))
}

func (h *handler) getMark(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	value, err := s.Mark(r.Context(), r.PathValue("mark"))
	if err == nil && value == nil {
		err = space.ErrNotFound
	}
	if err != nil {
		return err
	}
	return ok(w, struct {
		Name  string `json:"name"`
		Value []byte `json:"value"` // base64
	}{r.PathValue("mark"), value})
}

// mark reads a mark that may never have been set.
func mark(ctx context.Context, s Ingester, name string) ([]byte, error) {
	value, err := s.Mark(ctx, name)
	if isNotFound(err) {
		return nil, nil
	}
	return value, err
}
