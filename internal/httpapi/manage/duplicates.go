package manage

import (
	"context"
	"net/http"
	"strings"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/space/duplicates"
)

// Duplicates lists and dismisses which profiles may be one person.
type Duplicates interface {
	Duplicates(ctx context.Context, q duplicates.Query) (duplicates.Page, error)
	Duplicate(ctx context.Context, id string) (duplicates.Suggestion, error)
	DismissDuplicate(ctx context.Context, id string) (duplicates.Suggestion, error)
	RestoreDuplicate(ctx context.Context, id string) (duplicates.Suggestion, error)
}

func duplicateOf(s *duplicates.Suggestion) api.Duplicate {
	a := api.Duplicate{
		ID: s.ID, Kind: s.Sign.Kind.String(), Value: strings.ReplaceAll(s.Sign.Value, "|", ", "), Since: answer.TimeIfAny(s.Since),
		Profiles: []api.DuplicateProfile{}, Same: [][]string{},
	}
	for i, p := range s.Profiles {
		a.Profiles = append(a.Profiles, api.DuplicateProfile{ID: p.ID, Identifiers: idTexts(p.Identifiers), IDs: p.IDs, Traits: traitsOf(p.Traits)})
		if i > 0 && len(p.Identifiers) > 0 && len(s.Profiles[0].Identifiers) > 0 {
			a.Same = append(a.Same, []string{s.Profiles[0].Identifiers[0].String(), p.Identifiers[0].String()})
		}
	}
	if d := s.Dismissed; d != nil {
		a.Dismissed = &api.Dismissal{At: answer.TimeIfAny(d.At), By: d.By, For: d.For, Why: d.Why}
	}
	return a
}

func (h *handler) listDuplicates(w http.ResponseWriter, r *http.Request) error {
	d, err := h.open(r)
	if err != nil {
		return err
	}
	at, err := pageOf(r)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	q := duplicates.Query{Limit: at.limit, Next: at.next}
	if text := query.Get("kind"); text != "" {
		var known bool
		if q.Kind, known = duplicates.ParseKind(text); !known {
			return answer.BadParameter("kind is %.40q; choose email, phone or name_postcode.", text)
		}
	}
	switch state := query.Get("state"); state {
	case "", "open":
	case "dismissed":
		q.Dismissed = true
	default:
		return answer.BadParameter("state is %.40q; choose open (the default) or dismissed.", state)
	}
	p, err := d.Duplicates(r.Context(), q)
	if err != nil {
		return err
	}
	return ok(w, listed(at, p.Suggestions, p.Next, duplicateOf))
}

func (h *handler) getDuplicate(w http.ResponseWriter, r *http.Request) error {
	return h.duplicate(w, r, Space.Duplicate)
}

// duplicate answers with the suggestion of the path, after something was done with it.
func (h *handler) duplicate(w http.ResponseWriter, r *http.Request, do func(Space, context.Context, string) (duplicates.Suggestion, error)) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	one, err := do(s, r.Context(), r.PathValue("duplicate"))
	if err != nil {
		return err
	}
	return ok(w, duplicateOf(&one))
}

// dismissDuplicate says that profiles are several people; the reason comes in the
// parameter why.
func (h *handler) dismissDuplicate(w http.ResponseWriter, r *http.Request) error {
	return h.duplicate(w, r, Space.DismissDuplicate)
}

// restoreDuplicate takes a dismissal back.
func (h *handler) restoreDuplicate(w http.ResponseWriter, r *http.Request) error {
	return h.duplicate(w, r, Space.RestoreDuplicate)
}
