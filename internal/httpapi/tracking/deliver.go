package tracking

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/selfsame-id/selfsame/internal/catalog"
	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/space"
)

// deliver gives what was read to every space that the source feeds. With an
// error the client is to send the whole request again: a space that has taken
// it already counts each messageId once.
func (h *handler) deliver(ctx context.Context, src *catalog.Source, in *intake) error {
	if len(in.messages)+len(in.rejects) == 0 {
		return nil
	}
	for i := range in.rejects {
		in.rejects[i].Source = src.ID
	}
	// A client that leaves does not stop the commit that its events are in.
	ctx = context.WithoutCancel(ctx)
	d := space.Delivery{Source: src.ID, Messages: in.messages, Rejects: slices.Concat(in.rejects, in.notes)}
	if err := h.deliverAll(ctx, src.Spaces, d); err != nil {
		return err
	}
	if n := len(in.messages); n > 0 {
		h.Accepted(src.ID, n)
	}
	for i := range in.rejects {
		h.Refused(src.ID, in.rejects[i].Code, 1)
	}
	return nil
}

func (h *handler) deliverAll(ctx context.Context, spaces []string, d space.Delivery) error {
	if len(spaces) == 1 {
		return h.deliverTo(ctx, spaces[0], d)
	}
	errs := make([]error, len(spaces))
	var wg sync.WaitGroup
	for i, id := range spaces {
		// Each space completes its messages in its own way.
		own := d
		own.Messages, own.Rejects = slices.Clone(d.Messages), slices.Clone(d.Rejects)
		wg.Go(func() { errs[i] = h.deliverTo(ctx, id, own) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (h *handler) deliverTo(ctx context.Context, id string, d space.Delivery) error {
	s, err := h.Space(ctx, id)
	if errors.Is(err, space.ErrNotFound) || errors.Is(err, catalog.ErrNotFound) {
		// The source says that there is such a space, so it is about to be opened
		// or was closed a moment ago. Not found would throw the messages away.
		p := answer.New(http.StatusServiceUnavailable, answer.Unavailable, "The space is not open on this server right now. Send the request again.")
		p.RetryAfter = 2 * time.Second
		return p
	}
	if err != nil {
		return err
	}
	receipt, err := s.Ingest(ctx, d)
	if err == nil && receipt.IDUsed > 0 {
		h.Refused(d.Source, string(event.IDUsed), receipt.IDUsed)
	}
	return err
}
