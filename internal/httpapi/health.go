package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
)

// isHealth reports whether a request asks how the server is.
func isHealth(r *http.Request) bool { return r.URL.Path == "/healthz" || r.URL.Path == "/readyz" }

// health serves the questions of whoever runs the process: /healthz whether it
// lives, /readyz whether it is to be sent requests.
func (a *API) health(ready func(context.Context) error) {
	state := func(w http.ResponseWriter, status int, word string) {
		w.Header().Set("Cache-Control", "no-store")
		answer.JSON(w, status, struct {
			Status string `json:"status"`
		}{word})
	}
	a.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		state(w, http.StatusOK, "ok")
	})
	a.mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if ready != nil {
			ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
			defer cancel()
			if err := ready(ctx); err != nil {
				a.log.WarnContext(ctx, "not ready", "error", err)
				state(w, http.StatusServiceUnavailable, "not ready")
				return
			}
		}
		state(w, http.StatusOK, "ready")
	})
}
