package manage

import (
	"net/http"

	"github.com/selfsame-id/selfsame/internal/audit"
)

// userHeader is the person for whom a tool makes a request, as the tool says.
const userHeader = "Selfsame-User"

// actor names who makes the changes of a request, and why, for the audit trail.
func actor(r *http.Request) *http.Request {
	return r.WithContext(audit.With(r.Context(), audit.Actor{
		By: "admin token", For: r.Header.Get(userHeader), Why: r.URL.Query().Get("why"),
	}))
}

// because gives the reason that the body of a request names.
func because(r *http.Request, why string) *http.Request {
	if why == "" {
		return r
	}
	a := audit.From(r.Context())
	a.Why = why
	return r.WithContext(audit.With(r.Context(), a))
}
