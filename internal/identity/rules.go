package identity

import "time"

// Rules are the identity resolution settings of a space, in the form in which
// people write them (YAML, JSON). Compile checks them and makes a Ruleset.
type Rules struct {
	Order          string       `yaml:"order,omitempty" json:"order,omitempty"`                     // person_first (default) or arrival
	Alias          string       `yaml:"alias,omitempty" json:"alias,omitempty"`                     // ignore (default) or link
	MaxMerges      int          `yaml:"max_merges,omitempty" json:"max_merges,omitempty"`           // order: arrival only; default 100
	MaxIdentifiers int          `yaml:"max_identifiers,omitempty" json:"max_identifiers,omitempty"` // the mapping cap; default 1000
	Exclude        []Exclusion  `yaml:"exclude,omitempty" json:"exclude,omitempty"`
	Defaults       *Defaults    `yaml:"defaults,omitempty" json:"defaults,omitempty"`
	Identifiers    []Identifier `yaml:"identifiers,omitempty" json:"identifiers,omitempty"` // in order of priority
}

// Exclusion names events or sources whose IDs of one type are not promoted.
type Exclusion struct {
	Type   string `yaml:"type" json:"type"`
	Event  string `yaml:"event,omitempty" json:"event,omitempty"`
	Source string `yaml:"source,omitempty" json:"source,omitempty"`
}

// Defaults replace the built-in limit and blocked values of types that are not
// listed under identifiers.
type Defaults struct {
	Limit           int      `yaml:"limit,omitempty" json:"limit,omitempty"`
	Window          string   `yaml:"window,omitempty" json:"window,omitempty"`
	Blocked         []string `yaml:"blocked,omitempty" json:"blocked,omitempty"`
	BlockedPatterns []string `yaml:"blocked_patterns,omitempty" json:"blocked_patterns,omitempty"`
}

// Identifier is one listed type.
type Identifier struct {
	Type            string   `yaml:"type" json:"type"`
	Key             string   `yaml:"key,omitempty" json:"key,omitempty"`       // a custom type's key in traits and properties
	Limit           int      `yaml:"limit,omitempty" json:"limit,omitempty"`   // values per profile; 0: the default
	Window          string   `yaml:"window,omitempty" json:"window,omitempty"` // ever, daily, weekly, monthly, annually; "": the default
	Blocked         []string `yaml:"blocked,omitempty" json:"blocked,omitempty"`
	BlockedPatterns []string `yaml:"blocked_patterns,omitempty" json:"blocked_patterns,omitempty"`
}

// Limit is how many values of a type a profile may have within a window.
type Limit struct {
	Values int
	Window time.Duration // 0: ever
}
