package manage

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
)

// tag names a version of what an answer shows, for If-Match (RFC 9110).
func tag(w http.ResponseWriter, version uint64) {
	w.Header().Set("ETag", `"`+strconv.FormatUint(version, 10)+`"`)
}

// onlyIf reads If-Match: the version that a change relies on, nil if it relies
// on none.
func onlyIf(r *http.Request) (*uint64, error) {
	text := strings.TrimSpace(r.Header.Get("If-Match"))
	if text == "" || text == "*" {
		return nil, nil
	}
	n, err := strconv.ParseUint(strings.Trim(text, `"`), 10, 64)
	if err != nil || !strings.HasPrefix(text, `"`) {
		return nil, answer.BadParameter(`If-Match is not one ETag of this address, such as "7".`)
	}
	return &n, nil
}
