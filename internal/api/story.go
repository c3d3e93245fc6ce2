package api

// Story is a page of how a profile came to be.
type Story struct {
	ID          string    `json:"id"`
	Collection  string    `json:"collection"`
	Provisional bool      `json:"provisional"`
	Strands     int       `json:"strands"`
	Total       int       `json:"total"` // steps of the whole story
	Data        []Chapter `json:"data"`
	Graph       Graph     `json:"graph"` // of this page
	Cursor      Cursor    `json:"cursor"`
}

// Chapter is one step of it.
type Chapter struct {
	Kind    string    `json:"kind"` // created, identifier_added, merged, kept_out
	Event   SeenEvent `json:"event"`
	Decided *Override `json:"decided,omitempty"` // what merged, if no event did: then of event only the time is known
	Strand  string    `json:"strand"`            // of the event
	IDs     []string  `json:"ids"`               // that came with the event, or were left out
	Through []string  `json:"through"`           // of the event, known already
	Parts   []Part    `json:"parts,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Limit   *Limit    `json:"limit,omitempty"`
	Strands int       `json:"strands,omitempty"` // of the profile, with which it was left out
}

// Part is what was merged.
type Part struct {
	Profile string   `json:"profile"` // "" for one that never had an ID of its own
	IDs     []string `json:"ids"`     // some of them
	Count   int      `json:"identifier_count"`
}
