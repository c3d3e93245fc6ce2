package space_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/space"
)

// A tablet with a sixth cookie in one week, which is left out and comes in a
// week later. That later event is in the same commit as a late one, with which
// the strand is decided again: the replay must find it there.
func TestALaterEventOfTheSameCommitIsFound(t *testing.T) {
	s := newSpace(t, space.Config{})
	day := time.Date(2025, 1, 1, 12, 0, 0, 0, time.UTC)
	n := 0
	on := func(days int, minutes time.Duration, cookie int) string {
		n++
		at := day.AddDate(0, 0, days).Add(minutes * time.Minute).Format(time.RFC3339)
		return fmt.Sprintf(`{"type":"track","event":"Opened","messageId":"m-%d","timestamp":%q,"anonymousId":"cookie-%d","context":{"device":{"type":"android","id":"tablet"}}}`, n, at, cookie)
	}
	var lines []string
	for cookie := 1; cookie <= 5; cookie++ {
		lines = append(lines, on(0, 0, cookie))
	}
	ingest(t, s, append(lines, on(6, 0, 6), on(8, 0, 6), on(6, 5, 6))...)
	verify(t, s)
	v, err := s.Profile(t.Context(), user("anonymous_id", "cookie-6"))
	if err != nil {
		t.Fatal(err)
	}
	if len(v.Identifiers) != 7 {
		t.Errorf("%d identifiers, want the tablet and six cookies: %v", len(v.Identifiers), v.Identifiers)
	}
}
