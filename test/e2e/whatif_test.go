package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/test/population"
)

// inForce is what is said of the rules of a space.
type inForce struct {
	Version  int
	Applying bool
	Progress *struct{ Changed int64 }
}

// A draft is simulated, applied while events keep coming and while the server is
// killed again and again; in the end everything is as the simulation said, and as
// if all had come under those rules.
func TestRulesAreTriedAndApplied(t *testing.T) {
	t.Parallel()
	s := newSite(t, binary(t))
	p := s.start(t)
	stream := population.Config{Seed: 5, Active: 400, Kiosks: 3, Careless: -1}.Stream()
	send := func(p *server, n int) {
		t.Helper()
		var lines [][]byte
		for range n {
			lines = append(lines, slices.Clone(stream.Next()))
		}
		p.send(t, "dev", "/v1/batch", batch(lines...))
	}
	for range 60 {
		send(p, 200)
	}

	draft := `{"identifiers":[{"type":"user_id"},{"type":"email","limit":1},{"type":"anonymous_id","limit":1,"window":"ever"}],"defaults":{"blocked":["kiosk-1"]}}`
	var rules any
	if err := json.Unmarshal([]byte(draft), &rules); err != nil {
		t.Fatal(err)
	}
	p.settled(t, "dev")
	before := p.stats(t, "dev").Profiles
	started := p.ask(t, "POST", "/api/spaces/dev/simulations", rules)
	if started.status != http.StatusAccepted {
		t.Fatalf("%d %s", started.status, started.body)
	}
	var job struct {
		ID, State, Error string
		Report           struct {
			Users, Accounts struct {
				Before, After struct{ Profiles int64 }
			}
		}
	}
	eventually(t, patience, "the simulation is done", func() bool {
		if job.ID == "" {
			if err := json.Unmarshal(started.body, &job); err != nil {
				t.Fatal(err)
			}
		}
		p.manage(t, "GET", "/api/spaces/dev/simulations/"+job.ID, &job)
		return job.State != "running"
	})
	r := job.Report
	if job.State != "done" || r.Users.Before.Profiles+r.Accounts.Before.Profiles != before {
		t.Fatalf("%+v, with %d profiles", job, before)
	}
	if p.stats(t, "dev").Profiles != before {
		t.Error("a simulation changed something")
	}
	wrong := p.ask(t, "POST", "/api/spaces/dev/simulations", map[string]any{"identifiers": []any{map[string]any{"type": "user_id", "limit": -1}}})
	if wrong.status != http.StatusBadRequest || !strings.Contains(string(wrong.body), "identifiers[0].limit") {
		t.Errorf("a mistake in a draft: %d %s", wrong.status, wrong.body)
	}

	// Killed right after the switch, and twice more in the middle of the work.
	if a := p.ask(t, "PUT", "/api/spaces/dev/rules?why=try", rules, "If-Match", `"0"`); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	kills := 0
	for range 3 {
		time.Sleep(time.Duration(30*kills) * time.Millisecond)
		var now inForce
		p.manage(t, "GET", "/api/spaces/dev/rules", &now)
		if !now.Applying {
			break
		}
		p.Kill()
		kills++
		p = s.start(t)
		send(p, 200)
	}
	t.Logf("killed %d times while rules were being applied", kills)
	eventually(t, patience, "the rules are applied", func() bool {
		send(p, 50)
		var now inForce
		p.manage(t, "GET", "/api/spaces/dev/rules", &now)
		return now.Version == 1 && !now.Applying
	})
	if kills == 0 {
		if n := p.stats(t, "dev").Profiles; n < r.Users.After.Profiles {
			t.Errorf("%d profiles, the simulation said at least %d", n, r.Users.After.Profiles)
		}
	}
	if a := p.ask(t, "PUT", "/api/spaces/dev/rules", rules, "If-Match", `"0"`); a.status != http.StatusPreconditionFailed {
		t.Errorf("rules over rules that somebody else set: %d %s", a.status, a.body)
	}
	p.stop(t)
	s.verify(t, "dev")
	log := s.mustRun(t, nil, "rules", "log", "--space", "dev", "--data", s.data)
	if !strings.Contains(log, "try") {
		t.Errorf("%s", log)
	}
	// The command shows it all to people.
	file := s.data + ".draft.yaml"
	writeFile(t, file, []byte("identifiers:\n  - type: user_id\n  - type: email\n    limit: 1\n"))
	out := s.mustRun(t, nil, "simulate", "--rules", file, "--space", "dev", "--data", s.data)
	for _, want := range []string{"nothing was changed", "would change", "Largest profiles", "Identifiers left out", "Some of those who would change"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	out = s.mustRun(t, nil, "simulate", "--rules", file, "--space", "dev", "--data", s.data, "--apply", "--yes", "--json")
	if !strings.Contains(out, fmt.Sprintf("Version %d of the rules", 2)) {
		t.Errorf("%s", out)
	}
	s.verify(t, "dev")
}
