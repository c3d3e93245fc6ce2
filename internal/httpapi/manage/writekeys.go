package manage

import (
	"net/http"
	"time"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/catalog"
	"github.com/selfsame-id/selfsame/internal/config"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
)

// rotateSource gives a source a new write key. The parameter grace says how long
// the old one is taken, as in 30d; without it the old key is refused at once.
func (h *handler) rotateSource(w http.ResponseWriter, r *http.Request) error {
	var grace config.Duration
	if text := r.URL.Query().Get("grace"); text != "" {
		if err := grace.UnmarshalText([]byte(text)); err != nil || grace.Span() > catalog.MostGrace {
			return answer.BadParameter("grace is %.40q; write a length of time up to %dd, such as 30d or 12h.", text, int(catalog.MostGrace/(24*time.Hour)))
		}
	}
	src, key, err := h.Catalog.RotateKey(r.Context(), r.PathValue("space"), r.PathValue("source"), grace.Span())
	if err != nil {
		return err
	}
	return ok(w, newSource{src, key})
}

// retireKeys ends the grace of a source's former write keys.
func (h *handler) retireKeys(w http.ResponseWriter, r *http.Request) error {
	src, err := h.Catalog.RetireKeys(r.Context(), r.PathValue("space"), r.PathValue("source"))
	if err != nil {
		return err
	}
	return ok(w, src)
}

// listUnknownKeys lists who sent events with write keys of no source.
func (h *handler) listUnknownKeys(w http.ResponseWriter, r *http.Request) error {
	all, err := h.Catalog.UnknownKeys(r.Context())
	if err != nil {
		return err
	}
	// The catalog keeps few enough for one page.
	return ok(w, paged(all, api.Cursor{Limit: len(all)}))
}

func (h *handler) forgetUnknownKeys(w http.ResponseWriter, r *http.Request) error {
	if err := h.Catalog.ForgetUnknownKeys(r.Context()); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
