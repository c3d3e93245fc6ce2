package manage

import (
	"context"
	"net/http"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/space/watch"
)

// Warnings reads and dismisses warnings.
type Warnings interface {
	Warnings(ctx context.Context, state string, limit int, next string) (watch.WarningPage, error)
	DismissWarning(ctx context.Context, id string) (watch.Warning, error)
}

func warningOf(w *watch.Warning) api.Warning {
	a := api.Warning{
		ID: w.ID, Kind: w.Kind, State: w.State, About: w.Subject.Type, Profile: w.Profile,
		First: answer.TimeIfAny(w.First), Last: answer.TimeIfAny(w.Last), Count: w.Count, Says: w.Says, Do: w.Do, Rules: w.Rules,
	}
	if w.Subject.Value != "" {
		a.About += ":" + w.Subject.Value
	}
	if w.State == watch.WarningDismissed {
		a.Dismissed = &api.Dismissal{At: answer.TimeIfAny(w.DismissedAt), By: w.By, For: w.For, Why: w.Why}
	}
	return a
}

func (h *handler) listWarnings(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	n, err := limit(r)
	if err != nil {
		return err
	}
	state := r.URL.Query().Get("state")
	switch state {
	case "":
		state = watch.WarningOpen
	case "all":
		state = ""
	case watch.WarningOpen, watch.WarningDismissed, watch.WarningResolved:
	default:
		return answer.BadParameter("state is %.40q; choose open (the default), dismissed, resolved or all.", state)
	}
	p, err := s.Warnings(r.Context(), state, n, r.URL.Query().Get("next"))
	if err != nil {
		return err
	}
	list := make([]api.Warning, 0, len(p.Warnings)+2)
	if r.URL.Query().Get("next") == "" && (state == "" || state == watch.WarningOpen) {
		unknown, err := h.warnOfUnknownKeys(r.Context(), r.PathValue("space"))
		if err != nil {
			return err
		}
		for _, w := range []*watch.Warning{h.warnOfLosses(), unknown} {
			if w != nil {
				list = append(list, warningOf(w))
			}
		}
	}
	for i := range p.Warnings {
		list = append(list, warningOf(&p.Warnings[i]))
	}
	return ok(w, paged(list, api.Cursor{HasMore: p.Next != "", Next: p.Next, Limit: n}))
}

// dismissWarning closes a warning; the reason comes in the parameter why.
func (h *handler) dismissWarning(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	if r.PathValue("warning") == unknownWarning {
		return h.dismissUnknownKeys(w, r)
	}
	if r.PathValue("warning") == lostWarning {
		return h.dismissLosses(w, r)
	}
	done, err := s.DismissWarning(r.Context(), r.PathValue("warning"))
	if err != nil {
		return err
	}
	return ok(w, warningOf(&done))
}
