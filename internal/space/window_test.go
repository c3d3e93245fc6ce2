package space_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

// A device has five cookies within a week, the fifth of them twice. Then a sixth
// comes with an e-mail address. Who says who they are is believed first, so the
// strands before it are decided again: the fifth is one too many with its first
// event and comes in with its second, when the week of the first cookie is over.
// All of it in one commit: the replay must find that second event there.
func TestAReplayFindsLaterEventsOfItsOwnCommit(t *testing.T) {
	s := newSpace(t, space.Config{})
	start := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	n := 0
	seen := func(hours time.Duration, cookie, properties string) string {
		n++
		return fmt.Sprintf(`{"type":"track","event":"Opened","messageId":"m-%d","timestamp":%q,"anonymousId":%q,"properties":{%s},"context":{"device":{"type":"android","id":"phone"}}}`,
			n, start.Add(hours*time.Hour).Format(time.RFC3339), cookie, properties)
	}
	ingest(t, s,
		seen(0, "first", ""), seen(70, "second", ""), seen(118, "third", ""), seen(138, "fourth", ""),
		seen(157, "fifth", ""), seen(172, "fifth", ""),
		seen(217, "sixth", `"email":"guest@example.com"`))
	verify(t, s)
	v, err := query.New(s).Profile(t.Context(), user("anonymous_id", "fifth"))
	if err != nil {
		t.Fatal(err)
	}
	if len(v.Identifiers) != 8 {
		t.Errorf("%d identifiers, want the phone, an e-mail address and six cookies: %v", len(v.Identifiers), v.Identifiers)
	}
}
