package api

import (
	"encoding/json"
	"time"
)

// TraitHistory is what calls said of a profile's traits, the newest first.
type TraitHistory struct {
	Page[TraitSetting]
	ID          string `json:"id"`
	Provisional bool   `json:"provisional,omitempty"`
}

// TraitSetting is what a trait was set to, with the first call that did so.
type TraitSetting struct {
	Name      string          `json:"name"`
	Value     json.RawMessage `json:"value"` // null: it was removed
	Time      *time.Time      `json:"time"`
	MessageID string          `json:"message_id,omitempty"`
	Source    string          `json:"source,omitempty"`
}

// ComputedHistory is how what the definitions make of a profile changed with its events.
type ComputedHistory struct {
	ID       string           `json:"id"`
	Revision uint64           `json:"revision"`
	AsOf     time.Time        `json:"as_of"`
	Sampled  bool             `json:"sampled"` // not every change is listed
	Series   []ComputedSeries `json:"series"`
}

// ComputedSeries is how one value changed, the oldest change first.
type ComputedSeries struct {
	Key     string           `json:"key"`
	Kind    string           `json:"kind"` // trait, audience
	Changes []ComputedChange `json:"changes"`
}

// ComputedChange is what a value became: null where a trait has none from then on; of an
// audience true or false.
type ComputedChange struct {
	Time  time.Time       `json:"time"`
	Value json.RawMessage `json:"value"`
}

// PersonDeliveries is what destinations were told of a profile.
type PersonDeliveries struct {
	ID         string           `json:"id"`
	Deliveries []PersonDelivery `json:"deliveries"`
}

// PersonDelivery is one thing that a destination was told of a profile, is going to be
// told, or was not told.
type PersonDelivery struct {
	Destination string `json:"destination"`
	Type        string `json:"type"` // of the destination
	// State is told (the last that was said of a key), sent (a mail), queued, refused,
	// dropped, unknown.
	State      string          `json:"state"`
	Key        string          `json:"key,omitempty"`
	Mail       string          `json:"mail,omitempty"`
	Message    string          `json:"message,omitempty"` // audience_entered, trait_set, …; of what waits or was not delivered
	MessageID  string          `json:"message_id,omitempty"`
	Number     uint64          `json:"number,omitempty"`     // of a dead letter, by which it is sent again
	Identifier string          `json:"identifier,omitempty"` // type:value
	Value      json.RawMessage `json:"value,omitempty"`
	Since      *time.Time      `json:"since,omitempty"` // since when it is so
	At         *time.Time      `json:"at,omitempty"`    // when a mail was sent, or something was given up
	Next       *time.Time      `json:"next,omitempty"`  // the next try
	Tries      int             `json:"tries,omitempty"`
	Reason     string          `json:"reason,omitempty"`
}
