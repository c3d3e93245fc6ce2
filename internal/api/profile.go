package api

import (
	"encoding/json"
	"time"
)

// Profile is a profile.
type Profile struct {
	ID          string       `json:"id"`
	Collection  string       `json:"collection"`
	Merged      []string     `json:"merged_ids"`
	Provisional bool         `json:"provisional"`
	Version     uint64       `json:"version"`
	AsOf        *time.Time   `json:"as_of,omitempty"`
	Strands     int          `json:"strands"`
	Events      int64        `json:"events"`
	Identifiers []Identifier `json:"identifiers"`
	Traits      []Trait      `json:"traits"`
	CreatedAt   *time.Time   `json:"created_at"`
	UpdatedAt   *time.Time   `json:"updated_at"`
	First       Origin       `json:"first"`
	Last        Origin       `json:"last"`
}

// Identifier is an ID of a profile, and the event that brought it.
type Identifier struct {
	Type      string     `json:"type"`
	Value     string     `json:"value"`
	FirstSeen *time.Time `json:"first_seen"`
	MessageID string     `json:"message_id"`
	Source    string     `json:"source"`
}

// Trait is a trait of a profile, and the event that set it.
type Trait struct {
	Name      string          `json:"name"`
	Value     json.RawMessage `json:"value"`
	Time      *time.Time      `json:"time"`
	MessageID string          `json:"message_id"`
	Source    string          `json:"source"`
}

// Origin says which event something came from.
type Origin struct {
	MessageID string `json:"message_id"`
	Source    string `json:"source"`
}
