package e2e

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/needs"
	"github.com/selfsame-id/selfsame/test/population"
	"github.com/selfsame-id/selfsame/test/wire"
)

func linesOf(text []byte) (lines [][]byte) {
	for line := range bytes.Lines(text) {
		lines = append(lines, bytes.TrimSuffix(line, []byte("\n")))
	}
	return lines
}

// pour sends events in requests of random sizes, over several connections or,
// to keep their order, over one.
func (p *server) pour(t testing.TB, space string, events []sent, random *rand.Rand, most int, inOrder bool) {
	t.Helper()
	var requests [][]byte
	for i := 0; i < len(events); {
		n := min(1+random.IntN(most), len(events)-i)
		lines := make([][]byte, n)
		for j := range lines {
			lines[j] = events[i+j].line
		}
		requests = append(requests, wire.AppendRequest(nil, "127.0.0.1", "/v1/batch", wire.Basic(keyOf(space)), batch(lines...)))
		i += n
	}
	send := func(c *wire.Conn, i int) error {
		r, err := c.Deliver(requests[i])
		if err == nil && (r.Status != 200 || string(r.Body) != `{"success":true}`) {
			err = fmt.Errorf("request %d: status %d: %.300s", i, r.Status, r.Body)
		}
		return err
	}
	if !inOrder {
		p.crew(t, len(requests), send)
		return
	}
	c := p.dial(t)
	for i := range requests {
		if err := send(c, i); err != nil {
			t.Fatal(err)
		}
	}
}

// Ten thousand people with shared devices, kiosks, and events that come late and
// twice: whatever the order and the requests, the same people and traits.
func TestPopulationInAnyOrder(t *testing.T) {
	t.Parallel()
	people := 10_000
	if testing.Short() {
		people = 1_000
	}
	populationInAnyOrder(t, binary(t), people)
}

// The same with fewer people and a server that the race detector watches.
func TestPopulationUnderTheRaceDetector(t *testing.T) {
	t.Parallel()
	needs.Time(t, "it needs a server with the race detector")
	populationInAnyOrder(t, watched(t), 400)
}

func populationInAnyOrder(t *testing.T, binary string, people int) {
	cfg := population.Config{Seed: 11, People: people, Kiosks: 5, Late: 0.05, Repeats: 0.01}
	text := cfg.NDJSON()
	inTime := parsed(t, linesOf(text))
	orders := map[string]func(events []sent, random *rand.Rand) (shuffled []sent, most int, inOrder bool){
		"as-it-came": func(e []sent, _ *rand.Rand) ([]sent, int, bool) { return e, 200, true },
		"backwards": func(e []sent, _ *rand.Rand) ([]sent, int, bool) {
			slices.Reverse(e)
			return e, 100, true
		},
		"shuffled": func(e []sent, r *rand.Rand) ([]sent, int, bool) {
			r.Shuffle(len(e), func(a, b int) { e[a], e[b] = e[b], e[a] })
			return e, 300, false
		},
		// Devices that were offline: the events of an hour or of weeks at once.
		"in-heaps": func(e []sent, r *rand.Rand) ([]sent, int, bool) {
			var heaps [][]sent
			for len(e) > 0 {
				n := min(1+r.IntN(2000), len(e))
				heaps = append(heaps, e[:n])
				e = e[n:]
			}
			r.Shuffle(len(heaps), func(a, b int) { heaps[a], heaps[b] = heaps[b], heaps[a] })
			return slices.Concat(heaps...), 50, false
		},
	}
	names := []string{"as-it-came", "backwards", "shuffled", "in-heaps"}
	s := newSite(t, binary, append(slices.Clone(names), "imported")...)

	file := filepath.Join(t.TempDir(), "population.ndjson")
	writeFile(t, file, text)
	s.mustRun(t, nil, "import", "--config", s.config, "--data", s.data, "--space", "imported", "--source", "shop-imported", file)

	p := s.start(t)
	ids := distinctIDs(inTime)
	p.settled(t, "imported")
	want := p.portraits(t, "imported", ids)
	unique := map[string]bool{}
	for i := range inTime {
		unique[inTime[i].messageID] = true
	}
	t.Logf("%d people, %d messages, %d of them different, %d IDs, %d profiles", cfg.People, len(inTime), len(unique), len(ids), len(want))
	if len(want) < cfg.People*3/4 {
		t.Fatalf("only %d profiles", len(want))
	}
	for i, name := range names {
		random := rand.New(rand.NewPCG(uint64(i), 5))
		events, most, inOrder := orders[name](slices.Clone(inTime), random)
		began := time.Now()
		p.pour(t, name, events, random, most, inOrder)
		p.settled(t, name)
		t.Logf("%s: %.0f events/s", name, float64(len(events))/time.Since(began).Seconds())
		same(t, name, p.portraits(t, name, ids), want)
		if st := p.stats(t, name); st.Events != int64(len(unique)) {
			t.Errorf("%s: %d events are stored, %d repeats left out; %d different ones were sent", name, st.Events, st.Repeats, len(unique))
		}
	}
	p.stop(t)
	s.verify(t, append(names, "imported")...)
}

// same compares portraits, sorted by their IDs.
func same(t testing.TB, name string, got, want []portrait) {
	t.Helper()
	shown := 0
	show := func(format string, args ...any) {
		if shown++; shown <= 5 {
			t.Errorf(name+": "+format, args...)
		}
	}
	i, j := 0, 0
	for i < len(got) || j < len(want) {
		switch {
		case j == len(want) || i < len(got) && got[i].ids < want[j].ids:
			show("a profile that should not be: %s", got[i].ids)
			i++
		case i == len(got) || want[j].ids < got[i].ids:
			show("no profile has exactly: %s", want[j].ids)
			j++
		default:
			if got[i].traits != want[j].traits {
				show("traits of %s:\n  %s, want\n  %s", got[i].ids, got[i].traits, want[j].traits)
			}
			i, j = i+1, j+1
		}
	}
	if shown > 0 {
		t.Errorf("%s: %d differences between %d and %d profiles", name, shown, len(got), len(want))
	}
}
