package manage

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/httpapi/profiles"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space"
)

type profileAnswer struct {
	ID          string             `json:"id"`
	Collection  string             `json:"collection"`
	Merged      []string           `json:"merged_ids"`
	Provisional bool               `json:"provisional"`
	Version     uint64             `json:"version"`
	AsOf        *time.Time         `json:"as_of,omitempty"`
	Strands     int                `json:"strands"`
	Events      int64              `json:"events"`
	Identifiers []identifierAnswer `json:"identifiers"`
	Traits      []traitAnswer      `json:"traits"`
	CreatedAt   *time.Time         `json:"created_at"`
	UpdatedAt   *time.Time         `json:"updated_at"`
	First       sighting           `json:"first"`
	Last        sighting           `json:"last"`
}

type identifierAnswer struct {
	Type      string     `json:"type"`
	Value     string     `json:"value"`
	FirstSeen *time.Time `json:"first_seen"`
	MessageID string     `json:"message_id"`
	Source    string     `json:"source"`
}

type traitAnswer struct {
	Name      string          `json:"name"`
	Value     json.RawMessage `json:"value"`
	Time      *time.Time      `json:"time"`
	MessageID string          `json:"message_id"`
	Source    string          `json:"source"`
}

type sighting struct {
	MessageID string `json:"message_id"`
	Source    string `json:"source"`
}

// mostCounted bounds the counting of one profile's events.
const mostCounted = 1_000_000

// getProfile serves everything about one profile but its events.
func (h *handler) getProfile(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	collection, known := identity.ParseCollection(r.PathValue("collection"))
	if !known {
		return answer.BadParameter("The collection is neither users nor accounts.")
	}
	ref, err := profiles.ParseRef(collection, r.PathValue("profile"))
	if err != nil {
		return err
	}
	if ref.AsOf, err = profiles.AsOf(r.URL.Query()); err != nil {
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

func profileOf(v space.Profile, events int64) profileAnswer {
	p := profileAnswer{
		ID: v.ID, Collection: v.Collection.String(), Merged: append([]string{}, v.Merged...),
		Provisional: v.Provisional, Version: v.Version, AsOf: answer.TimeIfAny(v.AsOf), Strands: v.Strands, Events: events,
		Identifiers: identifiersOf(v.Identifiers), Traits: traitsOf(v.Traits),
		CreatedAt: eventTime(v.Metadata.First.Time, v.Strands > 0), UpdatedAt: eventTime(v.Metadata.Last.Time, v.Strands > 0),
		First: sighting{v.Metadata.FirstMessageID, v.Metadata.FirstSourceID},
		Last:  sighting{v.Metadata.LastMessageID, v.Metadata.LastSourceID},
	}
	return p
}

func identifiersOf(list []profile.Identifier) []identifierAnswer {
	out := make([]identifierAnswer, 0, len(list))
	for _, id := range list {
		out = append(out, identifierOf(id))
	}
	return out
}

func traitsOf(list []profile.Trait) []traitAnswer {
	out := make([]traitAnswer, 0, len(list))
	for _, t := range list {
		out = append(out, traitAnswer{t.Name, t.Value, answer.Time(t.Time), t.MessageID, t.Source})
	}
	return out
}

func identifierOf(id profile.Identifier) identifierAnswer {
	return identifierAnswer{id.Type, id.Value, answer.Time(id.Time), id.MessageID, id.Source}
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
	if err != nil {
		return err
	}
	return ok(w, page{recordsOf(records), cursor{len(records) == n, next, n}})
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
func mark(ctx context.Context, s Space, name string) ([]byte, error) {
	value, err := s.Mark(ctx, name)
	if isNotFound(err) {
		return nil, nil
	}
	return value, err
}
