package manage

import (
	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space/rules"
)

func simulationOf(s *rules.Simulated) *api.SimulationReport {
	return &api.SimulationReport{
		Milliseconds: s.Took.Milliseconds(), Strands: s.Strands, Damaged: s.Damaged,
		Users: collectionOf(s.Users, identity.Users), Accounts: collectionOf(s.Accounts, identity.Accounts),
	}
}

func collectionOf(s *identity.Simulation, c identity.Collection) *api.SimulatedCollection {
	a := &api.SimulatedCollection{
		Before: populationOf(s.Before, c), After: populationOf(s.After, c),
		Same: s.Same, Gaining: s.Gaining, Split: s.Split, Merged: s.Merged, Losing: s.Losing,
		Suspects: []api.Suspect{}, Sample: []api.Affected{}, Decided: s.Decided, EventRead: s.Reread,
	}
	for _, x := range s.Suspects {
		a.Suspects = append(a.Suspects, api.Suspect{ID: x.ID.String(), Strands: x.Strands, Pieces: x.Pieces})
	}
	for _, x := range s.Sample {
		a.Sample = append(a.Sample, api.Affected{Before: groupsOf(x.Before, c), After: groupsOf(x.After, c), Unowned: idTexts(x.Unowned)})
	}
	return a
}

func populationOf(p identity.Population, c identity.Collection) api.Population {
	a := api.Population{Profiles: p.Profiles, Largest: groupsOf(p.Largest, c), Violations: []api.ViolationCount{}}
	for _, v := range p.Violations {
		a.Violations = append(a.Violations, api.ViolationCount{Type: v.Type, Reason: v.Reason.String(), Broke: v.Broke, Count: v.Count})
	}
	return a
}

func groupsOf(list []identity.Group, c identity.Collection) []api.ProfileGroup {
	out := make([]api.ProfileGroup, 0, len(list))
	for _, g := range list {
		out = append(out, api.ProfileGroup{Profile: rules.ProfileName(g.Founded, c), IDs: idTexts(g.IDs), Count: g.Count, Strands: g.Strands})
	}
	return out
}
