package manage

import (
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
)

// simulationReport is what draft rules would change.
type simulationReport struct {
	Milliseconds int64             `json:"took_ms"`
	Strands      int64             `json:"strands"`
	Damaged      int64             `json:"damaged_events"` // left out, for they cannot be read
	Users        *simulationAnswer `json:"users"`
	Accounts     *simulationAnswer `json:"accounts"`
}

// simulationAnswer is the same for one collection. Of the profiles before, same
// stay as they are and gaining only take in IDs that nobody owned; the others
// come apart (split), become part of a larger one (merged) or lose IDs (losing),
// one or several of these.
type simulationAnswer struct {
	Before    populationAnswer `json:"before"`
	After     populationAnswer `json:"after"`
	Same      int              `json:"same"`
	Gaining   int              `json:"gaining"`
	Split     int              `json:"split"`
	Merged    int              `json:"merged"`
	Losing    int              `json:"losing"`
	Suspects  []suspectAnswer  `json:"suspects"`
	Sample    []affectedAnswer `json:"sample"`
	Decided   int              `json:"decided_one_by_one"`
	EventRead int              `json:"events_read"`
}

type populationAnswer struct {
	Profiles   int               `json:"profiles"`
	Largest    []groupAnswer     `json:"largest"`
	Violations []violationAnswer `json:"violations"`
}

type groupAnswer struct {
	Profile string   `json:"profile,omitempty"` // its ID, if it has one already
	IDs     []string `json:"ids"`               // the first ones
	Count   int      `json:"id_count"`
	Strands int      `json:"strands"`
}

type violationAnswer struct {
	Type   string `json:"type"`
	Reason string `json:"reason"`
	Broke  string `json:"broke,omitempty"`
	Count  int    `json:"count"`
}

type suspectAnswer struct {
	ID      string `json:"id"`
	Strands int    `json:"strands"`
	Pieces  int    `json:"pieces_if_blocked"`
}

type affectedAnswer struct {
	Before  []groupAnswer `json:"before"`
	After   []groupAnswer `json:"after"`
	Unowned []string      `json:"unowned"`
}

func simulationOf(s *space.Simulated) *simulationReport {
	return &simulationReport{
		Milliseconds: s.Took.Milliseconds(), Strands: s.Strands, Damaged: s.Damaged,
		Users: collectionOf(s.Users, identity.Users), Accounts: collectionOf(s.Accounts, identity.Accounts),
	}
}

func collectionOf(s *identity.Simulation, c identity.Collection) *simulationAnswer {
	a := &simulationAnswer{
		Before: populationOf(s.Before, c), After: populationOf(s.After, c),
		Same: s.Same, Gaining: s.Gaining, Split: s.Split, Merged: s.Merged, Losing: s.Losing,
		Suspects: []suspectAnswer{}, Sample: []affectedAnswer{}, Decided: s.Decided, EventRead: s.Reread,
	}
	for _, x := range s.Suspects {
		a.Suspects = append(a.Suspects, suspectAnswer{x.ID.String(), x.Strands, x.Pieces})
	}
	for _, x := range s.Sample {
		a.Sample = append(a.Sample, affectedAnswer{groupsOf(x.Before, c), groupsOf(x.After, c), idTexts(x.Unowned)})
	}
	return a
}

func populationOf(p identity.Population, c identity.Collection) populationAnswer {
	a := populationAnswer{Profiles: p.Profiles, Largest: groupsOf(p.Largest, c), Violations: []violationAnswer{}}
	for _, v := range p.Violations {
		a.Violations = append(a.Violations, violationAnswer{v.Type, v.Reason.String(), v.Broke, v.Count})
	}
	return a
}

func groupsOf(list []identity.Group, c identity.Collection) []groupAnswer {
	out := make([]groupAnswer, 0, len(list))
	for _, g := range list {
		out = append(out, groupAnswer{space.ProfileName(g.Founded, c), idTexts(g.IDs), g.Count, g.Strands})
	}
	return out
}
