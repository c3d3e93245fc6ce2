package deliver

import (
	"net/http"
	"testing"
	"time"
)

// A message is replaced by a newer one only where the answer says that it was not taken: one
// that a receiver failed at may have had its effect.
func TestWhichAnswersSayThatNothingWasTaken(t *testing.T) {
	for code, want := range map[int]bool{301: true, 408: true, 429: true, 503: true, 500: false, 502: false, 504: false, 507: false, 599: false} {
		o := Answered(&http.Response{StatusCode: code, Header: http.Header{}}, time.Now())
		if o.Result != Retry || o.NotTaken != want {
			t.Errorf("%d: %+v, want NotTaken %v", code, o, want)
		}
	}
}
