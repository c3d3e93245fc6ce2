package e2e

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/test/population"
)

// Rules that begin to look for a cart's ID, and overlook another, move what is
// there while events keep coming and the server is killed again and again; and
// back once more.
func TestRulesThatLookElsewhereAreApplied(t *testing.T) {
	t.Parallel()
	s := newSite(t, binary(t))
	p := s.start(t)
	stream := population.Config{Seed: 6, Active: 400, Kiosks: 3, Careless: -1}.Stream()
	sent := 0
	send := func(p *server, n int) {
		t.Helper()
		var lines [][]byte
		for range n {
			lines = append(lines, slices.Clone(stream.Next()))
		}
		p.send(t, "dev", "/v1/batch", batch(lines...))
		sent += n
	}
	for range 60 {
		send(p, 200)
	}
	drafts := []string{
		`{"identifiers":[{"type":"user_id"},{"type":"email"},{"type":"cart","key":"cart_id","limit":3}],"exclude":[{"type":"email","event":"Order Completed"}]}`,
		`{"identifiers":[{"type":"user_id"},{"type":"email"}]}`,
	}
	for n, draft := range drafts {
		var rules any
		if err := json.Unmarshal([]byte(draft), &rules); err != nil {
			t.Fatal(err)
		}
		if a := p.ask(t, "PUT", "/api/spaces/dev/rules", rules); a.status != http.StatusOK {
			t.Fatalf("%d %s", a.status, a.body)
		}
		kills := 0
		for range 4 {
			time.Sleep(time.Duration(60*kills) * time.Millisecond)
			var now inForce
			p.manage(t, "GET", "/api/spaces/dev/rules", &now)
			if !now.Applying {
				break
			}
			p.Kill()
			kills++
			p = s.start(t)
			send(p, 50)
		}
		t.Logf("killed %d times while events were being moved", kills)
		eventually(t, patience, "the rules are applied", func() bool {
			send(p, 50)
			var now inForce
			p.manage(t, "GET", "/api/spaces/dev/rules", &now)
			return now.Version == n+1 && !now.Applying
		})
		p.stop(t)
		s.verify(t, "dev")
		out := s.mustRun(t, nil, "insights", "--id", "cart", "--kind", "id_added,id_removed", "--limit", "1", "--space", "dev", "--data", s.data)
		if want := []string{"id_added", "id_removed"}[n]; !strings.Contains(out, want) {
			t.Errorf("no %s of a cart in\n%s", want, out)
		}
		p = s.start(t)
	}
	if n := p.stats(t, "dev").Profiles; n == 0 {
		t.Errorf("%d profiles of %d events", n, sent)
	}
	p.stop(t)
}
