package api

import "time"

// Insight is a change of identity.
type Insight struct {
	Kind      string     `json:"kind"`
	At        *time.Time `json:"at"`             // when Selfsame found it
	Time      *time.Time `json:"time"`           // of the event, null: no event did it
	Profile   string     `json:"profile"`        // "" with an event that is of none
	From      string     `json:"from,omitempty"` // the profile that was merged, or from which something came
	ID        string     `json:"id,omitempty"`   // type:value
	IDs       []string   `json:"ids,omitempty"`  // of an unresolved event, when it has several
	Reason    string     `json:"reason,omitempty"`
	MessageID string     `json:"message_id,omitempty"`
	Source    string     `json:"source,omitempty"`
}

// InsightCounts is what happened in an hour or a day.
type InsightCounts struct {
	At              *time.Time       `json:"at"` // when the hour or day begins
	Events          int64            `json:"events"`
	Unresolved      int64            `json:"unresolved"`
	Created         int64            `json:"created"`
	Merged          int64            `json:"merged"`
	Unmerged        int64            `json:"unmerged"`
	Demoted         int64            `json:"demoted"`
	DemotedByReason map[string]int64 `json:"demoted_by_reason"`
	Rejected        int64            `json:"rejected"`
}
