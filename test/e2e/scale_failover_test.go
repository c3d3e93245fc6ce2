package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/kv/pgkv/pgtest"
	"github.com/selfsame-id/selfsame/test/wire"
)

// truth is what one server makes of events that it imports.
type truth struct {
	portraits []portrait
	stats     stats
}

// alone imports events into a fresh directory. config is that of the site it is
// compared with.
func alone(t testing.TB, config string, events []sent) truth {
	t.Helper()
	s := newSite(t, binary(t))
	s.config = config
	var text []byte
	for i := range events {
		text = append(append(text, events[i].line...), '\n')
	}
	file := filepath.Join(t.TempDir(), "events.ndjson")
	writeFile(t, file, text)
	s.mustRun(t, nil, "import", "--config", s.config, "--data", s.data, "--space", "dev", file)
	p := s.start(t)
	p.settled(t, "dev")
	defer p.stop(t)
	return truth{p.portraits(t, "dev", distinctIDs(events)), p.stats(t, "dev")}
}

// same compares what a node shows with a fresh import of the same events.
func (w truth) same(t testing.TB, who string, p *server, events []sent) {
	t.Helper()
	samePortraits(t, who, p.portraits(t, "dev", distinctIDs(events)), w.portraits)
	if got := p.stats(t, "dev"); got.Profiles != w.stats.Profiles || got.Strands != w.stats.Strands {
		t.Errorf("%s counts %d profiles and %d strands; a fresh import %d and %d", who, got.Profiles, got.Strands, w.stats.Profiles, w.stats.Strands)
	}
}

// load has senders work on nodes in turn, each again after an error, until stop
// is called.
func load(senders []*sender, nodes ...*server) (stop func()) {
	var over atomic.Bool
	var all sync.WaitGroup
	for i, sn := range senders {
		all.Go(func() {
			for turn := i; !over.Load() && sn.wrong == nil; turn++ {
				sn.work(nodes[turn%len(nodes)].Addr, &over)
			}
		})
	}
	return func() {
		over.Store(true)
		all.Wait()
	}
}

// everything sends again what was not answered, with the same message IDs, until
// all of it is, and returns all that was ever sent, each event once.
func everything(t testing.TB, senders []*sender, nodes []*server) (events []sent) {
	t.Helper()
	var requests [][]byte
	for _, sn := range senders {
		if sn.wrong != nil {
			t.Fatal(sn.wrong)
		}
		for rest := range slices.Chunk(slices.Concat(sn.pending, sn.dropped), 50) {
			requests = append(requests, wire.AppendRequest(nil, "127.0.0.1", "/v1/batch", wire.Basic(keyOf("dev")), batch(rest...)))
		}
		events = append(events, parsed(t, slices.Concat(sn.acked, sn.pending, sn.dropped))...)
		sn.acked, sn.pending, sn.dropped = slices.Concat(sn.acked, sn.pending, sn.dropped), nil, nil
	}
	patient(t, requests, nodes)
	slices.SortStableFunc(events, func(a, b sent) int {
		switch {
		case a.messageID < b.messageID:
			return -1
		case a.messageID > b.messageID:
			return 1
		}
		return 0
	})
	return slices.CompactFunc(events, func(a, b sent) bool { return a.messageID == b.messageID })
}

// answered counts what senders got an answer to. They must have stopped.
func answered(senders []*sender) (n int) {
	for _, sn := range senders {
		n += len(sn.acked)
	}
	return n
}

// says asks a node for one of its states.
func (p *server) says(path string) int {
	resp, err := client.Get(p.URL(path))
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// A primary is lost under load and its synchronous standby promoted. Two nodes
// that know both addresses come back by themselves; what was answered is there,
// and with what was sent again all is as a fresh import makes it.
func TestPrimaryLostUnderLoad(t *testing.T) {
	t.Parallel()
	primary := pgtest.Start(t, "wal_level=replica", "max_wal_senders=4")
	standby := primary.Standby(t)
	s := newSite(t, binary(t))
	s.store = pgtest.URL(fmt.Sprintf("127.0.0.1:%d,127.0.0.1:%d", primary.Port, standby.Port))
	nodes := []*server{s.start(t), s.start(t)}

	senders := shoppers(8, 71)
	stop := load(senders, nodes...)
	awaitAnswers(t, senders, 200)
	primary.Kill()
	for _, p := range nodes {
		if p.says("/healthz") != http.StatusOK {
			t.Error("a node without a database must not be restarted for it")
		}
	}
	eventually(t, patience, "/readyz says 503 without a primary", func() bool {
		return nodes[1].says("/readyz") == http.StatusServiceUnavailable
	})
	after := []byte(`{"type":"track","userId":"after","event":"x","timestamp":"2025-01-01T00:00:00Z","messageId":"after"}`)
	standby.Promote()
	promoted := time.Now()
	for i, p := range nodes {
		eventually(t, patience, "ready after the promotion", func() bool { return p.says("/readyz") == http.StatusOK })
		eventually(t, patience, "takes events after the promotion", func() bool {
			return p.post(t, "dev", "/v1/track", after).status == http.StatusOK
		})
		t.Logf("node %d takes events %v after the promotion", i+1, time.Since(promoted).Round(time.Millisecond))
	}
	time.Sleep(500 * time.Millisecond)
	stop()
	if n := answered(senders); n < 200 {
		t.Errorf("only %d events were answered: the nodes are hardly tested", n)
	}

	// Only what was not answered is sent again: what is missing then was lost.
	events := everything(t, senders, nodes)
	events = append(events, parsed(t, [][]byte{after})...)
	want := alone(t, s.config, events)
	rested(t, nodes...)
	accounted(t, nodes[1], events, nil)
	for i, p := range nodes {
		want.same(t, "node "+strconv.Itoa(i+1), p, events)
	}
	s.verify(t)
	for _, p := range nodes {
		p.stop(t)
	}
}
