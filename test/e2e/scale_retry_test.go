package e2e

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/selfsame-id/selfsame/test/population"
	"github.com/selfsame-id/selfsame/test/wire"
)

// metric reads one figure of /metrics, the sum over spaces.
func (p *server) metric(t testing.TB, name string) (sum float64) {
	t.Helper()
	req, err := http.NewRequest("GET", p.URL("/metrics"), nil)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for line := range strings.Lines(string(insist(t, req).body)) {
		if rest, ok := strings.CutPrefix(line, name); ok && (rest[0] == ' ' || rest[0] == '{') {
			f := strings.Fields(line)
			v, err := strconv.ParseFloat(f[len(f)-1], 64)
			if err != nil {
				t.Fatal(err)
			}
			sum, found = sum+v, true
		}
	}
	if !found {
		t.Fatalf("/metrics has no %s", name)
	}
	return sum
}

// Many clients, each with visitors of its own, but with kiosks and returning
// people in common, send their requests to four nodes in turn. Conflicts between
// the nodes stay cheap: less than one event in fifty is decided again.
func TestConflictsStayCheap(t *testing.T) {
	t.Parallel()
	s, _ := newShared(t, binary(t))
	var nodes []*server
	for range 4 {
		nodes = append(nodes, s.start(t))
	}
	const clients, requests, size = 16, 20, 50
	var all sync.WaitGroup
	for c := range clients {
		people := population.Config{Seed: 41, First: (c + 1) * 100_000, Known: 100_000, Kiosks: 50, Late: 0.01, Events: requests * size}
		lines := linesOf(people.NDJSON())
		conns := make([]*wire.Conn, len(nodes))
		for i, p := range nodes {
			conns[i] = p.dial(t)
		}
		all.Go(func() {
			for n := 0; len(lines) > 0; n++ {
				k := min(size, len(lines))
				r := wire.AppendRequest(nil, "127.0.0.1", "/v1/batch", wire.Basic(keyOf("dev")), batch(lines[:k]...))
				lines = lines[k:]
				if a, err := conns[(c+n)%len(conns)].Deliver(r); err != nil || a.Status != 200 {
					t.Errorf("client %d: %v, %+v", c, err, a)
					return
				}
			}
		})
	}
	all.Wait()
	var events, again, conflicts, commits float64
	for _, p := range nodes {
		events += p.metric(t, "selfsame_space_events_total")
		again += p.metric(t, "selfsame_space_events_again_total")
		conflicts += p.metric(t, "selfsame_space_conflicts_total")
		commits += p.metric(t, "selfsame_space_commits_total")
	}
	told := fmt.Sprintf("%.0f events in %.0f commits, %.0f conflicts, %.0f events again", events, commits, conflicts, again)
	t.Log(told)
	if events != clients*requests*size {
		t.Errorf("%s; sent were %d", told, clients*requests*size)
	}
	if again >= events/50 {
		t.Errorf("%s: that is not under 2 %%", told)
	}
	rested(t, nodes...)
	s.verify(t)
}
