package search_test

import (
	"slices"
	"testing"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv/kvtest"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/search"
)

// The names of traits are those in the index and those that it has not read yet; before it
// is complete nobody can tell.
func TestTraitNames(t *testing.T) {
	s := open(t, kvtest.NewMemory().Open(), space.Config{})
	ingest(t, s, `{"type":"identify","userId":"a","traits":{"plan":"pro","address":{"city":"x"}}}`)
	x := search.New(s, quiet, search.Told{})
	x.Settle(t)
	names := func(c identity.Collection) []string {
		t.Helper()
		got, whole, err := x.TraitNames(t.Context(), c)
		if err != nil || !whole {
			t.Fatal(got, whole, err)
		}
		return got
	}
	if got := names(identity.Users); !slices.Equal(got, []string{"address", "address.city", "plan"}) {
		t.Error(got)
	}
	if got := names(identity.Accounts); len(got) > 0 {
		t.Error(got)
	}
	ingest(t, s, `{"type":"identify","userId":"a","traits":{"tier":1}}`)
	if got := names(identity.Users); !slices.Contains(got, "tier") { // read, or still to be read
		t.Error(got)
	}
}
