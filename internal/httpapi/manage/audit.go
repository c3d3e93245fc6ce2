package manage

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/selfsame-id/selfsame/internal/audit"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
)

type auditAnswer struct {
	At      *time.Time      `json:"at"`
	By      string          `json:"by"`
	For     string          `json:"for,omitempty"`
	Action  string          `json:"action"`
	Subject string          `json:"subject,omitempty"`
	Why     string          `json:"why,omitempty"`
	Detail  json.RawMessage `json:"detail,omitempty"`
}

func auditOf(entries []audit.Entry) []auditAnswer {
	out := make([]auditAnswer, len(entries))
	for i, e := range entries {
		out[i] = auditAnswer{answer.Time(e.Time), e.By, e.For, e.Action, e.Subject, e.Why, e.Detail}
	}
	return out
}

// spaceAudit lists who changed what in a space: its rules, overrides and refused
// messages.
func (h *handler) spaceAudit(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	n, err := limit(r)
	if err != nil {
		return err
	}
	p, err := s.Audit(r.Context(), n, r.URL.Query().Get("next"))
	if err != nil {
		return err
	}
	return ok(w, page{auditOf(p.Entries), cursor{p.Next != "", p.Next, n}})
}
