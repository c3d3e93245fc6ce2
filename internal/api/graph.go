package api

import "time"

// Graph is what is needed to draw a picture: identifiers, and what was seen
// of two of them.
type Graph struct {
	Nodes []Node `json:"nodes"`
	Edges []Edge `json:"edges"`
}

// Node is an identifier in a graph.
type Node struct {
	ID    string `json:"id"` // type:value
	Type  string `json:"type"`
	Value string `json:"value"`
	Asked bool   `json:"asked,omitempty"` // the question was about it
}

// Edge is what ties two identifiers.
type Edge struct {
	From      string     `json:"from"`
	To        string     `json:"to"`
	Events    int64      `json:"events,omitempty"`
	First     *time.Time `json:"first"`
	MessageID string     `json:"message_id"` // of the first event
	KeptApart bool       `json:"kept_apart"`
	Label     string     `json:"label"`
}
