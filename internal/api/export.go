package api

import "time"

// Export is an export that runs, or has run, on this node.
type Export struct {
	ID      string    `json:"id"`
	Space   string    `json:"space"`
	Kind    string    `json:"kind"`
	Format  string    `json:"format"`
	State   string    `json:"state"` // running, done, failed
	By      string    `json:"by"`
	For     string    `json:"for,omitempty"`
	Started time.Time `json:"started_at"`
	// AsOf is the moment that it shows, and DefinitionsAsOf that of its computed traits
	// and audiences; null if nothing is computed.
	AsOf            time.Time  `json:"as_of"`
	DefinitionsAsOf *time.Time `json:"definitions_as_of"`
	Done            int64      `json:"done"`  // profiles or events that were looked at
	Total           int64      `json:"total"` // of about so many; 0: not known
	Rows            int64      `json:"rows"`
	Damaged         int64      `json:"damaged"` // events that cannot be read any more, which are left out
	Error           string     `json:"error,omitempty"`
}
