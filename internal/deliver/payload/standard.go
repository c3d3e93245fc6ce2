package payload

import (
	"encoding/json"
	"time"

	"github.com/selfsame-id/selfsame/internal/deliver"
)

// types are the names of messages in payloads. They are part of the public API.
var types = map[deliver.What]string{
	deliver.Entered:      "audience.entered",
	deliver.Exited:       "audience.exited",
	deliver.TraitSet:     "trait.set",
	deliver.TraitRemoved: "trait.removed",
	deliver.Merged:       "profile.merged",
	deliver.Unmerged:     "profile.unmerged",
	deliver.Event:        "event",
}

// Type is the name of what a message tells, such as "audience.entered".
func Type(w deliver.What) string { return types[w] }

// envelope is the payload that Standard Webhooks recommends.
type envelope struct {
	Type      string `json:"type"`
	Timestamp string `json:"timestamp"` // since when it is so
	Data      data   `json:"data"`
}

type data struct {
	Space      string              `json:"space"`
	Profile    string              `json:"segment_id,omitempty"`
	From       string              `json:"from_segment_id,omitempty"`
	Identifier *deliver.Identifier `json:"identifier,omitempty"`
	Audience   string              `json:"audience,omitempty"`
	Trait      string              `json:"trait,omitempty"`
	Value      json.RawMessage     `json:"value,omitempty"`
	Previous   json.RawMessage     `json:"previous,omitempty"`
	Event      json.RawMessage     `json:"event,omitempty"`
}

// Standard is a message in the form that Standard Webhooks recommends.
func Standard(space string, m *deliver.Message) ([]byte, error) {
	e := envelope{Type: Type(m.What), Timestamp: Time(m.At), Data: data{Space: space, Profile: m.Profile, From: m.From, Event: m.Event}}
	if m.IsValue() {
		e.Data.Identifier = &m.Identifier
		e.Data.Value, e.Data.Previous = m.Value, m.Before
		if m.Value == nil {
			e.Data.Value = json.RawMessage("null")
		}
	}
	switch m.Class {
	case deliver.Audience:
		e.Data.Audience = m.Key
		e.Data.Value, e.Data.Previous = nil, nil
	case deliver.Trait:
		e.Data.Trait = m.Key
	}
	return json.Marshal(&e)
}

// Time is a time in the form of payloads; that of no time is the beginning of 1970.
func Time(ns int64) string {
	return time.Unix(0, ns).UTC().Format("2006-01-02T15:04:05.000Z07:00")
}
