package api

import (
	"time"

	"github.com/selfsame-id/selfsame/internal/identity"
)

// RulesVersion is one version of the rules.
type RulesVersion struct {
	Version uint64         `json:"version"`
	SetAt   *time.Time     `json:"set_at"`
	SetBy   string         `json:"set_by"`
	SetFor  string         `json:"set_for,omitempty"`
	Why     string         `json:"why,omitempty"`
	Rules   identity.Rules `json:"rules"`
}

// Rules is the rules at work.
type Rules struct {
	RulesVersion
	Declared bool     `json:"declared"`  // in the configuration file: not to be changed here
	NewTypes []string `json:"new_types"` // ID types that arrived without being listed
	// Applying says that what was there before is being resolved again; Progress
	// how far that is, if this node does it.
	Applying bool           `json:"applying"`
	Progress *RulesProgress `json:"progress,omitempty"`
}

// RulesProgress is how far a change of rules is.
type RulesProgress struct {
	Pass    int    `json:"pass"`
	Stage   string `json:"stage"` // reading, deciding
	Done    int64  `json:"done"`
	Total   int64  `json:"total"`
	Changed int64  `json:"changed"`
}
