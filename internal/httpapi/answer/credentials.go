package answer

import (
	"net/http"
	"strings"
)

// Credential is the secret that a request came with: the user name of HTTP
// Basic, or a bearer token; "" when there is none.
func Credential(r *http.Request) string {
	h := r.Header["Authorization"]
	if len(h) == 0 {
		return ""
	}
	if user, password, ok := r.BasicAuth(); ok {
		if user == "" {
			return password
		}
		return user
	}
	const bearer = "bearer "
	if len(h[0]) > len(bearer) && strings.EqualFold(h[0][:len(bearer)], bearer) {
		return strings.TrimSpace(h[0][len(bearer):])
	}
	return ""
}
