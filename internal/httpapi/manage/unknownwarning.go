package manage

import (
	"context"
	"fmt"
	"net/http"

	"github.com/selfsame-id/selfsame/internal/audit"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/watch"
)

// unknownWarning is the ID and the kind of the warning of write keys that belong to
// no source. It stands in every space that such a request could have meant.
const unknownWarning = "unknown_write_keys"

// warnOfUnknownKeys makes the warning of a space; nil if there is no reason.
func (h *handler) warnOfUnknownKeys(ctx context.Context, in string) (*watch.Warning, error) {
	all, err := h.Catalog.UnknownKeys(ctx)
	if err != nil {
		return nil, err
	}
	w := &watch.Warning{ID: unknownWarning, Kind: unknownWarning, State: watch.WarningOpen}
	retired := ""
	for i := range all {
		u := &all[i]
		if u.Space != "" && u.Space != in {
			continue
		}
		if u.Source != "" && retired == "" {
			retired = fmt.Sprintf(" Some came with an old key of the source %s.", u.Source)
		}
		first, last := u.First.UnixNano(), u.Last.UnixNano()
		if w.Count == 0 || first < w.First {
			w.First = first
		}
		w.Last = max(w.Last, last)
		w.Count += u.Count
	}
	if w.Count == 0 {
		return nil, nil
	}
	w.Says = "Requests came with a write key that belongs to no source, or with none. They were refused with 401, and SDKs throw such events away: they are lost." + retired
	w.Do = "See who sends them with `selfsame source unknown-keys`, and give these apps a key that is taken (`selfsame source list`). `selfsame source rotate ID --grace 30d` changes a key without losing what installed apps send. Dismissing this empties the list."
	return w, nil
}

// dismissUnknownKeys forgets who sent unknown keys: the warning comes back with the
// next one.
func (h *handler) dismissUnknownKeys(w http.ResponseWriter, r *http.Request) error {
	unknown, err := h.warnOfUnknownKeys(r.Context(), r.PathValue("space"))
	if err != nil {
		return err
	}
	if unknown == nil {
		return space.ErrNotFound
	}
	if err := h.Catalog.ForgetUnknownKeys(r.Context()); err != nil {
		return err
	}
	by := audit.From(r.Context())
	unknown.State, unknown.DismissedAt = watch.WarningDismissed, h.Now().UnixNano()
	unknown.By, unknown.For, unknown.Why = by.By, by.For, by.Why
	return ok(w, warningOf(unknown))
}
