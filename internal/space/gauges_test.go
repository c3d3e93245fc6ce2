package space_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/kv/pgkv/pgtest"
	"github.com/selfsame-id/selfsame/internal/space"
)

// As soon as a node says that it counted after another one had taken events, it
// knows of them.
func TestGaugesSayWhenTheyWereCounted(t *testing.T) {
	t.Parallel()
	alone := newSpace(t, space.Config{ID: "alone"})
	if at := time.Now().UnixNano(); alone.Stats().CountedAt < at {
		t.Error("the only writer does not know of now")
	}
	server := pgtest.Start(t)
	var nodes []*space.Space
	for range 2 {
		store := openShared(t, server)
		s := openSpace(t, store, space.Config{ID: "gauges"})
		t.Cleanup(func() {
			s.Close(context.Background())
			store.Close()
		})
		nodes = append(nodes, s)
	}
	for round := range int64(2) {
		ingest(t, nodes[0], fmt.Sprintf(`{"type":"track","event":"x","messageId":"m%d","userId":"u%d"}`, round, round))
		after := time.Now().UnixNano()
		st := nodes[1].Stats()
		for end := time.Now().Add(2 * time.Minute); st.CountedAt <= after; st = nodes[1].Stats() {
			if time.Now().After(end) {
				t.Fatal("the other node does not count")
			}
			<-nodes[1].NextJob()
		}
		if st.Profiles != round+1 || st.Strands != round+1 {
			t.Errorf("round %d: %d profiles, %d strands", round, st.Profiles, st.Strands)
		}
	}
}
