package identity

import "time"

// Rules are the identity resolution settings of a space, in the form in which
// people write them (YAML, JSON). Compile checks them and makes a Ruleset.
//
// A number that is 0 and a text that is "" are settings that were not made, and
// take their default.
type Rules struct {
	Order          string       `yaml:"order,omitempty" json:"order,omitempty"`                     // person_first (default) or arrival
	Alias          string       `yaml:"alias,omitempty" json:"alias,omitempty"`                     // ignore (default) or link
	MaxMerges      int          `yaml:"max_merges,omitempty" json:"max_merges,omitempty"`           // default 100; without effect unless order is arrival
	MaxIdentifiers int          `yaml:"max_identifiers,omitempty" json:"max_identifiers,omitempty"` // the mapping cap; default 1000
	Exclude        []Exclusion  `yaml:"exclude,omitempty" json:"exclude,omitempty"`
	Defaults       *Defaults    `yaml:"defaults,omitempty" json:"defaults,omitempty"`
	Identifiers    []Identifier `yaml:"identifiers,omitempty" json:"identifiers,omitempty"` // in order of priority
}

// Exclusion names events or sources whose IDs of one type are not promoted,
// wherever in the message they are. With both an event and a source it means
// that event from that source.
//
// Event is compared exactly. It is the event name of a track call; for page and
// screen calls "Page Viewed" and "Screen Viewed", as they are shown, or the name
// of the one page or screen; for identify, group and alias calls these words.
type Exclusion struct {
	Type   string `yaml:"type" json:"type"`
	Event  string `yaml:"event,omitempty" json:"event,omitempty"`
	Source string `yaml:"source,omitempty" json:"source,omitempty"`
}

// Defaults replace the built-in limit of types that are not listed, and the
// built-in blocked values of all types.
//
// A Limit or a Window replaces the built-in limits whole: one without the other
// means 5 values, or ever. They never speak of user_id and group_id. That a
// login is one person's is not a default among others: who writes a general
// limit of 5 means cookies and e-mail addresses, and must list user_id to let a
// profile have several.
//
// Blocked and BlockedPatterns each replace their own built-in list. A list that
// is there and empty blocks nothing.
type Defaults struct {
	Limit           int       `yaml:"limit,omitempty" json:"limit,omitempty"`
	Window          string    `yaml:"window,omitempty" json:"window,omitempty"`
	Blocked         Blocklist `yaml:"blocked,omitempty" json:"blocked,omitzero"`
	BlockedPatterns Blocklist `yaml:"blocked_patterns,omitempty" json:"blocked_patterns,omitzero"`
}

// Identifier is one listed type.
//
// Without a limit and a window it has those of its type (Defaults, or the
// built-in ones). A limit without a window counts in the window of Defaults, or
// ever; a window without a limit bounds the number that the type has anyway.
// What is blocked here is blocked besides what is blocked for every type.
type Identifier struct {
	Type            string    `yaml:"type" json:"type"`
	Key             string    `yaml:"key,omitempty" json:"key,omitempty"`       // a custom type's key in traits and properties
	Limit           int       `yaml:"limit,omitempty" json:"limit,omitempty"`   // values per profile, at least 1
	Window          string    `yaml:"window,omitempty" json:"window,omitempty"` // ever, daily, weekly, monthly or annually
	Blocked         Blocklist `yaml:"blocked,omitempty" json:"blocked,omitzero"`
	BlockedPatterns Blocklist `yaml:"blocked_patterns,omitempty" json:"blocked_patterns,omitzero"`
	// Priority is "default" for a type that keeps the place in the order of priority
	// that it has when it is not listed; "": its place in the list.
	Priority string `yaml:"priority,omitempty" json:"priority,omitempty"`
}

// Blocklist is a list of values, or of patterns, that identify nobody. Unlike
// other settings an empty one differs from one that is not there.
type Blocklist []string

// IsZero says to the encoders of YAML and JSON that the list is not there.
func (b Blocklist) IsZero() bool { return b == nil }

// Limit is how many values of a type a profile may have within a window.
type Limit struct {
	Values int
	Window time.Duration // 0: ever
}
