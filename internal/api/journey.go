package api

import (
	"encoding/json"
	"time"
)

// Journey is a profile's events as a picture of them needs them.
type Journey struct {
	ID          string     `json:"id"`
	Collection  string     `json:"collection"`
	Provisional bool       `json:"provisional"`
	Events      int64      `json:"events"`
	More        bool       `json:"more"` // there are events besides
	First       *time.Time `json:"first"`
	Last        *time.Time `json:"last"`
	Lanes       []Lane     `json:"lanes"`
	Items       []Item     `json:"items"`
	Seams       []Seam     `json:"seams"`
}

// Lane is what one app did on one device.
type Lane struct {
	App        string `json:"app"`
	Device     string `json:"device"`
	DeviceType string `json:"device_type"`
	Events     int64  `json:"events"`
}

// Item stands for one event, or for several that lie together in a lane.
type Item struct {
	Lane      int        `json:"lane"`
	From      *time.Time `json:"from"`
	To        *time.Time `json:"to"`
	Events    int64      `json:"events"`
	Type      string     `json:"type"`
	Name      string     `json:"name"`
	MessageID string     `json:"message_id"`
	Mixed     bool       `json:"mixed"`
}

// Seam is an event with which the identifiers of two lanes became one.
type Seam struct {
	Time      *time.Time `json:"time"`
	MessageID string     `json:"message_id"`
	Lane      int        `json:"lane"`
	Other     int        `json:"other"`
	ID        string     `json:"id"`
	A         string     `json:"a"`
	B         string     `json:"b"`
}

// RecentEvent is an event that was stored lately, and what it did.
type RecentEvent struct {
	ID         string          `json:"id"`
	StoredAt   *time.Time      `json:"stored_at"`
	Time       *time.Time      `json:"time"`
	ReceivedAt *time.Time      `json:"received_at"`
	Source     string          `json:"source"`
	Type       string          `json:"type"`
	Name       string          `json:"name"`
	MessageID  string          `json:"message_id"`
	Profile    string          `json:"profile,omitempty"`
	Damaged    bool            `json:"damaged,omitempty"`
	Changes    []RecentChange  `json:"changes"`
	Body       json.RawMessage `json:"body"`
}

// RecentChange is something that an event did.
type RecentChange struct {
	Kind   string `json:"kind"`
	ID     string `json:"id,omitempty"`
	From   string `json:"from,omitempty"`
	Reason string `json:"reason,omitempty"`
	Trait  string `json:"trait,omitempty"`
}
