package manage

import (
	"context"
	"net/http"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/rules"
)

// Rules reads and sets the rules.
type Rules interface {
	Rules(ctx context.Context) (space.RulesVersion, error)
	SetRules(ctx context.Context, r identity.Rules, only *uint64) error
	RulesHistory(ctx context.Context, limit int, next string) (rules.RulesPage, error)
	RulesAt(ctx context.Context, version uint64) (space.RulesVersion, error)
}

func versionOf(v space.RulesVersion) api.RulesVersion {
	return api.RulesVersion{Version: v.Version, SetAt: answer.TimeIfAny(v.SetAt), SetBy: v.SetBy, SetFor: v.SetFor, Why: v.Why, Rules: v.Rules}
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
	a := api.Rules{RulesVersion: versionOf(v), Declared: entry.RulesDeclared, NewTypes: append([]string{}, v.NewTypes...), Applying: v.Applying, Progress: nil}
	if p := v.Progress; p != nil {
		a.Progress = &api.RulesProgress{Pass: p.Pass, Stage: p.Stage, Done: p.Done, Total: p.Total, Changed: p.Changed}
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
