package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/client"

	"github.com/selfsame-id/selfsame/internal/cli/terminal"

	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/selfsame-id/selfsame/internal/api"
)

// person is one profile as the management API shows it, with its last events.
type person struct {
	api.Profile
	Computed *api.ComputedValues `json:"computed,omitempty"` // nil: nothing is defined
	Timeline []happened          `json:"last_events"`
}

// happened is one event of the Profile API.
type happened struct {
	Type       string          `json:"type"`
	Event      string          `json:"event,omitempty"`
	Timestamp  *time.Time      `json:"timestamp"`
	Source     string          `json:"source_id"`
	MessageID  string          `json:"message_id"`
	Properties json.RawMessage `json:"properties,omitempty"`
	Traits     json.RawMessage `json:"traits,omitempty"`
}

func (sh *shell) profile() *cobra.Command {
	var account bool
	var events int
	var asOf string
	cmd := &cobra.Command{
		Use:   "profile TYPE:VALUE",
		Short: "Show one person: identifiers, traits, last events",
		Long: `Shows one profile, found by any of its identifiers or by its own ID, also one
that was merged away. Times are in UTC.

With --as-of it is shown as its events up to and including that time make it,
under the current rules: who this was before two people turned out to be one, and
what was known of them.`,
		Example: `  selfsame profile email:janedoe@example.com
  selfsame profile anonymous_id:anon_123 --events 50
  selfsame profile anonymous_id:anon_123 --as-of 2019-11-15T14:05:00Z
  selfsame profile use_2ZxJ5cSHkH2p8vTbGyWQ1mXkTnA --json
  selfsame profile group_id:acme --account`,
		Args: exactly("TYPE:VALUE"),
	}
	w := sh.where(cmd, true)
	asJSON := jsonFlag(cmd)
	cmd.Flags().BoolVar(&account, "account", false, "look among accounts, not users")
	cmd.Flags().IntVar(&events, "events", 10, "how many of the last events to show, up to 200")
	cmd.Flags().StringVar(&asOf, "as-of", "", "as events up to this `TIME` make it: 2019-11-15T14:05:00Z, or a day for its beginning")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ref := args[0]
		if err := names(ref); err != nil {
			return err
		}
		then := url.Values{}
		if cmd.Flags().Changed("as-of") {
			if !isTime(asOf) {
				return usage("--as-of is %q; write a time like 2019-11-15T14:05:00Z, or a day for its beginning", asOf)
			}
			then.Set("as_of", asOf)
		}
		if events < 0 || events > 200 {
			return usage("--events is %d; choose 0 to 200", events)
		}
		collection := collectionOf(account, ref)
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			var p person
			err := c.Call(cmd.Context(), http.MethodGet, client.InSpace(space, "profiles", collection, ref), then, nil, &p)
			if len(then) == 0 && client.HasStatus(err, http.StatusNotFound) && !strings.HasPrefix(err.Error(), "space ") {
				return fmt.Errorf("nobody in space %s is known as %s; identifiers are compared exactly, apart from the case of emails", terminal.Clean(space), terminal.Clean(ref))
			}
			if err != nil {
				return err
			}
			var computed api.ComputedValues
			if err := c.Call(cmd.Context(), http.MethodGet, client.InSpace(space, "profiles", collection, ref, "computed"), then, nil, &computed); err != nil {
				return err
			}
			if computed.Revision > 0 {
				p.Computed = &computed
			}
			p.Timeline = []happened{}
			if events > 0 {
				page := struct{ Data *[]happened }{&p.Timeline}
				// By what was asked for: a profile's own ID may have been another's then.
				path := "/v1/spaces/" + url.PathEscape(space) + "/collections/" + collection + "/profiles/" + url.PathEscape(ref) + "/events"
				then.Set("limit", strconv.Itoa(events))
				err := c.Call(cmd.Context(), http.MethodGet, path, then, nil, &page)
				if err != nil {
					return err
				}
			}
			if *asJSON {
				return sh.json(p)
			}
			sh.portrait(&p)
			return nil
		})
	}
	return cmd
}

// names checks that an argument names a profile.
func names(ref string) error {
	if !strings.Contains(ref, ":") && !strings.HasPrefix(ref, "use_") && !strings.HasPrefix(ref, "acc_") {
		return usage("%q is not an identifier: write TYPE:VALUE, such as email:janedoe@example.com, or a profile's own ID (use_…)", ref)
	}
	return nil
}

// collectionOf is where a profile is looked for.
func collectionOf(account bool, ref string) string {
	if account || strings.HasPrefix(ref, "acc_") || strings.HasPrefix(ref, "group_id:") {
		return "accounts"
	}
	return "users"
}

// portrait prints a person so that one understands them at a glance.
func (sh *shell) portrait(p *person) {
	s := sh.out
	fmt.Fprintf(s, "%s  %s\n", s.Paint(terminal.Bold, terminal.Clean(profileTitle(p.Traits, p.Identifiers, p.Collection))), s.Paint(terminal.Dim, p.ID))
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
	sh.printComputed(p.Computed)
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
func (sh *shell) printComputed(c *api.ComputedValues) {
	if c == nil {
		return
	}
	s := sh.out
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

// profileTitle is what people would call a profile.
func profileTitle(list []api.Trait, ids []api.Identifier, collection string) string {
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
func (p *person) last() string {
	if len(p.Timeline) > 0 {
		return terminal.Moment(p.Timeline[0].Timestamp)
	}
	return terminal.Moment(p.UpdatedAt)
}

// title names an event.
func (e *happened) title() string {
	if e.Event != "" {
		return e.Event
	}
	if e.Type == "" {
		return "?"
	}
	return strings.ToUpper(e.Type[:1]) + e.Type[1:]
}

// detail shows what an event says, in short.
func (e *happened) detail() string {
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
