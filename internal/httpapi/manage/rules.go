package manage

import (
	"fmt"
	"net/http"
	"time"

	"github.com/selfsame-id/selfsame/internal/catalog"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/identity"
)

type rulesAnswer struct {
	Version  uint64         `json:"version"`
	SetAt    *time.Time     `json:"set_at"`
	SetBy    string         `json:"set_by"`
	Declared bool           `json:"declared"` // in the configuration file: not to be changed here
	Rules    identity.Rules `json:"rules"`
	NewTypes []string       `json:"new_types"` // ID types that arrived without being listed
}

func (h *handler) getRules(w http.ResponseWriter, r *http.Request) error {
	entry, err := h.Catalog.Space(r.Context(), r.PathValue("space"))
	if err != nil {
		return err
	}
	s, err := h.open(r)
	if err != nil {
		return err
	}
	v, err := s.Rules(r.Context())
	if err != nil {
		return err
	}
	return ok(w, rulesAnswer{v.Version, answer.Time(v.SetAt), v.SetBy, entry.RulesDeclared, v.Rules, append([]string{}, v.NewTypes...)})
}

// setRules makes rules the rules at work. All mistakes are listed at once.
func (h *handler) setRules(w http.ResponseWriter, r *http.Request) error {
	entry, err := h.Catalog.Space(r.Context(), r.PathValue("space"))
	if err != nil {
		return err
	}
	if entry.RulesDeclared {
		return fmt.Errorf("the rules of space %q are %w", entry.ID, catalog.ErrDeclared)
	}
	s, err := h.open(r)
	if err != nil {
		return err
	}
	var rules identity.Rules
	if err := h.document(w, r, &rules); err != nil {
		return err
	}
	if _, err := identity.Compile(rules); err != nil {
		return answer.Mistakes("the rules have mistakes", err)
	}
	unhurried(w) // what is there is resolved again
	if err := s.SetRules(untilDone(r), rules, "api"); err != nil {
		return err
	}
	return h.getRules(w, r)
}
