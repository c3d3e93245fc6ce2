package computed_test

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// Between an old event and a new one the window was empty: that the same was so long ago
// is not since when it is so.
func TestSinceWhenAWindowIsFullAgain(t *testing.T) {
	h := newHouse(t)
	h.apply(t, `
audiences:
  recent: {when: 'events("Order Completed").within("7d").count() >= 1'}
  ever: {when: 'events("Order Completed").count() >= 1'}
`)
	h.settle(t)
	old, fresh := time.Unix(1, 0).UTC(), h.now.Add(-time.Hour).UTC().Truncate(time.Second)
	for i, at := range []time.Time{fresh, old, old.Add(24 * time.Hour)} {
		h.ingest(t, fmt.Sprintf(`{"type":"track","event":"Order Completed","messageId":"m%d","userId":"ada","timestamp":%q}`, i, at.Format(time.RFC3339)))
	}
	h.settle(t)
	v, err := h.ComputedValues(context.Background(), user("user_id", "ada"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]time.Time{"recent": fresh, "ever": old}
	for _, a := range v.Audiences {
		if got := time.Unix(0, a.Since).UTC(); !a.In || !got.Equal(want[a.Key]) {
			t.Errorf("%s: %v since %v, not since %v", a.Key, a.In, got, want[a.Key])
		}
		delete(want, a.Key)
	}
	if len(want) > 0 {
		t.Errorf("no word of %v", want)
	}
}
