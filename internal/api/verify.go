package api

import "github.com/selfsame-id/selfsame/internal/space/query"

// ProgressLine is a line of a long answer. The last line has the report or the
// error.
type ProgressLine struct {
	Progress *Progress `json:"progress,omitempty"`
	Report   any       `json:"report,omitempty"`
	Error    any       `json:"error,omitempty"`
}

// Progress is how far something is.
type Progress struct {
	Stage string `json:"stage"`
	Done  int64  `json:"done"`
	Total int64  `json:"total"` // 0: not known
}

// VerifyReport is what verify found.
type VerifyReport struct {
	Events      int64              `json:"events"`
	Strands     int64              `json:"strands"`
	Profiles    int64              `json:"profiles"`
	Traits      int64              `json:"traits"`
	Pending     int64              `json:"pending"`
	Damaged     int64              `json:"damaged"`
	Differences []query.Difference `json:"differences"`
	Truncated   bool               `json:"truncated"`
	Lost        []Loss             `json:"lost"` // what starts found missing
}
