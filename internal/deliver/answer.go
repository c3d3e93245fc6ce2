package deliver

import (
	"fmt"
	"net/http"
	"time"

	"github.com/selfsame-id/selfsame/internal/deliver/outgoing"
)

// Answered says what an answer over HTTP means.
func Answered(a *http.Response, now time.Time) Outcome {
	said := fmt.Sprintf("it answered %d %s", a.StatusCode, http.StatusText(a.StatusCode))
	switch code := a.StatusCode; {
	case code >= 200 && code < 300:
		return Outcome{Result: Delivered}
	case code == http.StatusGone:
		return Outcome{Result: Disabled, Reason: said + ": it wants nothing any more"}
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return Outcome{Result: Disabled, Reason: said + ": it does not take our credentials"}
	case code >= 300 && code < 400:
		return Outcome{Result: Retry, Reason: said + "; redirects are not followed, set its final address", Trouble: true, NotTaken: true}
	case code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code == http.StatusTooEarly, code >= 500:
		// It may have failed with half of its work done, or what lies between did not hear
		// the answer; only 503 says that it did not begin.
		lost := code >= 500 && code != http.StatusServiceUnavailable
		return Outcome{Result: Retry, Reason: said, After: outgoing.RetryAfter(a.Header, now), Trouble: true, NotTaken: !lost}
	}
	return Outcome{Result: Refused, Reason: said}
}
