package query_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/query"
	"github.com/selfsame-id/selfsame/internal/space/spacetest"
)

func tiesOf(t *testing.T, s *space.Space, most int) (string, query.Ties) {
	t.Helper()
	g, err := query.New(s).Ties(t.Context(), spacetest.User("user_id", "abc123def"), most)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, st := range g.Strands {
		for _, n := range st.IDs {
			fmt.Fprintf(&b, "%s ", g.Identifiers[n].ID)
		}
		for _, out := range st.KeptOut {
			fmt.Fprintf(&b, "(without %s: %s) ", out.ID, out.Reason)
		}
		fmt.Fprintf(&b, "%d×%s\n", st.Events, st.App)
	}
	return b.String(), g
}

// Every strand of the example's person has its identifiers, its app and its events.
func TestTiesOfTheExample(t *testing.T) {
	s := spacetest.New(t, space.Config{})
	spacetest.Ingest(t, s, spacetest.Jane(t)...)
	text, g := tiesOf(t, s, 0)
	if got := strings.Split(text, "\n")[0]; got != "anonymous_id:anon_123 ios.id:ios_abc123 7×SegKicks" {
		t.Errorf("the first strand: %s", got)
	}
	events := int64(0)
	for _, st := range g.Strands {
		events += st.Events
		if st.AtLeast {
			t.Errorf("strand %s has more events than are counted", st.Strand)
		}
		page, err := query.New(s).Events(t.Context(), spacetest.User("user_id", "abc123def"), query.EventQuery{Strand: st.Strand, Limit: 100})
		if err != nil || int64(len(page.Events)) != st.Events || page.Events[len(page.Events)-1].MessageID != st.MessageID {
			t.Errorf("strand %s has %d events: %+v, %v", st.Strand, st.Events, page, err)
		}
	}
	if events != 26 || len(g.Identifiers) != 7 || g.More {
		t.Errorf("%d events, %d identifiers, more %v:\n%s", events, len(g.Identifiers), g.More, text)
	}
	for i := 1; i < len(g.Identifiers); i++ {
		if g.Identifiers[i].First < g.Identifiers[i-1].First {
			t.Errorf("%v came after %v", g.Identifiers[i-1], g.Identifiers[i])
		}
	}
	if _, g := tiesOf(t, s, 2); len(g.Strands) != 2 || !g.More {
		t.Errorf("of two strands: %+v", g)
	}
}

// What was left out of a strand is told of it.
func TestTiesTellWhatWasKeptOut(t *testing.T) {
	s := spacetest.New(t, space.Config{})
	spacetest.Ingest(t, s,
		`{"type":"track","event":"E","messageId":"m1","userId":"abc123def","anonymousId":"a","timestamp":"2026-01-01T00:00:00Z"}`,
		`{"type":"track","event":"E","messageId":"m2","userId":"other","anonymousId":"b","timestamp":"2026-01-01T00:00:01Z"}`,
		`{"type":"track","event":"E","messageId":"m3","userId":"abc123def","anonymousId":"b","timestamp":"2026-01-01T00:00:02Z"}`,
	)
	text, _ := tiesOf(t, s, 0)
	if !strings.Contains(text, "(without anonymous_id:b: ") {
		t.Error(text)
	}
}
