package space

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/kv/kvtest"
	"github.com/selfsame-id/selfsame/internal/task"
)

// asked counts the snapshots that are taken of a store that several processes use.
type asked struct {
	kv.Store
	snapshots atomic.Int64
}

func (*asked) Exclusive() bool { return false }

func (a *asked) Snapshot(ctx context.Context) (kv.Reader, error) {
	a.snapshots.Add(1)
	return a.Store.Snapshot(ctx)
}

// On a shared store a process asks for all its idle spaces together about as often as
// for a few of them; and who uses one of them finds what other nodes have set.
func TestIdleSpacesOfASharedStoreAskRarely(t *testing.T) {
	t.Parallel()
	store := &asked{Store: kvtest.NewMemory().Open()}
	defer store.Close()
	tasks := task.New()
	open := func(id string, tasks *task.Scheduler) *Space {
		s, err := Open(t.Context(), store, Config{ID: id, Log: slog.New(slog.DiscardHandler), Tasks: tasks})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close(context.Background()) })
		return s
	}
	const spaces = 400
	var idle []*Space
	for i := range spaces {
		idle = append(idle, open(fmt.Sprint("s", i), tasks))
	}
	for _, s := range idle { // the first look of each
		<-s.NextJob()
	}
	before := store.snapshots.Load()
	const span = 3 * time.Second
	time.Sleep(span)
	// A look each second at each would be 400 in a second.
	if n := store.snapshots.Load() - before; n > 200 {
		t.Errorf("%d idle spaces asked the store %d times in %v", spaces, n, span)
	}

	other := open("s7", nil)
	rules := identity.Rules{Identifiers: []identity.Identifier{{Type: "badge", Limit: 1, Window: "ever"}}}
	if err := other.SetRules(t.Context(), rules, nil); err != nil {
		t.Fatal(err)
	}
	if !idle[7].Use(t.Context()) {
		t.Error("the space was not idle")
	}
	if idle[7].Ruleset().Unlisted("badge") {
		t.Error("who uses an idle space does not work by the rules that another node has set")
	}
	m, err := event.Parse([]byte(`{"type":"track","event":"x","messageId":"m","userId":"u"}`), event.Envelope{ReceivedAt: time.Now().UnixNano()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := idle[8].Ingest(t.Context(), Delivery{Messages: []event.Message{m}}); err != nil {
		t.Fatal(err)
	}
	if idle[8].Use(t.Context()) {
		t.Error("a space that takes events counts as idle")
	}
}
