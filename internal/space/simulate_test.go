package space_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/overrides"
	"github.com/selfsame-id/selfsame/internal/space/query"
	"github.com/selfsame-id/selfsame/internal/space/rules"
)

// What a simulation says is what applying makes, and what a fresh import under
// the draft makes, also where it looks for IDs elsewhere.
func TestSimulationEqualsApplyAndImport(t *testing.T) {
	t.Parallel()
	changed, reread := 0, 0
	for seed := range seeds(24) {
		rng := rand.New(rand.NewPCG(seed, 29))
		order := []string{"", "", "arrival"}[seed%3]
		was := drawnRules(rng, order)
		s := newSpace(t, space.Config{Rules: &was})
		lines := world(rng, 300, 3+rng.IntN(20))
		var same []overrides.Undo
		if seed%2 == 1 {
			same = sameTwo(rng, lines)
		}
		for _, u := range same {
			mustDecide(t, s, u)
		}
		for i := 0; i < len(lines); i += 50 {
			ingest(t, s, lines[i:i+50]...)
		}
		verify(t, s)
		for round := range 3 {
			if seed%4 == 3 && round > 0 {
				order = map[string]string{"": "arrival", "arrival": ""}[order]
			}
			draft := drawnRules(rng, order)
			elsewhere := round == 2
			if elsewhere {
				draft = lookElsewhere(rng, draft)
				reread++
			}
			plan, err := rules.New(s).PlanSimulation(t.Context(), draft)
			if err != nil || plan.Reread != elsewhere || elsewhere && (plan.Events != 300 || plan.Estimate == 0) {
				t.Fatalf("%+v, %v", plan, err)
			}
			before := s.Stats().Profiles
			cursor := feedEnd(t, s)
			sim, err := rules.New(s).Simulate(t.Context(), draft, nil)
			if err != nil {
				t.Fatal(err)
			}
			if feedEnd(t, s) != cursor {
				t.Error("a simulation wrote something")
			}
			if got := int64(sim.Users.Before.Profiles + sim.Accounts.Before.Profiles); got != before {
				t.Errorf("seed %d: %d profiles before, the simulation says %d", seed, before, got)
			}
			foreseen := int64(sim.Users.After.Profiles + sim.Accounts.After.Profiles)
			fresh := newSpace(t, space.Config{Rules: &draft})
			for _, u := range same {
				mustDecide(t, fresh, u)
			}
			ingest(t, fresh, lines...)
			verify(t, fresh)
			if n := fresh.Stats().Profiles; n != foreseen {
				t.Errorf("seed %d: an import makes %d profiles, the simulation says %d", seed, n, foreseen)
			}
			if foreseen != before || sim.Users.Same != sim.Users.Before.Profiles {
				changed++
			}
			if err := s.SetRules(t.Context(), draft, nil); err != nil {
				t.Fatal(err)
			}
			verify(t, s)
			if n := s.Stats().Profiles; n != foreseen {
				t.Errorf("seed %d: applied it makes %d profiles, the simulation says %d", seed, n, foreseen)
			}
			// Now the draft is the rules, and changes nothing.
			again, err := rules.New(s).Simulate(t.Context(), draft, nil)
			if err != nil {
				t.Fatal(err)
			}
			if u := again.Users; u.Same != u.Before.Profiles || u.Before.Profiles != u.After.Profiles || len(u.Sample) > 0 {
				t.Errorf("seed %d: the rules at work would change %+v", seed, u)
			}
			if a, b := fmt.Sprint(again.Users.Before.Violations), fmt.Sprint(again.Users.After.Violations); a != b && order == "" {
				t.Errorf("seed %d: violations\n%s\nof the rules at work are said to become\n%s", seed, a, b)
			}
		}
	}
	if changed < int(seeds(24))/2 || reread == 0 {
		t.Errorf("only %d drafts changed anything", changed)
	}
}

// feedEnd is the cursor at the end of the feed.
func feedEnd(t testing.TB, s *space.Space) string {
	t.Helper()
	cursor := ""
	for {
		recs, next, err := query.New(s).Feed(t.Context(), cursor, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if cursor = next; len(recs) == 0 {
			return cursor
		}
	}
}
