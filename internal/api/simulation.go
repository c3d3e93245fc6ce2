package api

import (
	"time"

	"github.com/selfsame-id/selfsame/internal/identity"
)

// SimulationReport is what draft rules would change.
type SimulationReport struct {
	Milliseconds int64                `json:"took_ms"`
	Strands      int64                `json:"strands"`
	Damaged      int64                `json:"damaged_events"` // left out, for they cannot be read
	Users        *SimulatedCollection `json:"users"`
	Accounts     *SimulatedCollection `json:"accounts"`
}

// SimulatedCollection is the same for one collection. Of the profiles before, same
// stay as they are and gaining only take in IDs that nobody owned; the others
// come apart (split), become part of a larger one (merged) or lose IDs (losing),
// one or several of these.
type SimulatedCollection struct {
	Before    Population `json:"before"`
	After     Population `json:"after"`
	Same      int        `json:"same"`
	Gaining   int        `json:"gaining"`
	Split     int        `json:"split"`
	Merged    int        `json:"merged"`
	Losing    int        `json:"losing"`
	Suspects  []Suspect  `json:"suspects"`
	Sample    []Affected `json:"sample"`
	Decided   int        `json:"decided_one_by_one"`
	EventRead int        `json:"events_read"`
}

// Population is the profiles of a collection.
type Population struct {
	Profiles   int              `json:"profiles"`
	Largest    []ProfileGroup   `json:"largest"`
	Violations []ViolationCount `json:"violations"`
}

// ProfileGroup is the IDs that make one profile.
type ProfileGroup struct {
	Profile string   `json:"profile,omitempty"` // its ID, if it has one already
	IDs     []string `json:"ids"`               // the first ones
	Count   int      `json:"id_count"`
	Strands int      `json:"strands"`
}

// ViolationCount counts demotions of one kind.
type ViolationCount struct {
	Type   string `json:"type"`
	Reason string `json:"reason"`
	Broke  string `json:"broke,omitempty"`
	Count  int    `json:"count"`
}

// Suspect is an ID that many strands share and that nobody should be known by.
type Suspect struct {
	ID      string `json:"id"`
	Strands int    `json:"strands"`
	Pieces  int    `json:"pieces_if_blocked"`
}

// Affected is profiles that draft rules would change.
type Affected struct {
	Before  []ProfileGroup `json:"before"`
	After   []ProfileGroup `json:"after"`
	Unowned []string       `json:"unowned"`
}

// Simulation is a job: what draft rules would change, worked out in the
// background on this node.
type Simulation struct {
	ID       string            `json:"id"`
	Space    string            `json:"space"`
	State    string            `json:"state"`
	By       string            `json:"by"`
	Started  time.Time         `json:"started_at"`
	Ended    *time.Time        `json:"ended_at"`
	Plan     SimulationPlan    `json:"plan"`
	Progress *Progress         `json:"progress"`
	Rules    identity.Rules    `json:"rules"`
	Error    string            `json:"error,omitempty"`
	Report   *SimulationReport `json:"report,omitempty"`
}

// SimulationPlan says what a simulation takes, before it begins. reads_events says
// that the draft looks for IDs in other places, so that all events are read.
type SimulationPlan struct {
	Strands  int64 `json:"strands"`
	Reread   bool  `json:"reads_events"`
	Events   int64 `json:"events,omitempty"`
	Estimate int64 `json:"estimated_ms,omitempty"`
}
