package manage

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/catalog"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
)

// rulesHistory lists the versions of the rules, the newest first.
func (h *handler) rulesHistory(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	n, err := limit(r)
	if err != nil {
		return err
	}
	p, err := s.RulesHistory(r.Context(), n, r.URL.Query().Get("next"))
	if err != nil {
		return err
	}
	list := make([]api.RulesVersion, 0, len(p.Versions))
	for _, v := range p.Versions {
		list = append(list, versionOf(v))
	}
	return ok(w, paged(list, api.Cursor{HasMore: p.Next != "", Next: p.Next, Limit: n}))
}

// rulesVersion shows one version of the rules.
func (h *handler) rulesVersion(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	v, err := versionOfPath(r.Context(), s, r.PathValue("version"))
	if err != nil {
		return err
	}
	return ok(w, versionOf(v))
}

func versionOfPath(ctx context.Context, s Rules, text string) (space.RulesVersion, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return space.RulesVersion{}, answer.BadParameter("%q is not the number of a version of the rules.", text)
	}
	v, err := s.RulesAt(ctx, n)
	if isNotFound(err) {
		err = answer.New(http.StatusNotFound, answer.NotFound, "There is no version %d of the rules of this space.", n)
	}
	return v, err
}

// rollBack makes an earlier version of the rules the rules at work, under a new
// number.
func (h *handler) rollBack(w http.ResponseWriter, r *http.Request) error {
	return h.changeRules(w, r, func(s Space) (identity.Rules, *http.Request, error) {
		v, err := versionOfPath(r.Context(), s, r.PathValue("version"))
		return v.Rules, because(r, orElse(r.URL.Query().Get("why"), fmt.Sprintf("back to version %d", v.Version))), err
	})
}

// copyRules takes over the rules of another space.
func (h *handler) copyRules(w http.ResponseWriter, r *http.Request) error {
	var q struct {
		From string `json:"from"`
		Why  string `json:"why"`
	}
	if err := h.document(w, r, &q); err != nil {
		return err
	}
	if q.From == r.PathValue("space") {
		return answer.BadParameter("from is the space itself; name another one.")
	}
	return h.changeRules(w, r, func(Space) (identity.Rules, *http.Request, error) {
		if _, err := h.Catalog.Space(r.Context(), q.From); err != nil {
			return identity.Rules{}, r, err
		}
		other, err := h.Space(r.Context(), q.From)
		if err != nil {
			return identity.Rules{}, r, err
		}
		v, err := other.Rules(r.Context())
		return v.Rules, because(r, orElse(q.Why, fmt.Sprintf("copied from space %s, version %d", q.From, v.Version))), err
	})
}

func orElse(text, other string) string {
	if text != "" {
		return text
	}
	return other
}

// checkRules says whether rules could be set, and what in them may not be meant.
func (h *handler) checkRules(w http.ResponseWriter, r *http.Request) error {
	var rules identity.Rules
	if err := h.document(w, r, &rules); err != nil {
		return err
	}
	rs, err := identity.Compile(rules)
	if err != nil {
		return answer.Mistakes("the rules have mistakes", err)
	}
	type remark struct {
		Where string `json:"where"`
		What  string `json:"what"`
	}
	a := struct {
		Remarks   []remark       `json:"remarks"`
		Effective identity.Rules `json:"effective"`
	}{[]remark{}, rs.Effective()}
	for _, m := range rs.Remarks() {
		a.Remarks = append(a.Remarks, remark{m.Where, m.What})
	}
	return ok(w, a)
}

// changeRules sets rules that get finds, with the conditions that all changes of
// rules have.
func (h *handler) changeRules(w http.ResponseWriter, r *http.Request, get func(Space) (identity.Rules, *http.Request, error)) error {
	entry, err := h.Catalog.Space(r.Context(), r.PathValue("space"))
	if err != nil {
		return err
	}
	if entry.RulesDeclared {
		return fmt.Errorf("the rules of space %q are %w", entry.ID, catalog.ErrDeclared)
	}
	only, err := onlyIf(r)
	if err != nil {
		return err
	}
	s, err := h.open(r)
	if err != nil {
		return err
	}
	rules, r, err := get(s)
	if err != nil {
		return err
	}
	if _, err := identity.Compile(rules); err != nil {
		return answer.Mistakes("the rules have mistakes", err)
	}
	if err := s.SetRules(untilDone(r), rules, only); err != nil {
		return err
	}
	return h.getRules(w, r)
}
