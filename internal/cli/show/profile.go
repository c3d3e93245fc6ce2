package show

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/cli/terminal"
)

// Person is one profile as the management API shows it, with its last events.
type Person struct {
	api.Profile
	Computed *api.ComputedValues `json:"computed,omitempty"` // nil: nothing is defined
	Timeline []Event             `json:"last_events"`
}

// Event is one event of the Profile API.
type Event struct {
	Type       string          `json:"type"`
	Event      string          `json:"event,omitempty"`
	Timestamp  *time.Time      `json:"timestamp"`
	Source     string          `json:"source_id"`
	MessageID  string          `json:"message_id"`
	Properties json.RawMessage `json:"properties,omitempty"`
	Traits     json.RawMessage `json:"traits,omitempty"`
}

// Profile prints a person so that one understands them at a glance.
func Profile(s *terminal.Screen, p *Person) {
	fmt.Fprintf(s, "%s  %s\n", s.Paint(terminal.Bold, terminal.Clean(Title(p.Traits, p.Identifiers, p.Collection))), s.Paint(terminal.Dim, p.ID))
	fmt.Fprintf(s, "%s, %s, seen from %s to %s\n", terminal.Many(p.Events, "event"), terminal.Many(int64(len(p.Identifiers)), "identifier"),
		terminal.Moment(p.CreatedAt), p.last())
	if p.AsOf != nil {
		fmt.Fprintf(s, "As of %s, under the current rules\n", terminal.Moment(p.AsOf))
	}
	if p.Provisional {
		fmt.Fprintln(s, s.Paint(terminal.Yellow, "Provisional: a job is still working out who this is; ask again in a moment."))
	}
	if len(p.Merged) > 0 {
		fmt.Fprintf(s, "Merged into this profile: %s\n", strings.Join(p.Merged, ", "))
	}

	fmt.Fprintf(s, "\n%s\n", s.Paint(terminal.Bold, "Identifiers"))
	t := terminal.Table{Indent: "  ", Styles: []terminal.Style{terminal.Cyan, "", terminal.Dim, terminal.Dim}}
	for _, id := range p.Identifiers {
		t.Add(terminal.Clean(id.Type), terminal.Clean(id.Value), "first seen "+terminal.Moment(id.FirstSeen), terminal.Clean(id.Source))
	}
	t.Write(s)

	if len(p.Traits) > 0 {
		fmt.Fprintf(s, "\n%s\n", s.Paint(terminal.Bold, "Traits"))
		t := terminal.Table{Indent: "  ", Styles: []terminal.Style{terminal.Cyan, "", terminal.Dim, terminal.Dim}}
		for _, tr := range p.Traits {
			t.Add(terminal.Clean(tr.Name), terminal.Shorten(plain(tr.Value), 60), terminal.Moment(tr.Time), terminal.Clean(tr.Source))
		}
		t.Write(s)
	}
	printComputed(s, p.Computed)
	if len(p.Timeline) > 0 {
		title := "Events"
		if int64(len(p.Timeline)) < p.Events {
			title = fmt.Sprintf("Last %d of %s", len(p.Timeline), terminal.Many(p.Events, "event"))
		}
		fmt.Fprintf(s, "\n%s\n", s.Paint(terminal.Bold, title))
		t := terminal.Table{Indent: "  ", Styles: []terminal.Style{terminal.Dim, "", terminal.Dim, terminal.Dim}}
		for _, e := range p.Timeline {
			t.Add(terminal.Moment(e.Timestamp), terminal.Clean(e.title()), terminal.Clean(e.Source), terminal.Shorten(e.detail(), 50))
		}
		t.Write(s)
	}
}

// printComputed shows computed traits, and the audiences that a profile is in.
func printComputed(s *terminal.Screen, c *api.ComputedValues) {
	if c == nil {
		return
	}
	if len(c.Traits) > 0 {
		fmt.Fprintf(s, "\n%s\n", s.Paint(terminal.Bold, "Computed traits"))
		t := terminal.Table{Indent: "  ", Styles: []terminal.Style{terminal.Cyan, "", terminal.Dim}}
		for i := range c.Traits {
			value, _ := json.Marshal(c.Traits[i].Value)
			t.Add(terminal.Clean(c.Traits[i].Key), terminal.Shorten(plain(value), 60), terminal.Moment(&c.Traits[i].Since))
		}
		t.Write(s)
	}
	t := terminal.Table{Indent: "  ", Styles: []terminal.Style{terminal.Green, terminal.Dim}}
	for i := range c.Audiences {
		if m := &c.Audiences[i]; m.Member {
			t.Add(terminal.Clean(m.Key), "since "+terminal.Moment(m.Since))
		}
	}
	if len(t.Rows) > 0 {
		fmt.Fprintf(s, "\n%s\n", s.Paint(terminal.Bold, "Audiences"))
		t.Write(s)
	}
}

// Title is what people would call a profile.
func Title(list []api.Trait, ids []api.Identifier, collection string) string {
	traits := map[string]string{}
	for _, t := range list {
		traits[strings.ToLower(strings.ReplaceAll(t.Name, "_", ""))] = plain(t.Value)
	}
	if n := traits["name"]; n != "" {
		return n
	}
	if n := strings.TrimSpace(traits["firstname"] + " " + traits["lastname"]); n != "" {
		return n
	}
	for _, wanted := range []string{"email", "user_id", "group_id"} {
		for _, id := range ids {
			if id.Type == wanted {
				return id.Value
			}
		}
	}
	if collection == "accounts" {
		return "An account"
	}
	for _, id := range ids {
		if id.Type != "anonymous_id" {
			return id.Type + ":" + id.Value
		}
	}
	return "Somebody anonymous"
}

// last is the time of the last event.
func (p *Person) last() string {
	if len(p.Timeline) > 0 {
		return terminal.Moment(p.Timeline[0].Timestamp)
	}
	return terminal.Moment(p.UpdatedAt)
}

// title names an event.
func (e *Event) title() string {
	if e.Event != "" {
		return e.Event
	}
	if e.Type == "" {
		return "?"
	}
	return strings.ToUpper(e.Type[:1]) + e.Type[1:]
}

// detail shows what an event says, in short.
func (e *Event) detail() string {
	text := e.Properties
	if len(text) == 0 {
		text = e.Traits
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil || len(members) == 0 {
		return ""
	}
	// In the order in which they were sent.
	d := json.NewDecoder(strings.NewReader(string(text)))
	_, _ = d.Token()
	var parts []string
	for d.More() {
		key, err := d.Token()
		var value json.RawMessage
		if err != nil || d.Decode(&value) != nil {
			break
		}
		parts = append(parts, fmt.Sprintf("%v=%s", key, plain(value)))
	}
	return terminal.Clean(strings.Join(parts, " "))
}

// plain shows a JSON value as people write it: strings without quotes.
func plain(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) == nil {
		return terminal.Clean(s)
	}
	return terminal.Clean(string(value))
}
