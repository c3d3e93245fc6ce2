package manage

import (
	"net/http"
	"time"

	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/space"
)

// warningAnswer is something that people should look at.
type warningAnswer struct {
	ID        string           `json:"id"`
	Kind      string           `json:"kind"`
	State     string           `json:"state"`
	About     string           `json:"about"` // type:value, or a type; "" if it is about neither
	Profile   string           `json:"profile,omitempty"`
	First     *time.Time       `json:"first"`
	Last      *time.Time       `json:"last"`
	Count     int64            `json:"count"`
	Says      string           `json:"says"`
	Do        string           `json:"do"`
	Rules     string           `json:"rules,omitempty"` // YAML
	Dismissed *dismissedAnswer `json:"dismissed,omitempty"`
}

type dismissedAnswer struct {
	At  *time.Time `json:"at"`
	By  string     `json:"by"`
	For string     `json:"for,omitempty"`
	Why string     `json:"why,omitempty"`
}

func warningOf(w *space.Warning) warningAnswer {
	a := warningAnswer{
		ID: w.ID, Kind: w.Kind, State: w.State, About: w.Subject.Type, Profile: w.Profile,
		First: answer.TimeIfAny(w.First), Last: answer.TimeIfAny(w.Last), Count: w.Count, Says: w.Says, Do: w.Do, Rules: w.Rules,
	}
	if w.Subject.Value != "" {
		a.About += ":" + w.Subject.Value
	}
	if w.State == space.WarningDismissed {
		a.Dismissed = &dismissedAnswer{answer.TimeIfAny(w.DismissedAt), w.By, w.For, w.Why}
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
		state = space.WarningOpen
	case "all":
		state = ""
	case space.WarningOpen, space.WarningDismissed, space.WarningResolved:
	default:
		return answer.BadParameter("state is %.40q; choose open (which is meant without it), dismissed, resolved or all.", state)
	}
	p, err := s.Warnings(r.Context(), state, n, r.URL.Query().Get("next"))
	if err != nil {
		return err
	}
	list := make([]warningAnswer, 0, len(p.Warnings)+2)
	if r.URL.Query().Get("next") == "" && (state == "" || state == space.WarningOpen) {
		unknown, err := h.warnOfUnknownKeys(r.Context(), r.PathValue("space"))
		if err != nil {
			return err
		}
		for _, w := range []*space.Warning{h.warnOfLosses(), unknown} {
			if w != nil {
				list = append(list, warningOf(w))
			}
		}
	}
	for i := range p.Warnings {
		list = append(list, warningOf(&p.Warnings[i]))
	}
	return ok(w, page{list, cursor{p.Next != "", p.Next, n}})
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
