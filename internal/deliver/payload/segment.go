package payload

import (
	"encoding/json"

	"github.com/selfsame-id/selfsame/internal/deliver"
)

// As says in which calls values are told.
type As string

// The calls.
const (
	Track    As = "track"    // Audience Entered, Audience Exited, Trait Computed
	Identify As = "identify" // the key as a trait: true or false, or the value
)

// call is a message of the Tracking API.
type call struct {
	Type        string         `json:"type"`
	Event       string         `json:"event,omitempty"`
	MessageID   string         `json:"messageId"`
	UserID      string         `json:"userId,omitempty"`
	AnonymousID string         `json:"anonymousId,omitempty"`
	Timestamp   string         `json:"timestamp"`
	Properties  map[string]any `json:"properties,omitempty"`
	Traits      map[string]any `json:"traits,omitempty"`
	Context     map[string]any `json:"context"`
}

// Segment is a message as a call of the Tracking API, as Segment's own destinations
// get it. Events go as they were sent, with their profile in context.personas.
func Segment(space string, m *deliver.Message, as As) ([]byte, error) {
	if m.What == deliver.Event {
		return event(space, m)
	}
	personas := map[string]any{"space_id": space, "namespace": space, "segment_id": m.Profile}
	c := call{Type: "track", MessageID: m.ID, Timestamp: Time(m.At), Context: map[string]any{"personas": personas}}
	if !m.IsValue() {
		c.Event = "Profiles Merged"
		if m.What == deliver.Unmerged {
			c.Event = "Profiles Unmerged"
		}
		c.Properties = map[string]any{"segment_id": m.Profile, "from_segment_id": m.From}
		return json.Marshal(&c)
	}
	personas["computation_key"], personas["computation_id"], personas["computation_class"] = m.Key, m.Key, string(m.Class)
	var value any = m.Value
	if m.Value == nil {
		value = nil
	}
	key := "trait_key"
	if m.Class == deliver.Audience {
		value, key = m.Value != nil, "audience_key"
	}
	switch id := m.Identifier; id.Type {
	case "user_id":
		c.UserID = id.Value
	case "anonymous_id":
		c.AnonymousID = id.Value
	default:
		collection := "users"
		if id.Type == "group_id" {
			collection = "accounts"
		}
		c.Context["externalIds"] = []map[string]string{{"id": id.Value, "type": id.Type, "collection": collection, "encoding": "none"}}
		if id.Type == "email" {
			c.Context["traits"] = map[string]any{"email": id.Value}
		}
	}
	if as == Identify {
		c.Type, c.Traits = "identify", map[string]any{m.Key: value}
		return json.Marshal(&c)
	}
	c.Properties = map[string]any{key: m.Key, m.Key: value}
	switch m.What {
	case deliver.Entered:
		c.Event = "Audience Entered"
	case deliver.Exited:
		c.Event = "Audience Exited"
	default:
		c.Event = "Trait Computed"
	}
	return json.Marshal(&c)
}

// event is an event as it was sent, with whose it is.
func event(space string, m *deliver.Message) ([]byte, error) {
	body := map[string]json.RawMessage{}
	if err := json.Unmarshal(m.Event, &body); err != nil {
		return nil, err
	}
	context := map[string]json.RawMessage{}
	_ = json.Unmarshal(body["context"], &context) // what is no object gives way
	if context == nil {
		context = map[string]json.RawMessage{}
	}
	var err error
	if context["personas"], err = json.Marshal(map[string]string{"segment_id": m.Profile, "space_id": space}); err != nil {
		return nil, err
	}
	if body["context"], err = json.Marshal(context); err != nil {
		return nil, err
	}
	return json.Marshal(body)
}
