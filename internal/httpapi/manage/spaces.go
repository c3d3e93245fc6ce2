package manage

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/catalog"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
)

func (h *handler) listSpaces(w http.ResponseWriter, r *http.Request) error {
	all := []api.Space{}
	for _, s := range h.Catalog.Spaces(r.Context()) {
		all = append(all, api.Space{Space: s})
	}
	for _, s := range h.Catalog.DeletedSpaces(r.Context()) {
		one := api.Space{Space: s}
		if h.Erased != nil {
			n, begun, err := h.Erased(r.Context(), s.ID)
			if err != nil {
				return err
			}
			if begun {
				one.Erased = &n
			}
		}
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b api.Space) int { return strings.Compare(a.ID, b.ID) })
	p, err := cut(r, all, func(s api.Space) string { return s.ID })
	if err != nil {
		return err
	}
	return ok(w, p)
}

// deleteSpace deletes a space with all that is in it. The parameter confirm has to
// name it once more; with ?preview=true the answer only says what would be lost.
func (h *handler) deleteSpace(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("space")
	preview, err := flag(r, "preview")
	if err != nil {
		return err
	}
	loss, err := h.Catalog.PreviewDeletion(r.Context(), id)
	if err != nil {
		return err
	}
	if given := r.URL.Query().Get("confirm"); !preview && given != id {
		return answer.BadParameter("The space and all that is in it would be erased for good. Repeat its ID in the parameter confirm (confirm=%s) to have that done, or look at what would be lost with preview=true.", id)
	}
	out := api.SpaceDeletion{Space: id, Preview: preview}
	out.Profiles, out.Events = h.contents(r.Context(), id)
	status := http.StatusOK
	if !preview {
		if loss, err = h.Catalog.DeleteSpace(r.Context(), id); err != nil {
			return err
		}
		status = http.StatusAccepted
	}
	out.Deleted, out.Kept, out.Tokens = idsOf(loss.Deleted), idsOf(loss.Kept), loss.Tokens
	answer.JSON(w, status, out)
	return nil
}

// contents counts what is in a space. One that is too damaged to be opened can be
// deleted all the same.
func (h *handler) contents(ctx context.Context, id string) (profiles, events *int64) {
	s, err := h.Space(ctx, id)
	if err != nil {
		return nil, nil
	}
	counts, err := s.SourceCounts(ctx)
	if err != nil {
		return nil, nil
	}
	n, sum := s.Stats().Profiles, int64(0)
	for _, c := range counts {
		sum += c.Events
	}
	return &n, &sum
}

func idsOf(sources []catalog.Source) []string {
	out := make([]string, len(sources))
	for i, s := range sources {
		out[i] = s.ID
	}
	return out
}
