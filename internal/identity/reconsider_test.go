package identity_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/selfsame-id/selfsame/internal/identity"
)

// wish is one override, as people add and remove it.
type wish struct {
	kind int
	a, b identity.Hash
	pair [2]identity.Known // of kind 3
}

func overridesOf(wishes []wish) *identity.Overrides {
	ov := &identity.Overrides{}
	for _, w := range wishes {
		switch w.kind {
		case 0:
			ov.CannotLink(w.a, w.b)
		case 1:
			ov.Isolate(w.a)
		case 2:
			ov.Drop(w.a, w.b)
		case 3:
			ov.Same(w.pair[0], w.pair[1])
		}
	}
	return ov
}

// concerned are the IDs of which an override speaks.
func (w wish) concerned() []identity.Hash {
	switch w.kind {
	case 0, 3:
		return []identity.Hash{w.a, w.b}
	case 1:
		return []identity.Hash{w.a}
	}
	return []identity.Hash{w.b}
}

// TestReconsiderEqualsResolve adds and removes overrides between batches of
// events: what is stored must follow from those that are there.
func TestReconsiderEqualsResolve(t *testing.T) {
	changed, moved := 0, 0
	world := func(t *rapid.T) {
		rs := drawRules(t, "person_first")
		events := drawEvents(t, rapid.IntRange(2, 16).Draw(t, "events"))
		bound := rapid.SampledFrom([]int{0, 0, 2, 5}).Draw(t, "bound")
		l := newLedger(rs, nil, bound)
		var wishes []wish
		var taken []happening
		classes := map[identity.Hash]*uint8{}
		for _, batch := range batches(t, rapid.Permutation(events).Draw(t, "arrival")) {
			if err := l.take(batch); err != nil {
				t.Fatal(err)
			}
			taken = append(taken, batch...)
			for range rapid.IntRange(0, 2).Draw(t, "changes") {
				var w wish
				if len(wishes) > 0 && rapid.Bool().Draw(t, "remove") {
					i := rapid.IntRange(0, len(wishes)-1).Draw(t, "which")
					w = wishes[i]
					wishes = slices.Delete(wishes, i, i+1)
				} else {
					pick := func() (identity.Hash, identity.Hash) {
						e := events[rapid.IntRange(0, len(events)-1).Draw(t, "of")]
						return e.strand.Hash, e.strand.Links[rapid.IntRange(0, len(e.strand.Links)-1).Draw(t, "id")].Hash
					}
					w.kind = rapid.IntRange(0, 3).Draw(t, "kind")
					switch w.kind {
					case 0:
						_, w.a = pick()
						_, w.b = pick()
						if w.a == w.b {
							continue
						}
					case 1:
						_, w.a = pick()
					case 2:
						w.a, w.b = pick()
					case 3:
						w.pair = [2]identity.Known{drawKnown(t, events), drawKnown(t, events)}
						w.a, w.b = w.pair[0].Hash, w.pair[1].Hash
						if w.a == w.b {
							continue
						}
					}
					wishes = append(wishes, w)
				}
				c, err := l.override(overridesOf(wishes), w.concerned())
				if err != nil {
					t.Fatal(err)
				}
				changed += len(c.Strands)
				for _, s := range c.Strands {
					if was := classes[s.Hash]; was != nil && *was != s.First.Class {
						moved++
					}
				}
				for h, s := range l.strands {
					class := s.First.Class
					classes[h] = &class
				}
			}
			if rapid.Bool().Draw(t, "settle") {
				if err := l.settle(); err != nil {
					t.Fatal(err)
				}
				if got, want := l.identities(), truth(rs, l.engine.Overrides, taken); got != want {
					t.Fatalf("differs after a change of overrides:\n%s\nevents:\n%s", difference(got, want), trace(taken))
				}
			}
		}
		if err := l.settle(); err != nil {
			t.Fatal(err)
		}
		if got, want := l.identities(), truth(rs, l.engine.Overrides, taken); got != want {
			t.Fatalf("differs at the end:\n%s\nevents:\n%s", difference(got, want), trace(taken))
		}
	}
	// With -short a round is twenty worlds, which may have none that moves a strand.
	for round := 0; round == 0 || round < 50 && (changed == 0 || moved == 0); round++ {
		rapid.Check(t, world)
	}
	if changed == 0 {
		t.Error("no override ever changed a strand")
	}
	if moved == 0 {
		t.Error("no override ever moved a strand to the other class")
	}
}
