package manage

import (
	"context"
	"errors"
	"net/http"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/deliver"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
)

// Destinations declares destinations, and shows what they were told and were not.
type Destinations interface {
	CheckDestinations(ctx context.Context, document []byte) (*deliver.Plan, error)
	ApplyDestinations(ctx context.Context, document []byte) (*deliver.Plan, error)
	DestinationsDocument(ctx context.Context) ([]byte, error)
	Destinations(ctx context.Context) ([]*deliver.Status, error)
	Destination(ctx context.Context, key string) (*deliver.Status, error)
	QueuedMessages(ctx context.Context, key, next string, limit int) (*deliver.DeliveryPage, error)
	DeadLetters(ctx context.Context, key, next string, limit int) (*deliver.DeliveryPage, error)
	SendAgain(ctx context.Context, key string, numbers ...uint64) (int, error)
	DiscardLetters(ctx context.Context, key string, numbers ...uint64) error
	EnableDestination(ctx context.Context, key string) error
	TestDestination(ctx context.Context, key string, t deliver.Test) (deliver.Outcome, error)
	DryRun(ctx context.Context, key, next string, limit int) (*deliver.PreviewPage, error)
	ToldOf(ctx context.Context, profile string) ([]deliver.Told, error)
	Suppression(ctx context.Context, address string) (*deliver.Suppression, error)
	Suppress(ctx context.Context, address string) error
	Unsuppress(ctx context.Context, address string) error
}

// destinationsError says in the words of the API what is wrong about destinations.
func destinationsError(err error) error {
	var mistakes deliver.Mistakes
	switch {
	case errors.As(err, &mistakes):
		each := make([]error, len(mistakes))
		for i := range mistakes {
			each[i] = mistakes[i]
		}
		return answer.Mistakes("the destinations have mistakes", errors.Join(each...))
	case errors.Is(err, deliver.ErrNotFound):
		return answer.New(http.StatusNotFound, answer.NotFound, "There is no such destination, or nothing of that number or name in it.")
	case errors.Is(err, deliver.ErrBadCursor):
		return answer.BadParameter("next is not a page token of this list; leave it out to begin at the first page")
	case errors.Is(err, deliver.ErrSuperseded), errors.Is(err, deliver.ErrElsewhere), errors.Is(err, deliver.ErrChanged):
		return answer.New(http.StatusConflict, answer.Conflict, "%s.", err)
	case errors.Is(err, deliver.ErrInvalidTest):
		return answer.BadParameter("%s.", err)
	}
	return err
}

func destinationsChange(p *deliver.Plan) *api.DestinationsChange {
	list := func(l []string) []string { return append([]string{}, l...) }
	return &api.DestinationsChange{Added: list(p.Added), Changed: list(p.Changed), Removed: list(p.Removed)}
}

func destinationOf(s *deliver.Status) api.Destination {
	d := api.Destination{
		Key: s.Key, Type: s.Type, Name: s.Name, Description: s.Description, State: "working", Definition: string(s.Definition),
		SetAt: answer.TimeIfAny(s.SetAt), SetBy: s.SetBy, Queued: s.Queued, Oldest: answer.TimeIfAny(s.Oldest), DeadLetters: s.DeadLetters,
		Delivered: s.Counts.Delivered, Refused: s.Counts.Refused, Dropped: s.Counts.Dropped, Unknown: s.Counts.Unknown,
		Replaced: s.Counts.Replaced, Failures: s.Counts.Failures, LastDelivered: answer.TimeIfAny(s.Counts.LastDelivered),
		LastFailed: answer.TimeIfAny(s.Counts.LastFailed), LastReason: s.Counts.LastReason,
	}
	switch {
	case s.Disabled:
		d.State = "disabled"
	case s.Stopped != nil:
		d.State, d.Stopped, d.StoppedAt = "stopped", s.Stopped.Reason, answer.TimeIfAny(s.Stopped.At)
	case !s.Ready:
		d.State = "starting"
	case s.Behind:
		d.State = "behind"
	}
	return d
}

func messageOf(m *deliver.Message) api.DeliveryMessage {
	a := api.DeliveryMessage{
		ID: m.ID, Type: string(m.What), Profile: m.Profile, From: m.From, Key: m.Key, Mail: m.Mail, Value: m.Value, Event: m.Event,
		At: answer.TimeIfAny(m.At),
	}
	if m.IsValue() {
		a.Identifier = m.Identifier.Type + ":" + m.Identifier.Value
	}
	return a
}

// deliveryState names what became of a dead letter.
func deliveryState(r deliver.Result) string {
	switch r {
	case deliver.Dropped:
		return "dropped"
	case deliver.Unknown:
		return "unknown"
	}
	return "refused"
}

func deliveryOf(d *deliver.Delivery) api.Delivery {
	a := api.Delivery{
		Number: d.Seq, State: "queued", Message: messageOf(&d.Message), Tries: d.Tries, Next: answer.TimeIfAny(d.Next), Reason: d.Reason,
		At: answer.TimeIfAny(d.At),
	}
	if d.Result != 0 {
		a.State = deliveryState(d.Result)
	}
	return a
}

