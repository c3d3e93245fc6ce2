package api

import "time"

// OverrideRequest asks for an override.
type OverrideRequest struct {
	Kind       string   `json:"kind"`
	Collection string   `json:"collection,omitempty"` // users unless said
	IDs        []string `json:"ids,omitempty"`
	Strand     string   `json:"strand,omitempty"`
	Profile    string   `json:"profile,omitempty"`
	MessageID  string   `json:"message_id,omitempty"`
	Why        string   `json:"why,omitempty"`
}

type Override struct {
	ID         string     `json:"id"`
	Kind       string     `json:"kind"`
	Collection string     `json:"collection"`
	IDs        []string   `json:"ids"`
	Parts      []int      `json:"parts,omitempty"` // how many of the ids are one part
	Strand     string     `json:"strand,omitempty"`
	MessageID  string     `json:"message_id,omitempty"`
	At         *time.Time `json:"at"`
	By         string     `json:"by"`
	For        string     `json:"for,omitempty"`
	Why        string     `json:"why,omitempty"`
	// NotAtWork is why one of kind same does not hold.
	NotAtWork string `json:"not_at_work,omitempty"`
}

// Regrouping is what an override changes, or would change.
type Regrouping struct {
	Override    Override         `json:"override"`
	Revision    uint64           `json:"revision"`
	Applied     bool             `json:"applied"`
	Provisional bool             `json:"provisional"`
	Before      []ProfileSummary `json:"before"`
	After       []ProfileSummary `json:"after"`
	LeftOut     []LeftOut        `json:"left_out"`
	LeftOuts    int              `json:"left_out_count"`
	Unowned     []string         `json:"unowned"`
	Unseen      []string         `json:"unseen"` // named, and not seen yet
	Unresolved  int64            `json:"unresolved_events"`
	// Applying says that what is there is decided again in the background; GET
	// …/rules says when that is done. Unforeseen that before and after are not told.
	Applying   bool `json:"applying"`
	Unforeseen bool `json:"unforeseen"`
}

// ProfileSummary is a profile before or after a regrouping.
type ProfileSummary struct {
	ID          string       `json:"id"` // "" for one that will be new
	Identifiers []Identifier `json:"identifiers"`
	IDs         int          `json:"identifier_count"`
	Strands     int          `json:"strands"`
	Events      int64        `json:"events"`
	Traits      []Trait      `json:"traits"`
}

type LeftOut struct {
	Strand string   `json:"strand"`
	IDs    []string `json:"ids"`
	ID     string   `json:"left_out"`
	Reason string   `json:"reason"`
}
