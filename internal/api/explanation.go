package api

import "time"

// Explanation says whether two IDs are one person, and why.
type Explanation struct {
	Collection  string `json:"collection"`
	A           Asked  `json:"a"`
	B           Asked  `json:"b"`
	Together    bool   `json:"together"`
	Why         string `json:"why"` // one of the words that package manage lists
	Says        string `json:"says"`
	Provisional bool   `json:"provisional"`

	Steps           []Step     `json:"steps"`
	Unused          []Override `json:"overrides_not_at_work"` // that say that the two are one
	BlockedInCommon []string   `json:"blocked_in_common"`
	Graph           Graph      `json:"graph"`
}

// Asked is one of the two IDs of an explanation.
type Asked struct {
	ID      string `json:"id"` // type:value
	Profile string `json:"profile"`
	Blocked bool   `json:"blocked"` // it names nobody
	// Override is the one that isolates it, if the rules do not block it.
	Override string `json:"override,omitempty"`
}

// Step is two IDs of a chain that events have in common, or that people said to be
// one.
type Step struct {
	From         string    `json:"from"`
	To           string    `json:"to"`
	Decided      *Override `json:"decided,omitempty"`
	Strands      int       `json:"strands"`
	FirstStrands []string  `json:"first_strands"` // some of them, by their first events
	Events       int64     `json:"events"`
	AtLeast      bool      `json:"events_at_least"`
	First        SeenEvent `json:"first"`
	Last         SeenEvent `json:"last"`
	Sources      []string  `json:"sources"`
	MoreSources  bool      `json:"more_sources"`
	KeptOut      []KeptOut `json:"kept_out"`
}

// SeenEvent is an event as evidence.
type SeenEvent struct {
	Time      *time.Time `json:"time"`
	MessageID string     `json:"message_id"`
	Source    string     `json:"source"`
	Type      string     `json:"type"`
	Name      string     `json:"name"`
	App       string     `json:"app"`
	Damaged   bool       `json:"damaged,omitempty"` // the event cannot be read any more
}

// KeptOut is an ID that was left out, and why.
type KeptOut struct {
	ID           string     `json:"id"`
	Strand       string     `json:"strand"`
	Reason       string     `json:"reason"`
	Says         string     `json:"says"`
	Event        SeenEvent  `json:"event"`
	Limit        *Limit     `json:"limit,omitempty"`
	Had          []Member   `json:"had,omitempty"`
	HadCount     int        `json:"had_count,omitempty"`
	Brought      []Member   `json:"brought,omitempty"`
	BroughtCount int        `json:"brought_count,omitempty"`
	Override     *Override  `json:"override,omitempty"`
	OverrideIDs  []string   `json:"override_ids,omitempty"`
	Until        *time.Time `json:"until,omitempty"`
	AsOfNow      bool       `json:"as_of_now,omitempty"`
	Unclear      bool       `json:"unclear,omitempty"`
}

// Limit is the limit that was broken.
type Limit struct {
	Type   string `json:"type,omitempty"` // "" for the cap on all identifiers
	Values int    `json:"values"`
	Window string `json:"window,omitempty"`
}

// Member is an ID of a profile, and since when it is there; nil if people said so
// and no event has shown it yet.
type Member struct {
	ID    string     `json:"id"`
	Since *time.Time `json:"since"`
}
