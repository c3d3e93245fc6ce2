package api

import (
	"encoding/json"
	"time"
)

// FoundPage is a page of what was found.
type FoundPage struct {
	Data   []Found     `json:"data"`
	Cursor Cursor      `json:"cursor"`
	Index  SearchIndex `json:"index"`
}

// Found is a profile that was found, as it is now.
type Found struct {
	ID          string       `json:"id"`
	Collection  string       `json:"collection"`
	Provisional bool         `json:"provisional"`
	Matches     []FoundMatch `json:"matches"` // one for each word of the query
	// Identifiers are the first ones of the profile, the oldest first; More is how many
	// there are besides.
	Identifiers []FoundIdentifier          `json:"identifiers"`
	More        int                        `json:"more_identifiers"`
	Traits      map[string]json.RawMessage `json:"traits"`
}

// FoundMatch is the value that fits a word of the query: of an identifier, of a trait, or,
// with neither, of a name. It is in the form in which values are compared.
type FoundMatch struct {
	Identifier string `json:"identifier,omitempty"`
	Trait      string `json:"trait,omitempty"`
	Value      string `json:"value"`
}

// FoundIdentifier is an identifier of a profile.
type FoundIdentifier struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// SearchIndex says how far the search index is.
type SearchIndex struct {
	AsOf     *time.Time `json:"as_of"`    // all that was committed until then is found; null: nothing yet
	Complete bool       `json:"complete"` // what was stored before the index was made is in it
	Progress float64    `json:"progress"` // until it is complete, from 0 to 1
}
