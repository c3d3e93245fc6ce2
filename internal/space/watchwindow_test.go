package space_test

import (
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/overrides"
)

// sharedMemory is a store in memory that says that others write it too.
type sharedMemory struct{ kv.Store }

func (sharedMemory) Exclusive() bool { return false }

// On a shared store an event of another node, of which an undo knows nothing, moves
// no record that the undo relies on, unless a window has hold of its strand already.
// So what a window takes hold of in an undo is decided again by the job.
func TestTheJobDecidesWhatAnUndoPutsIntoAWindow(t *testing.T) {
	t.Parallel()
	store := sharedMemory{memoryDisk()(t)}
	s := openSpace(t, store, space.Config{Rules: &identity.Rules{Identifiers: []identity.Identifier{{Type: "anonymous_id", Limit: 1, Window: "weekly"}}}})
	defer store.Close()
	defer s.Close(t.Context())
	ingest(t, s,
		`{"type":"track","event":"A","messageId":"1","userId":"u","anonymousId":"a1","timestamp":"2024-01-01T00:00:00Z"}`,
		`{"type":"track","event":"A","messageId":"2","anonymousId":"a2","timestamp":"2024-01-01T01:00:00Z"}`)
	alone, err := overrides.New(s).ApplyUndo(t.Context(), overrides.Undo{Kind: codec.Isolate, Collection: identity.Users, IDs: ids("anonymous_id:a2")})
	if err != nil {
		t.Fatal(err)
	}
	ingest(t, s, `{"type":"track","event":"A","messageId":"3","userId":"u","anonymousId":"a2","timestamp":"2024-01-01T02:00:00Z"}`)
	before := s.Stats().Replays
	if _, err := overrides.New(s).ApplyUndo(t.Context(), overrides.Undo{Remove: alone.Override.ID}); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(2 * time.Minute); s.Stats().Replays == before; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the job decided nothing again")
		}
	}
	verify(t, s)
}
