package event

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestFromQueryMakesJSON: whatever is asked, the answer is JSON that holds every
// value, or a refusal.
func TestFromQueryMakesJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		query := rapid.MapOfN(
			rapid.StringMatching(`[ab"\\é]{0,2}(\.[ab]{0,2}){0,3}`),
			rapid.SliceOfN(rapid.StringN(0, 5, 20), 0, 2), 0, 5).Draw(t, "query")
		body, err := FromQuery(query)
		if err != nil {
			var r *Refusal
			if !errors.As(err, &r) || r.Code != BadField {
				t.Fatalf("%q: %v", query, err)
			}
			return
		}
		if !json.Valid(body) {
			t.Fatalf("%q gives %q", query, body)
		}
		for name, values := range query {
			if len(values) == 0 {
				continue
			}
			at := body
			for _, part := range strings.Split(name, ".") {
				at = Lookup(at, part)
			}
			if text, ok := Text(at); !ok || text != strings.ToValidUTF8(values[len(values)-1], "\ufffd") {
				t.Fatalf("%q: %q is %q in %s", query, name, text, body)
			}
		}
	})
}
