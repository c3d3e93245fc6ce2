package manage

import (
	"fmt"
	"net/http"
	"time"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/audit"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/watch"
)

// Losses are kept until somebody has seen to them.
type Losses interface {
	Losses() []api.Loss
	ForgetLosses() error
}

// lostWarning is the ID and the kind of the warning of losses. It stands in every
// space, for the store does not know whose events they were.
const lostWarning = "events_lost"

func (h *handler) losses() []api.Loss {
	if h.Lost == nil {
		return nil
	}
	return h.Lost.Losses()
}

// warnOfLosses makes the warning; nil if nothing was lost.
func (h *handler) warnOfLosses() *watch.Warning {
	lost := h.losses()
	if len(lost) == 0 {
		return nil
	}
	w := &watch.Warning{ID: lostWarning, Kind: lostWarning, State: watch.WarningOpen,
		First: lost[0].Found.UnixNano(), Last: lost[len(lost)-1].Found.UnixNano()}
	var commits uint64
	for _, l := range lost {
		w.Count += int64(l.Events)
		commits += l.Commits
	}
	last := lost[len(lost)-1]
	span := "taken until " + last.Until.UTC().Format(time.RFC3339)
	if last.After != nil {
		span = "taken between " + last.After.UTC().Format(time.RFC3339) + " and " + last.Until.UTC().Format(time.RFC3339)
	}
	w.Says = fmt.Sprintf("When the server started, files of the store were damaged. At least %d acknowledged commits are missing, with %d events, the latest of them %s: %s.", commits, w.Count, span, last.Where)
	w.Do = "Check the disk. Restore a backup that has them, or send the events of that time again: what is already stored counts once. Dismissing this clears it."
	return w
}

// dismissLosses forgets what was lost.
func (h *handler) dismissLosses(w http.ResponseWriter, r *http.Request) error {
	warning := h.warnOfLosses()
	if warning == nil {
		return space.ErrNotFound
	}
	if err := h.Lost.ForgetLosses(); err != nil {
		return err
	}
	by := audit.From(r.Context())
	warning.State, warning.DismissedAt = watch.WarningDismissed, h.Now().UnixNano()
	warning.By, warning.For, warning.Why = by.By, by.For, by.Why
	return ok(w, warningOf(warning))
}
