package api

import "time"

// Duplicate is a few profiles that may be one person.
type Duplicate struct {
	ID       string             `json:"id"`
	Kind     string             `json:"kind"`  // email, phone or name_postcode
	Value    string             `json:"value"` // what they have in common, normalised
	Since    *time.Time         `json:"since"` // when that was found
	Profiles []DuplicateProfile `json:"profiles"`
	// Same are the overrides of kind same that would make the profiles one: the ids
	// of each.
	Same      [][]string `json:"same"`
	Dismissed *Dismissal `json:"dismissed,omitempty"`
}

// DuplicateProfile is one of them.
type DuplicateProfile struct {
	ID          string   `json:"id"`
	Identifiers []string `json:"identifiers"` // the first ones by priority
	IDs         int      `json:"identifier_count"`
	Traits      []Trait  `json:"traits"` // those that profiles are compared by
}
