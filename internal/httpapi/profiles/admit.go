package profiles

import (
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
)

// admit checks the token of a request and its rate, and says whose it is.
func (h *handler) admit(w http.ResponseWriter, r *http.Request, spaceID string) (by string, err error) {
	secret := answer.Credential(r)
	var wait error
	if h.Admin != nil {
		var ok bool
		if ok, wait = h.Admin.Check(r, secret); ok {
			return "admin token", nil
		}
	}
	token, err := h.Tokens.TokenBySecret(r.Context(), spaceID, secret)
	if err != nil {
		return "", err
	}
	if token == nil {
		if wait != nil {
			return "", wait
		}
		if h.Admin != nil {
			h.Admin.Wrong(r, secret)
		}
		// The same words for a wrong space: who has no token learns nothing.
		if r.Header.Get("Sec-Fetch-Site") != "same-origin" { // a browser would ask for a password in the middle of the console
			w.Header().Set("WWW-Authenticate", `Basic realm="Profile API", charset="UTF-8"`)
		}
		return "", answer.New(http.StatusUnauthorized, answer.Unauthenticated,
			"The access token is missing, or is not one of this space. Send it as the user name of HTTP Basic, with an empty password.")
	}
	if wait := h.rates.take(token.Space, token.Name); wait > 0 {
		p := answer.New(http.StatusTooManyRequests, answer.RateLimit, "This token makes more than %g requests per second. Wait, and spread them out.", h.Rate)
		p.RetryAfter = wait
		return "", p
	}
	return "token " + token.Name, nil
}

// rates holds the rate of each token. Tokens are few, and made by people.
type rates struct {
	perSecond float64
	limiters  sync.Map // [2]string{space, token} → *rate.Limiter
}

// take counts one request, and says how long to wait when it is one too many.
func (r *rates) take(space, token string) time.Duration {
	if r.perSecond <= 0 {
		return 0
	}
	key := [2]string{space, token}
	found, ok := r.limiters.Load(key)
	if !ok {
		burst := max(1, int(r.perSecond))
		found, _ = r.limiters.LoadOrStore(key, rate.NewLimiter(rate.Limit(r.perSecond), burst))
	}
	limiter := found.(*rate.Limiter)
	if limiter.Allow() {
		return 0
	}
	return max(time.Second, time.Duration(float64(time.Second)/r.perSecond))
}
