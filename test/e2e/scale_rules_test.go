package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/kv/pgkv/pgtest"
)

// Rules change while two nodes take events, and the node that applies them to
// what was there is killed in the middle of it. The other one takes the work over
// and finishes it; both have the same version, and all is as if every event had
// come under the new rules.
func TestRulesChangeAndTheirNodeIsKilled(t *testing.T) {
	t.Parallel()
	db := pgtest.Start(t)
	proxy := pgtest.StartProxy(t, db.Port)
	s := newSite(t, binary(t))
	s.store = pgtest.URL(proxy.Addr)
	nodes := []*server{s.start(t), s.start(t)}
	senders := shoppers(6, 91)
	stop := load(senders, nodes...)
	time.Sleep(1200 * time.Millisecond)

	const draft = `{"identifiers":[{"type":"user_id"},{"type":"email","limit":1},{"type":"anonymous_id","limit":1,"window":"ever"}]}`
	var rules any
	if err := json.Unmarshal([]byte(draft), &rules); err != nil {
		t.Fatal(err)
	}
	proxy.Delay(25 * time.Millisecond) // so that there is a middle
	if a := nodes[0].ask(t, "PUT", "/api/spaces/dev/rules", rules, "If-Match", `"0"`); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	type state struct {
		Version  int
		Applying bool
		Progress *struct {
			Pass  int
			Stage string
			Done  int64
		}
	}
	at := func(p *server) (now state) {
		p.manage(t, "GET", "/api/spaces/dev/rules", &now)
		return now
	}
	owner := -1
	for end := time.Now().Add(20 * time.Second); owner < 0; {
		for i, p := range nodes {
			now := at(p)
			if now.Version == 1 && !now.Applying {
				t.Fatal("the rules are applied already: there was no middle to kill the node in")
			}
			if now.Progress != nil && (now.Progress.Stage == "deciding" || now.Progress.Pass > 1) {
				owner = i
				t.Logf("node %d is killed at %+v", i+1, *now.Progress)
				p.Kill()
				break
			}
		}
		if time.Now().After(end) {
			t.Fatal("no node says that it applies the rules")
		}
	}
	killed := time.Now()
	proxy.Delay(0)
	other := nodes[1-owner]
	if now := at(other); now.Version != 1 || !now.Applying {
		t.Errorf("right after the kill: %+v", now)
	}
	time.Sleep(500 * time.Millisecond)
	stop() // clients of the dead node had gone to the other one
	again := s.start(t)
	eventually(t, patience, "the rules are applied", func() bool { return !at(other).Applying })
	t.Logf("taken over and finished %v after the kill", time.Since(killed).Round(time.Millisecond))
	nodes = []*server{other, again}
	events := everything(t, senders, nodes)
	for i, p := range nodes {
		eventually(t, patience, "node "+strconv.Itoa(i+1)+" has the rules", func() bool { return at(p).Version == 1 && !at(p).Applying })
	}

	fresh := filepath.Join(t.TempDir(), "fresh.yaml")
	text, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, fresh, []byte(strings.Replace(string(text), "    name: Space dev\n", "    name: Space dev\n    rules: "+draft+"\n", 1)))
	want := alone(t, fresh, events)
	rested(t, nodes...)
	accounted(t, nodes[0], events, nil)
	for i, p := range nodes {
		want.same(t, "node "+strconv.Itoa(i+1), p, events)
	}
	s.verify(t)
	for _, p := range nodes {
		p.stop(t)
	}
}
