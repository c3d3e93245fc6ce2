package space_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/selfsame-id/selfsame/internal/space"
)

// typed is an event with an identifier of a type.
func typed(n int, idType string) string {
	return fmt.Sprintf(`{"type":"track","event":"x","messageId":"t%d","context":{"externalIds":[{"type":"%s","id":"v%d","collection":"users","encoding":"none"}]}}`, n, idType, n)
}

// Whoever has a write key can invent types. One that is in use is seen all the
// same, and stays, also after a restart.
func TestInventedTypesHideNoGenuineOne(t *testing.T) {
	disk := memoryDisk()
	store := disk(t)
	s := openSpace(t, store, space.Config{})
	n := 0
	invent := func(count int) {
		t.Helper()
		var lines []string
		for range count {
			n++
			lines = append(lines, typed(n, fmt.Sprintf("invented_%d", n)))
		}
		ingest(t, s, lines...)
	}
	use := func(count int) {
		t.Helper()
		for range count {
			n++
			ingest(t, s, typed(n, "loyalty_card"))
		}
	}
	known := func(when string) {
		t.Helper()
		v, err := s.Rules(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(v.NewTypes) != 1000 || !slices.Contains(v.NewTypes, "loyalty_card") {
			t.Errorf("%s: %d types, and loyalty_card is among them: %v", when, len(v.NewTypes), slices.Contains(v.NewTypes, "loyalty_card"))
		}
	}
	invent(1500)
	use(1)
	known("its first event")
	use(20)
	invent(3000)
	known("after more inventions")
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	s = openSpace(t, store, space.Config{})
	known("after a restart")
}
