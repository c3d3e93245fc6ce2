package api

import "time"

// ProfileGraph is what holds a profile together.
type ProfileGraph struct {
	ID          string           `json:"id"`
	Collection  string           `json:"collection"`
	Provisional bool             `json:"provisional"`
	Identifiers []TiedIdentifier `json:"identifiers"` // by their first times
	Strands     []Tie            `json:"strands"`     // by their first events
	Decisions   []TieDecision    `json:"decisions"`
	More        bool             `json:"more"` // there are more strands
}

// TiedIdentifier is an identifier of the profile.
type TiedIdentifier struct {
	ID    string     `json:"id"` // type:value
	Type  string     `json:"type"`
	Value string     `json:"value"`
	First *time.Time `json:"first"`
	App   string     `json:"app"` // that it was first seen in
}

// Tie is what was seen under one set of identifiers.
type Tie struct {
	Strand      string     `json:"strand"`
	Identifiers []int      `json:"identifiers"` // places in ProfileGraph.Identifiers
	KeptOut     []KeptOff  `json:"kept_out"`
	First       *time.Time `json:"first"`
	MessageID   string     `json:"message_id"` // of the first event
	App         string     `json:"app"`        // of the first event; its source if it names none
	Source      string     `json:"source"`
	Events      int64      `json:"events"`
	AtLeast     bool       `json:"events_at_least"`
}

// KeptOff is an identifier that was seen with others and is not of their profile.
type KeptOff struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// TieDecision is what a person said to be one.
type TieDecision struct {
	From     string     `json:"from"`
	To       string     `json:"to"`
	At       *time.Time `json:"at"`
	Override string     `json:"override"`
}