// listDestinations lists the destinations of a space.
func (h *handler) listDestinations(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	all, err := s.Destinations(r.Context())
	if err != nil {
		return destinationsError(err)
	}
	list := make([]api.Destination, len(all))
	for i := range all {
		list[i] = destinationOf(all[i])
	}
	page, err := cut(r, list, func(d api.Destination) string { return d.Key })
	if err != nil {
		return err
	}
	return ok(w, page)
}

// getDestination shows one destination.
func (h *handler) getDestination(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	d, err := s.Destination(r.Context(), r.PathValue("destination"))
	if err != nil {
		return destinationsError(err)
	}
	return ok(w, destinationOf(d))
}

// queuedMessages lists what waits.
func (h *handler) queuedMessages(w http.ResponseWriter, r *http.Request) error {
	return h.deliveries(w, r, Space.QueuedMessages)
}

// deadLetters lists what was not delivered.
func (h *handler) deadLetters(w http.ResponseWriter, r *http.Request) error {
	return h.deliveries(w, r, Space.DeadLetters)
}

func (h *handler) deliveries(w http.ResponseWriter, r *http.Request, read func(s Space, ctx context.Context, key, next string, limit int) (*deliver.DeliveryPage, error)) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	at, err := pageOf(r)
	if err != nil {
		return err
	}
	p, err := read(s, r.Context(), r.PathValue("destination"), at.next, at.limit)
	if err != nil {
		return destinationsError(err)
	}
	return ok(w, listed(at, p.Deliveries, p.Next, deliveryOf))
}

// retryDeadLetters sends dead letters again.
func (h *handler) retryDeadLetters(w http.ResponseWriter, r *http.Request) error {
	return h.withNumbers(w, r, func(s Space, key string, numbers []uint64) error {
		_, err := s.SendAgain(untilDone(r), key, numbers...)
		return err
	})
}

// discardDeadLetters removes dead letters for good.
func (h *handler) discardDeadLetters(w http.ResponseWriter, r *http.Request) error {
	return h.withNumbers(w, r, func(s Space, key string, numbers []uint64) error {
		return s.DiscardLetters(untilDone(r), key, numbers...)
	})
}

func (h *handler) withNumbers(w http.ResponseWriter, r *http.Request, f func(s Space, key string, numbers []uint64) error) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	var q api.DeadLetterRequest
	if err := h.document(w, r, &q); err != nil {
		return err
	}
	if len(q.Numbers) == 0 || len(q.Numbers) > pageMost {
		return answer.BadParameter("numbers has %d entries; name 1 to %d dead letters by their numbers.", len(q.Numbers), pageMost)
	}
	if err := f(s, r.PathValue("destination"), q.Numbers); err != nil {
		return destinationsError(err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// enableDestination lets a destination that was stopped go on.
func (h *handler) enableDestination(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	key := r.PathValue("destination")
	if err := s.EnableDestination(untilDone(r), key); err != nil {
		return destinationsError(err)
	}
	d, err := s.Destination(r.Context(), key)
	if err != nil {
		return destinationsError(err)
	}
	return ok(w, destinationOf(d))
}

// testDestination sends one message at once.
func (h *handler) testDestination(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	var q api.DestinationTest
	if err := h.document(w, r, &q); err != nil {
		return err
	}
	o, err := s.TestDestination(r.Context(), r.PathValue("destination"), deliver.Test{To: q.To, Profile: q.Profile, Mail: q.Mail})
	if err != nil {
		return destinationsError(err)
	}
	return ok(w, api.DestinationTested{Delivered: o.Result == deliver.Delivered, Reason: o.Reason})
}

// dryRun shows whom a destination would tell what.
func (h *handler) dryRun(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	at, err := pageOf(r)
	if err != nil {
		return err
	}
	p, err := s.DryRun(r.Context(), r.PathValue("destination"), at.next, at.limit)
	if err != nil {
		return destinationsError(err)
	}
	return ok(w, listed(at, p.Previews, p.Next, previewOf))
}

func previewOf(v *deliver.Preview) api.DeliveryPreview {
	return api.DeliveryPreview{Message: messageOf(&v.Message), To: v.To, Subject: v.Subject, Body: v.Body, HTML: v.HTML, Withheld: v.Withheld}
}

// getSuppression says whether mails go to an address.
func (h *handler) getSuppression(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	return h.suppression(w, r, s)
}

func (h *handler) suppression(w http.ResponseWriter, r *http.Request, s Space) error {
	v, err := s.Suppression(r.Context(), r.PathValue("address"))
	if errors.Is(err, deliver.ErrNotFound) {
		return answer.New(http.StatusNotFound, answer.NotFound, "Mails go to this address: it has not unsubscribed, and no mail bounced.")
	}
	if err != nil {
		return err
	}
	return ok(w, api.Suppression{Reason: v.Reason, At: answer.TimeIfAny(v.At), Detail: v.Detail})
}

// suppress lets no mail go to an address any more.
func (h *handler) suppress(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	if err := s.Suppress(untilDone(r), r.PathValue("address")); err != nil {
		return err
	}
	return h.suppression(w, r, s)
}

// unsuppress lets mails go to an address again.
func (h *handler) unsuppress(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	if err := s.Unsuppress(untilDone(r), r.PathValue("address")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
