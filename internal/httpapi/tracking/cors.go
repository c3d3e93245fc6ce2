package tracking

import (
	"net/http"

	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
)

// The write key in a page is no secret, so every origin may use it. Retry-After
// and Request-Id are hidden from scripts unless they are exposed.
var (
	anyOrigin = []string{"*"}
	yes       = []string{"true"}
	exposed   = []string{"Retry-After, Request-Id"}
	allowed   = "Authorization, Content-Type, Content-Encoding, X-Retry-Count"
)

// mostOrigin is longer than any origin that a browser sends.
const mostOrigin = 512

// post wraps an endpoint that takes POST.
func (h *handler) post(serve http.HandlerFunc) http.HandlerFunc {
	return h.open(serve, "POST, OPTIONS", http.MethodPost)
}

// get wraps an endpoint that takes GET.
func (h *handler) get(serve http.HandlerFunc) http.HandlerFunc {
	return h.open(serve, "GET, HEAD, OPTIONS", http.MethodGet, http.MethodHead)
}

func (h *handler) open(serve http.HandlerFunc, allow string, methods ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		allowOrigin(r, header)
		for _, m := range methods {
			if r.Method == m {
				serve(w, r)
				return
			}
		}
		header.Set("Allow", allow)
		if r.Method == http.MethodOptions {
			preflight(w, r, allow)
			return
		}
		answer.Failure(w, r, h.Log, answer.New(http.StatusMethodNotAllowed, answer.MethodNotAllowed, "This path accepts only %s.", allow))
	}
}

// allowOrigin allows every origin. A beacon sends what the browser knows of
// cookies and passwords, whatever its page wants, and for such a request
// browsers do not take "*" for an answer. Nothing here heeds cookies, and a
// write key in a page is none's secret.
func allowOrigin(r *http.Request, header http.Header) {
	header["Access-Control-Expose-Headers"] = exposed
	origin := r.Header["Origin"]
	if len(origin) != 1 || len(origin[0]) > mostOrigin {
		header["Access-Control-Allow-Origin"] = anyOrigin
		return
	}
	header["Access-Control-Allow-Origin"] = origin
	header["Access-Control-Allow-Credentials"] = yes
	header.Set("Vary", "Origin")
}

// preflight allows what the browser asks for: SDKs let their users add headers.
func preflight(w http.ResponseWriter, r *http.Request, methods string) {
	header := w.Header()
	header.Set("Access-Control-Allow-Methods", methods)
	names := allowed
	if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" && len(asked) < 1000 {
		names = asked
	}
	header.Set("Access-Control-Allow-Headers", names)
	header.Set("Access-Control-Max-Age", "86400")
	header.Add("Vary", "Access-Control-Request-Headers")
	w.WriteHeader(http.StatusNoContent)
}
