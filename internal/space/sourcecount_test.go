package space_test

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/kv/pgkv/pgtest"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

// sendFrom gives a space events of a source, received at a time in seconds.
func sendFrom(t testing.TB, s *space.Space, source string, received int64, lines ...string) {
	t.Helper()
	d := space.Delivery{Source: source}
	for _, l := range lines {
		m, err := event.Parse([]byte(l), event.Envelope{ReceivedAt: received * int64(time.Second)})
		if err != nil {
			t.Fatal(err)
		}
		d.Messages = append(d.Messages, m)
	}
	if _, err := s.Ingest(context.Background(), d); err != nil {
		t.Fatal(err)
	}
}

func sourceCounts(t testing.TB, s *space.Space, want map[string]codec.SourceCount) {
	t.Helper()
	got, err := s.SourceCounts(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(got, want) {
		t.Errorf("the sources count %v, want %v", got, want)
	}
}

func countOf(events, last int64) codec.SourceCount {
	return codec.SourceCount{Events: events, Last: last * int64(time.Second)}
}

// Every source's events are counted: no repeats, no refused ones, over restarts;
// and verify holds the counts against the journal.
func TestEventsOfSourcesAreCounted(t *testing.T) {
	store := pebbleDisk()(t)
	defer store.Close()
	s := openSpace(t, store, space.Config{})
	const a, b, c = `{"type":"track","event":"A","userId":"a","messageId":"a"}`, `{"type":"track","event":"B","userId":"b","messageId":"b"}`, `{"type":"track","event":"C","userId":"c","messageId":"c"}`
	sendFrom(t, s, "web", 1000, a, b)
	sendFrom(t, s, "web", 2000, a) // a repeat
	sendFrom(t, s, "ios", 1500, c)
	want := map[string]codec.SourceCount{"web": countOf(2, 1000), "ios": countOf(1, 1500)}
	sourceCounts(t, s, want)
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}

	s = openSpace(t, store, space.Config{})
	sendFrom(t, s, "web", 900, `{"type":"track","event":"D","userId":"d","messageId":"d"}`) // late, as an import is
	want["web"] = countOf(3, 1000)
	sourceCounts(t, s, want)
	verify(t, s)

	// A count that is wrong is found, and so is one of nothing.
	var batch kv.Batch
	ks := codec.NewKeyspace(1)
	batch.Put(codec.SourceCounts.Key(ks, 77, "web"), codec.SourceCount{Events: 1, Last: 5}.Append(nil))
	batch.Put(codec.SourceCounts.Key(ks, 77, "nobody"), codec.SourceCount{Events: 2, Last: 5}.Append(nil))
	if err := store.Commit(context.Background(), &batch); err != nil {
		t.Fatal(err)
	}
	rep, err := query.New(s).Verify(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, d := range rep.Differences {
		found[d.Subject] = true
	}
	if len(rep.Differences) != 2 || !found["source web"] || !found["source nobody"] {
		t.Errorf("verify reports %+v", rep.Differences)
	}
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// The counts of nodes add up, each in its own lane.
func TestEventsOfSourcesAreCountedOnManyNodes(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	var nodes []*space.Space
	for range 2 {
		store := openShared(t, server)
		s := openSpace(t, store, space.Config{})
		nodes = append(nodes, s)
		t.Cleanup(func() {
			s.Close(context.Background())
			store.Close()
		})
	}
	sendFrom(t, nodes[0], "web", 1000, `{"type":"track","event":"A","userId":"a","messageId":"a"}`)
	sendFrom(t, nodes[1], "web", 2000, `{"type":"track","event":"A","userId":"a","messageId":"a"}`, `{"type":"track","event":"B","userId":"a","messageId":"b"}`)
	for _, s := range nodes {
		sourceCounts(t, s, map[string]codec.SourceCount{"web": countOf(2, 2000)})
	}
	verify(t, nodes[1])
}
