package api

import "time"

// DefinitionsVersion is one version of the definitions of computed traits and audiences.
type DefinitionsVersion struct {
	Revision uint64     `json:"revision"`
	Document string     `json:"document"` // YAML
	SetAt    *time.Time `json:"set_at,omitempty"`
	SetBy    string     `json:"set_by,omitempty"`
	SetFor   string     `json:"set_for,omitempty"`
	Why      string     `json:"why,omitempty"`
}

// Definitions are the definitions in force.
type Definitions struct {
	DefinitionsVersion
	Declared    bool                 `json:"declared"` // in the configuration file: not to be changed here
	Definitions []Definition         `json:"definitions"`
	Progress    *DefinitionsProgress `json:"progress,omitempty"` // absent when nothing is being computed over history
	Behind      DefinitionsBehind    `json:"behind"`
}

// Definition is a computed trait or an audience.
type Definition struct {
	Key         string `json:"key"`
	Kind        string `json:"kind"`       // trait, audience
	Collection  string `json:"collection"` // users, accounts
	Name        string `json:"name,omitempty"`
	Description string `json:"description,omitempty"`
	Disabled    bool   `json:"disabled"`
	// Complete says that it is computed over all of history.
	Complete bool       `json:"complete"`
	Members  *int64     `json:"members,omitempty"` // of an audience
	AsOf     *time.Time `json:"as_of,omitempty"`   // up to when what was stored is counted
	// Problems are why something did not count.
	Problems []DefinitionProblem `json:"problems"`
}

// DefinitionsBehind is how far what is told is behind what is stored.
type DefinitionsBehind struct {
	Commits int64   `json:"commits"` // that were not evaluated yet
	Seconds float64 `json:"seconds"` // since the oldest of them
}

// DefinitionProblem is why something did not count, and how often that was so.
type DefinitionProblem struct {
	Where   string `json:"where"`   // event, profile
	Problem string `json:"problem"` // missing, wrong type, division by zero, too costly, too long, failed
	Count   int64  `json:"count"`
}

// DefinitionsProgress is how far definitions are computed over history: events while
// the stage is rows, profiles while it is values.
type DefinitionsProgress struct {
	Stage string    `json:"stage"`
	Done  int64     `json:"done"`
	Total int64     `json:"total"`
	Since time.Time `json:"since"`
}

// DefinitionsChange is what applying a document changes, or would. The lists are of
// keys.
type DefinitionsChange struct {
	Revision  uint64   `json:"revision"` // in force after it
	Applied   bool     `json:"applied"`
	Added     []string `json:"added"`
	Changed   []string `json:"changed"`   // computed over history again
	Described []string `json:"described"` // only names and descriptions
	Disabled  []string `json:"disabled"`
	Enabled   []string `json:"enabled"`
	Removed   []string `json:"removed"` // their keys are never used again
	Unchanged int      `json:"unchanged"`

	Destinations DestinationsChange `json:"destinations"`
}

// AudienceMember is a profile in an audience.
type AudienceMember struct {
	ID    string    `json:"id"`
	Since time.Time `json:"since"` // the event time that made it so
}

// AudienceMembers is a page of the members of an audience.
type AudienceMembers struct {
	Page[AudienceMember]
	Audience Definition `json:"audience"`
}

// ComputedValues is what the definitions make of a profile, exact as of a moment.
type ComputedValues struct {
	ID        string               `json:"id"`
	Revision  uint64               `json:"revision"`
	AsOf      time.Time            `json:"as_of"`
	Traits    []ComputedTrait      `json:"traits"`
	Audiences []ComputedMembership `json:"audiences"`
}

// ComputedTrait is the value of a computed trait.
type ComputedTrait struct {
	Key   string    `json:"key"`
	Value any       `json:"value"`
	Since time.Time `json:"since"`
}

// ComputedMembership says whether a profile is in an audience.
type ComputedMembership struct {
	Key    string     `json:"key"`
	Member bool       `json:"member"`
	Since  *time.Time `json:"since,omitempty"`
}

// AudiencePreview is who would be in an audience of a document.
type AudiencePreview struct {
	Key     string    `json:"key"`
	Members int64     `json:"members"` // exact
	AsOf    time.Time `json:"as_of"`   // the moment for which this holds
	Sample  []string  `json:"sample"`  // IDs of profiles
}
