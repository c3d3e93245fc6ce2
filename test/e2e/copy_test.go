package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/internal/kv/pgkv/pgtest"
	"github.com/selfsame-id/selfsame/test/population"
)

// A directory moves to a database and back again; at every stop the same people
// are there, repeats are known, and more events are taken.
func TestMovingHouse(t *testing.T) {
	t.Parallel()
	cfg := population.Config{Seed: 61, People: 300, Events: 3000, Kiosks: 1, Late: 0.05}
	events := parsed(t, linesOf(cfg.NDJSON()))
	ids := distinctIDs(events)
	parts := [][]sent{events[:len(events)/4], events[len(events)/4 : len(events)/2], events[len(events)/2 : len(events)*3/4], events[len(events)*3/4:]}
	lines := func(events []sent) (out [][]byte) {
		for i := range events {
			out = append(out, events[i].line)
		}
		return out
	}
	s := newSite(t, watched(t))
	first := s.data
	p := s.start(t)
	p.send(t, "dev", "/v1/batch", batch(lines(parts[0])...))
	p.settled(t, "dev")
	want := p.portraits(t, "dev", ids)
	p.stop(t)

	db := pgtest.Start(t)
	url := db.URL()
	out := s.mustRun(t, nil, "copy", "--from", first, "--to", url)
	if !strings.Contains(out, "Both stores have the checksum") {
		t.Errorf("copy says %s", out)
	}
	if out, code := s.run(t, nil, "copy", "--from", first, "--to", url); code != 1 || !strings.Contains(out, "not empty") {
		t.Errorf("a second copy into the same database: exit code %d\n%s", code, out)
	}

	s.store = url
	s.verify(t)
	nodes := []*server{s.start(t), s.start(t)}
	samePortraits(t, "database", nodes[1].portraits(t, "dev", ids), want)
	nodes[0].send(t, "dev", "/v1/batch", batch(lines(parts[0])...)) // repeats of before
	if n := nodes[0].stats(t, "dev"); n.Events != 0 || n.Repeats != int64(len(parts[0])) {
		t.Errorf("of %d repeats %d were stored and %d recognised", len(parts[0]), n.Events, n.Repeats)
	}
	nodes[0].send(t, "dev", "/v1/batch", batch(lines(parts[1])...))
	nodes[1].send(t, "dev", "/v1/batch", batch(lines(parts[2])...))
	rested(t, nodes...)
	want = nodes[0].portraits(t, "dev", ids)
	for _, p := range nodes {
		p.stop(t)
	}
	s.verify(t)

	s.store, s.data = "", filepath.Join(t.TempDir(), "back")
	s.mustRun(t, nil, "copy", "--from", url, "--to", s.data)
	s.verify(t)
	p = s.start(t)
	samePortraits(t, "directory", p.portraits(t, "dev", ids), want)
	p.send(t, "dev", "/v1/batch", batch(lines(parts[1])...)) // repeats of before
	p.send(t, "dev", "/v1/batch", batch(lines(parts[2])...))
	p.send(t, "dev", "/v1/batch", batch(lines(parts[3])...))
	if n := p.stats(t, "dev"); n.Events != int64(len(parts[3])) {
		t.Errorf("%d events were stored, want %d", n.Events, len(parts[3]))
	}
	p.stop(t)
	s.verify(t)
	p = s.start(t) // what is recent is read from the headers of all lanes
	p.send(t, "dev", "/v1/batch", batch(lines(events)...))
	if n := p.stats(t, "dev"); n.Events != 0 {
		t.Errorf("%d of %d repeats were stored", n.Events, len(events))
	}
	p.settled(t, "dev")
	accounted(t, p, events, nil)
	want = p.portraits(t, "dev", ids)
	p.stop(t)

	// And once more to a database: no lane is used twice.
	second := pgtest.Start(t)
	s.mustRun(t, nil, "copy", "--from", s.data, "--to", second.URL())
	s.store = second.URL()
	p = s.start(t)
	samePortraits(t, "second database", p.portraits(t, "dev", ids), want)
	p.send(t, "dev", "/v1/track", []byte(`{"userId":"one-more","event":"Seen","messageId":"one-more"}`))
	p.stop(t)
	s.verify(t)
}
