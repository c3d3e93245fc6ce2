package manage

import (
	"net/http"
	"time"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/catalog"
	"github.com/selfsame-id/selfsame/internal/space"
)

func (h *handler) createSpace(w http.ResponseWriter, r *http.Request) error {
	var given struct{ ID, Name string }
	if err := h.document(w, r, &given); err != nil {
		return err
	}
	sp, err := h.Catalog.CreateSpace(r.Context(), given.ID, given.Name)
	if err != nil {
		return err
	}
	// What cannot be opened is better heard of now than with the first event.
	if _, err := h.Space(r.Context(), sp.ID); err != nil {
		return err
	}
	return created(w, sp)
}

func (h *handler) getSpace(w http.ResponseWriter, r *http.Request) error {
	sp, err := h.Catalog.Space(r.Context(), r.PathValue("space"))
	if err != nil {
		return err
	}
	return ok(w, sp)
}

func (h *handler) renameSpace(w http.ResponseWriter, r *http.Request) error {
	var given struct{ Name string }
	if err := h.document(w, r, &given); err != nil {
		return err
	}
	sp, err := h.Catalog.RenameSpace(r.Context(), r.PathValue("space"), given.Name)
	if err != nil {
		return err
	}
	return ok(w, sp)
}

func counted(src catalog.Source, counts map[string]space.SourceCount) api.Source {
	out := api.Source{Source: src}
	if n, ok := counts[src.ID]; ok {
		last := time.Unix(0, n.Last).UTC().Truncate(time.Millisecond)
		out.Events, out.Last = n.Events, &last
	}
	return out
}

// newSource is a source with its write key, which is shown once.
type newSource struct {
	catalog.Source
	WriteKey string `json:"write_key"`
}

func (h *handler) listSources(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	all, err := h.Catalog.Sources(r.Context(), r.PathValue("space"))
	if err != nil {
		return err
	}
	counts, err := s.SourceCounts(r.Context())
	if err != nil {
		return err
	}
	out := make([]api.Source, len(all))
	for i := range all {
		out[i] = counted(all[i], counts)
	}
	p, err := cut(r, out, func(s api.Source) string { return s.ID })
	if err != nil {
		return err
	}
	return ok(w, p)
}

func (h *handler) createSource(w http.ResponseWriter, r *http.Request) error {
	var given struct {
		ID, Name string
		Spaces   []string // besides the space of the path
	}
	if err := h.document(w, r, &given); err != nil {
		return err
	}
	src, key, err := h.Catalog.CreateSource(r.Context(), given.ID, given.Name, append(given.Spaces, r.PathValue("space"))...)
	if err != nil {
		return err
	}
	return created(w, newSource{src, key})
}

func (h *handler) getSource(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	src, err := h.Catalog.Source(r.Context(), r.PathValue("space"), r.PathValue("source"))
	if err != nil {
		return err
	}
	counts, err := s.SourceCounts(r.Context())
	if err != nil {
		return err
	}
	return ok(w, counted(src, counts))
}

func (h *handler) updateSource(w http.ResponseWriter, r *http.Request) error {
	var given struct {
		Name   *string
		Spaces []string
	}
	if err := h.document(w, r, &given); err != nil {
		return err
	}
	src, err := h.Catalog.UpdateSource(r.Context(), r.PathValue("space"), r.PathValue("source"),
		catalog.SourceChange{Name: given.Name, Spaces: given.Spaces})
	if err != nil {
		return err
	}
	return ok(w, src)
}

func (h *handler) deleteSource(w http.ResponseWriter, r *http.Request) error {
	if err := h.Catalog.DeleteSource(r.Context(), r.PathValue("space"), r.PathValue("source")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// newToken is a token with its secret, which is shown once.
type newToken struct {
	catalog.Token
	Secret string `json:"token"`
}

func (h *handler) listTokens(w http.ResponseWriter, r *http.Request) error {
	all, err := h.Catalog.Tokens(r.Context(), r.PathValue("space"))
	if err != nil {
		return err
	}
	p, err := cut(r, all, func(t catalog.Token) string { return t.Name })
	if err != nil {
		return err
	}
	return ok(w, p)
}

func (h *handler) createToken(w http.ResponseWriter, r *http.Request) error {
	var given struct{ Name string }
	if err := h.document(w, r, &given); err != nil {
		return err
	}
	t, secret, err := h.Catalog.CreateToken(r.Context(), r.PathValue("space"), given.Name)
	if err != nil {
		return err
	}
	return created(w, newToken{t, secret})
}

func (h *handler) deleteToken(w http.ResponseWriter, r *http.Request) error {
	if err := h.Catalog.DeleteToken(r.Context(), r.PathValue("space"), r.PathValue("token")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
