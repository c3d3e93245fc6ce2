package api

import "time"

// Warning is something that people should look at.
type Warning struct {
	ID        string     `json:"id"`
	Kind      string     `json:"kind"`
	State     string     `json:"state"`
	About     string     `json:"about"` // type:value, or a type; "" if it is about neither
	Profile   string     `json:"profile,omitempty"`
	First     *time.Time `json:"first"`
	Last      *time.Time `json:"last"`
	Count     int64      `json:"count"`
	Says      string     `json:"says"`
	Do        string     `json:"do"`
	Rules     string     `json:"rules,omitempty"` // YAML
	Dismissed *Dismissal `json:"dismissed,omitempty"`
}

// Dismissal says who dismissed a warning.
type Dismissal struct {
	At  *time.Time `json:"at"`
	By  string     `json:"by"`
	For string     `json:"for,omitempty"`
	Why string     `json:"why,omitempty"`
}
