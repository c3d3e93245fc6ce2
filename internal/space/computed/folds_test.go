package computed_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/space/computed"
)

// Folds that were stored are of no use when somebody went on who did not keep them.
func TestFoldsOfAnotherVersion(t *testing.T) {
	defer computed.MemosFrom(2, 2)()
	h := newHouse(t)
	h.apply(t, `traits: {seen: {event: Seen, kind: count}}`)
	n := 0
	see := func() {
		t.Helper()
		n++
		h.ingest(t, fmt.Sprintf(`{"type":"track","event":"Seen","messageId":"m%d","userId":"u","timestamp":%q}`, n, h.now.UTC().Format(time.RFC3339)))
	}
	want := func() {
		t.Helper()
		if got := h.values(t, user("user_id", "u")); got != fmt.Sprintf("seen=%d", n) {
			t.Fatalf("%s after %d events", got, n)
		}
	}
	for range 3 {
		see()
		h.settle(t)
	}
	stored, err := h.StoredMemos(t.Context())
	if want(); err != nil || stored != 1 {
		t.Fatal(stored, err)
	}
	see()
	if err := h.ForgetFoldsVersion(t.Context()); err != nil {
		t.Fatal(err)
	}
	want()
	see()
	want()
	h.settle(t)
	want()
	if stored, err := h.StoredMemos(t.Context()); err != nil || stored != 1 {
		t.Fatal(stored, err)
	}
	if wrong, err := h.Check(t.Context()); err != nil || len(wrong) > 0 {
		t.Fatal(wrong, err)
	}
}
