package space_test

import (
	"errors"
	"testing"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space"
)

// A mistake in a change, of a job too, costs the change: nothing of it is written,
// the process goes on, and so does the writer.
func TestAMistakeCostsItsChange(t *testing.T) {
	s := newSpace(t, space.Config{})
	ingest(t, s, `{"type":"track","event":"A","messageId":"1","userId":"u"}`)
	for _, late := range []bool{false, true} {
		if err := s.Botch(t.Context(), late); !errors.Is(err, kv.ErrCorrupt) {
			t.Errorf("late %v: %v", late, err)
		}
	}
	if r := ingest(t, s, `{"type":"track","event":"A","messageId":"1","userId":"u"}`, `{"type":"track","event":"A","messageId":"2","userId":"u"}`); r.Stored != 1 || r.Repeats != 1 {
		t.Errorf("afterwards: %+v", r)
	}
}
