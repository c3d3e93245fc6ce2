package tx

import (
	"testing"

	"github.com/selfsame-id/selfsame/internal/identity"
)

// A filter takes its memory with the first ID, and errs on the side of asking only.
func TestFilterTakesItsMemoryWhenNeeded(t *testing.T) {
	f := newNodeFilter(1 << 20)
	f.ready.Store(true)
	known, other := identity.Hash{1, 2, 3, 4, 5, 6, 7, 8, 9}, identity.Hash{9, 8, 7, 6, 5, 4, 3, 2, 1}
	if f.now.Load() != nil || !f.absent(known) {
		t.Error("an empty filter has memory, or an ID")
	}
	f.add(known)
	if f.absent(known) || !f.absent(other) {
		t.Error("the filter does not know which ID was added")
	}
}
