package manage

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/deliver"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space/computed"
)

// traitHistory serves what calls said of a profile's traits.
func (h *handler) traitHistory(w http.ResponseWriter, r *http.Request) error {
	s, ref, err := h.openProfile(r)
	if err != nil {
		return err
	}
	at, err := pageOf(r)
	if err != nil {
		return err
	}
	p, err := s.TraitHistory(r.Context(), ref, r.URL.Query().Get("name"), at.limit, at.next)
	if err != nil {
		return err
	}
	return ok(w, api.TraitHistory{Page: listed(at, p.Settings, p.Next, settingOf), ID: p.Profile, Provisional: p.Provisional})
}

func settingOf(t *profile.Trait) api.TraitSetting {
	a := api.TraitSetting{Name: t.Name, Value: json.RawMessage("null"), Time: answer.Time(t.Time), MessageID: t.MessageID, Source: t.Source}
	if !t.Removed() {
		a.Value = t.Value
	}
	return a
}

// computedHistory serves how computed values of a profile changed.
func (h *handler) computedHistory(w http.ResponseWriter, r *http.Request) error {
	s, ref, err := h.openProfile(r)
	if err != nil {
		return err
	}
	var q computed.HistoryQuery
	if q.Start, err = moment(r, "start"); err != nil {
		return err
	}
	if q.End, err = moment(r, "end"); err != nil {
		return err
	}
	if keys := r.URL.Query().Get("keys"); keys != "" {
		q.Keys = strings.Split(keys, ",")
	}
	v, err := s.ComputedHistory(r.Context(), ref, q)
	if err != nil {
		return err
	}
	a := api.ComputedHistory{
		ID: v.Profile, Revision: v.Revision, AsOf: time.Unix(0, v.AsOf).UTC(), Sampled: v.Sampled,
		Series: make([]api.ComputedSeries, len(v.Series)),
	}
	for i := range v.Series {
		a.Series[i] = seriesOf(&v.Series[i])
	}
	return ok(w, a)
}

func seriesOf(s *computed.Series) api.ComputedSeries {
	a := api.ComputedSeries{Key: s.Key, Kind: "trait", Changes: make([]api.ComputedChange, len(s.Changes))}
	if s.Audience {
		a.Kind = "audience"
	}
	for i := range s.Changes {
		c := &s.Changes[i]
		a.Changes[i] = api.ComputedChange{Time: time.Unix(0, c.At).UTC(), Value: c.JSON}
		switch {
		case s.Audience && c.In:
			a.Changes[i].Value = json.RawMessage("true")
		case s.Audience:
			a.Changes[i].Value = json.RawMessage("false")
		case c.JSON == nil:
			a.Changes[i].Value = json.RawMessage("null")
		}
	}
	return a
}

// personDeliveries serves what destinations were told of a profile.
func (h *handler) personDeliveries(w http.ResponseWriter, r *http.Request) error {
	s, ref, err := h.openProfile(r)
	if err != nil {
		return err
	}
	if ref.AsOf != 0 {
		return answer.BadParameter("as_of: what destinations were told is known as of now only; leave it out.")
	}
	p, err := s.Profile(r.Context(), ref)
	if err != nil {
		return err
	}
	told, err := s.ToldOf(r.Context(), p.ID)
	if err != nil {
		return destinationsError(err)
	}
	a := api.PersonDeliveries{ID: p.ID, Deliveries: make([]api.PersonDelivery, len(told))}
	for i := range told {
		a.Deliveries[i] = personDeliveryOf(&told[i])
	}
	return ok(w, a)
}

// toldStates are the names of what became of something to tell; of dead letters see
// deliveryState.
var toldStates = map[deliver.ToldState]string{deliver.ToldNow: "told", deliver.ToldByMail: "sent", deliver.ToldWaiting: "queued"}

func personDeliveryOf(t *deliver.Told) api.PersonDelivery {
	a := api.PersonDelivery{
		Destination: t.Destination, Type: t.Type, State: toldStates[t.State], Key: t.Key, Mail: t.Mail, Message: string(t.What),
		MessageID: t.MessageID, Number: t.Seq, Value: t.Value, Since: answer.TimeIfAny(t.Since), At: answer.TimeIfAny(t.At),
		Next: answer.TimeIfAny(t.Next), Tries: t.Tries, Reason: t.Reason,
	}
	if t.State == deliver.ToldNot {
		a.State = deliveryState(t.Result)
	}
	if t.Identifier.Type != "" {
		a.Identifier = t.Identifier.Type + ":" + t.Identifier.Value
	}
	return a
}
