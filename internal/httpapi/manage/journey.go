package manage

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

// Journeys tells of events as pictures of them need them.
type Journeys interface {
	Journey(ctx context.Context, ref space.Ref, q query.JourneyQuery) (query.Journey, error)
	Ties(ctx context.Context, ref space.Ref, most int) (query.Ties, error)
	Recent(ctx context.Context, since int64, limit int) ([]query.Recent, error)
}

// journey serves a profile's events in lanes.
func (h *handler) journey(w http.ResponseWriter, r *http.Request) error {
	s, ref, err := h.openProfile(r)
	if err != nil {
		return err
	}
	var q query.JourneyQuery
	if q.Start, err = moment(r, "start"); err != nil {
		return err
	}
	if q.End, err = moment(r, "end"); err != nil {
		return err
	}
	if text := r.URL.Query().Get("items"); text != "" {
		if q.Items, err = strconv.Atoi(text); err != nil || q.Items < 10 || q.Items > 2000 {
			return answer.BadParameter("items is not a number from 10 to 2000.")
		}
	}
	j, err := s.Journey(r.Context(), ref, q)
	if err != nil {
		return err
	}
	a := api.Journey{
		ID: j.Profile, Collection: j.Collection.String(), Provisional: j.Provisional, Events: j.Events, More: j.More,
		First: eventTime(j.First, j.Events > 0), Last: eventTime(j.Last, j.Events > 0),
		Lanes: make([]api.Lane, len(j.Lanes)), Items: make([]api.Item, len(j.Items)), Seams: make([]api.Seam, len(j.Seams)),
	}
	for i, l := range j.Lanes {
		a.Lanes[i] = api.Lane{App: l.App, Device: l.Device, DeviceType: l.DeviceType, Events: l.Events}
	}
	for i, it := range j.Items {
		a.Items[i] = api.Item{Lane: it.Lane, From: answer.Time(it.From), To: answer.Time(it.To), Events: it.Events, Type: it.Type.String(), Name: it.Name, MessageID: it.MessageID, Mixed: it.Mixed}
	}
	for i, s := range j.Seams {
		a.Seams[i] = api.Seam{Time: answer.Time(s.Time), MessageID: s.MessageID, Lane: s.Lane, Other: s.Other, ID: s.ID.String(), A: s.A.String(), B: s.B.String()}
	}
	return ok(w, a)
}

// recentEvents serves the events that were stored last.
func (h *handler) recentEvents(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	n, err := limit(r)
	if err != nil {
		return err
	}
	n = min(n, 500)
	since, err := moment(r, "since")
	if err != nil {
		return err
	}
	from := int64(0)
	if since.Set {
		from = since.At
	}
	list, err := s.Recent(r.Context(), from, n)
	if err != nil {
		return err
	}
	out := make([]api.RecentEvent, len(list))
	for i := range list {
		out[i] = recentOf(&list[i])
	}
	return ok(w, paged(out, api.Cursor{Limit: n}))
}

func recentOf(e *query.Recent) api.RecentEvent {
	a := api.RecentEvent{
		ID: e.Arrival.String(), StoredAt: answer.Time(e.StoredAt), Time: answer.Time(e.Time), ReceivedAt: answer.Time(e.ReceivedAt),
		Source: e.Source, Type: e.Type.String(), Name: e.Name, MessageID: e.MessageID, Profile: e.Profile, Damaged: e.Damaged,
		Changes: make([]api.RecentChange, len(e.Changes)), Body: json.RawMessage("null"),
	}
	if e.Body != nil {
		a.Body = e.Body
	}
	for i := range e.Changes {
		c := &e.Changes[i]
		a.Changes[i] = api.RecentChange{Kind: c.Kind.String(), From: c.From, Reason: c.Reason, Trait: c.Trait}
		if c.IDType != "" {
			a.Changes[i].ID = c.IDType + ":" + c.IDValue
		}
	}
	return a
}
