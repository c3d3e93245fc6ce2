package manage

import (
	"net/http"
	"time"

	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
)

// versionAnswer is one version of the rules.
type versionAnswer struct {
	Version uint64         `json:"version"`
	SetAt   *time.Time     `json:"set_at"`
	SetBy   string         `json:"set_by"`
	SetFor  string         `json:"set_for,omitempty"`
	Why     string         `json:"why,omitempty"`
	Rules   identity.Rules `json:"rules"`
}

func versionOf(v space.RulesVersion) versionAnswer {
	return versionAnswer{v.Version, answer.TimeIfAny(v.SetAt), v.SetBy, v.SetFor, v.Why, v.Rules}
}

// rulesAnswer is the rules at work.
type rulesAnswer struct {
	versionAnswer
	Declared bool     `json:"declared"`  // in the configuration file: not to be changed here
	NewTypes []string `json:"new_types"` // ID types that arrived without being listed
	// Applying says that what was there before is being resolved again; Progress
	// how far that is, if this node does it.
	Applying bool            `json:"applying"`
	Progress *applyingAnswer `json:"progress,omitempty"`
}

type applyingAnswer struct {
	Pass    int    `json:"pass"`
	Stage   string `json:"stage"` // reading, deciding
	Done    int64  `json:"done"`
	Total   int64  `json:"total"`
	Changed int64  `json:"changed"`
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
	tag(w, v.Version)
	a := rulesAnswer{versionOf(v), entry.RulesDeclared, append([]string{}, v.NewTypes...), v.Applying, nil}
	if p := v.Progress; p != nil {
		a.Progress = &applyingAnswer{p.Pass, p.Stage, p.Done, p.Total, p.Changed}
	}
	return ok(w, a)
}

// setRules makes rules the rules at work. All mistakes are listed at once.
func (h *handler) setRules(w http.ResponseWriter, r *http.Request) error {
	return h.changeRules(w, r, func(Space) (identity.Rules, *http.Request, error) {
		var rules identity.Rules
		err := h.document(w, r, &rules)
		return rules, r, err
	})
}
