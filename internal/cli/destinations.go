package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/client"

	"github.com/selfsame-id/selfsame/internal/cli/terminal"

	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/safetext"
)

func (sh *shell) destinations() *cobra.Command {
	k := &definitionKind{section: "destinations", one: "destination"}
	cmd := &cobra.Command{
		Use:   "destinations",
		Short: "Show and declare destinations, what waits and what was not delivered",
		Long: `Destinations are told who enters and leaves audiences, what computed traits are now,
which profiles were merged, and which events came. Without a command they are listed,
with what waits and what was not delivered. They are part of the definitions, which
selfsame apply puts in force as a whole.`,
		Example: `  selfsame destinations
  selfsame destinations show crm
  selfsame destinations create crm -f crm.yaml
  selfsame destinations preview crm
  selfsame destinations deliveries crm
  selfsame destinations deliveries crm --dead
  selfsame destinations retry crm 17 18
  selfsame destinations test mail --to me@example.com
  selfsame destinations enable crm`,
		Args: cobra.NoArgs,
	}
	list := &cobra.Command{Use: "list", Short: "List them, with what waits", Args: cobra.NoArgs}
	for _, l := range []*cobra.Command{cmd, list} {
		w, asJSON := sh.where(l, true), jsonFlag(l)
		l.RunE = func(cmd *cobra.Command, _ []string) error {
			return w.inSpace(cmd.Context(), func(c *connection, space string) error {
				return sh.listDestinations(cmd.Context(), c, space, *asJSON)
			})
		}
	}
	cmd.AddCommand(list, sh.destinationShow(), sh.definitionCreate(k), sh.definitionDelete(k), sh.destinationPreview(), sh.destinationTest(),
		sh.destinationDeliveries(), sh.destinationRetry(), sh.destinationDiscard(), sh.destinationEnable())
	return cmd
}

func (sh *shell) listDestinations(ctx context.Context, c *connection, space string, asJSON bool) error {
	var page api.Page[api.Destination]
	if err := c.Call(ctx, http.MethodGet, client.InSpace(space, "destinations"), url.Values{"limit": {"1000"}}, nil, &page); err != nil {
		return err
	}
	if asJSON {
		return sh.json(page.Data)
	}
	if len(page.Data) == 0 {
		fmt.Fprintln(sh.out, "No destinations are declared; see selfsame destinations create --help, or selfsame apply.")
		return nil
	}
	t := terminal.Table{Header: []string{"KEY", "TYPE", "STATE", "QUEUED", "OLDEST", "DELIVERED", "DEAD LETTERS", "LAST TROUBLE"}, Styles: []terminal.Style{terminal.Cyan}}
	for i := range page.Data {
		d := &page.Data[i]
		t.Add(d.Key, d.Type, d.State, terminal.Count(d.Queued), waited(d.Oldest), terminal.Count(d.Delivered), terminal.Count(d.DeadLetters), terminal.Shorten(terminal.Clean(trouble(d)), 70))
	}
	t.Write(sh.out)
	return nil
}

// trouble is what is wrong with a destination, or was last.
func trouble(d *api.Destination) string {
	switch {
	case d.Stopped != "":
		return d.Stopped
	case d.LastFailed != nil && (d.LastDelivered == nil || d.LastDelivered.Before(*d.LastFailed)):
		return d.LastReason
	}
	return ""
}

// waited is how long ago something was.
func waited(t *time.Time) string {
	if t == nil {
		return ""
	}
	return time.Since(*t).Round(time.Second).String()
}

func momentIfAny(t *time.Time) string {
	if t == nil {
		return ""
	}
	return terminal.Moment(t)
}

func (sh *shell) destinationShow() *cobra.Command {
	cmd := &cobra.Command{Use: "show KEY", Short: "Show a destination with its definition", Args: exactly("KEY")}
	w := sh.where(cmd, true)
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			var d api.Destination
			if err := c.Call(cmd.Context(), http.MethodGet, client.InSpace(space, "destinations", args[0]), nil, nil, &d); err != nil {
				return err
			}
			return sh.printDestination(&d, *asJSON)
		})
	}
	return cmd
}

func (sh *shell) printDestination(d *api.Destination, asJSON bool) error {
	if asJSON {
		return sh.json(d)
	}
	t := terminal.Table{Styles: []terminal.Style{terminal.Dim}}
	t.Add("key", terminal.Clean(d.Key))
	t.Add("type", terminal.Clean(d.Type))
	if d.Name != "" {
		t.Add("name", terminal.Clean(d.Name))
	}
	t.Add("state", d.State)
	if d.Stopped != "" {
		t.Add("stopped", terminal.Clean(d.Stopped)+", "+momentIfAny(d.StoppedAt))
	}
	t.Add("set", momentIfAny(d.SetAt)+" by "+terminal.Clean(d.SetBy))
	queued := terminal.Count(d.Queued)
	if d.Oldest != nil {
		queued += ", the oldest for " + waited(d.Oldest)
	}
	t.Add("queued", queued)
	t.Add("delivered", terminal.Count(d.Delivered))
	t.Add("replaced by something newer", terminal.Count(d.Replaced))
	t.Add("refused", terminal.Count(d.Refused))
	t.Add("dropped", terminal.Count(d.Dropped))
	t.Add("unknown", terminal.Count(d.Unknown))
	t.Add("failed tries", terminal.Count(d.Failures))
	if d.LastFailed != nil {
		t.Add("last failure", momentIfAny(d.LastFailed)+": "+terminal.Clean(d.LastReason))
	}
	t.Add("dead letters", terminal.Count(d.DeadLetters))
	t.Write(sh.out)
	fmt.Fprintf(sh.out, "\n%s", safetext.Lines(d.Definition))
	return nil
}

func (sh *shell) destinationDeliveries() *cobra.Command {
	cmd := &cobra.Command{Use: "deliveries KEY", Short: "List messages that wait, or dead letters", Args: exactly("KEY")}
	w := sh.where(cmd, true)
	asJSON := jsonFlag(cmd)
	dead := cmd.Flags().Bool("dead", false, "list what was not delivered, or may not have been")
	limit := cmd.Flags().Int("limit", 50, "how many to show, up to 1000")
	next := cmd.Flags().String("next", "", "go on after the `NUMBER` that a list ended with")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *limit < 1 || *limit > 1000 {
			return usage("--limit is %d; choose 1 to 1000", *limit)
		}
		what := "queue"
		if *dead {
			what = "dead-letters"
		}
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			var page api.Page[api.Delivery]
			query := url.Values{"limit": {strconv.Itoa(*limit)}, "next": {*next}}
			if err := c.Call(cmd.Context(), http.MethodGet, client.InSpace(space, "destinations", args[0], what), query, nil, &page); err != nil {
				return err
			}
			if *asJSON {
				return sh.json(page.Data)
			}
			if len(page.Data) == 0 {
				fmt.Fprintln(sh.out, map[bool]string{false: "Nothing waits.", true: "No dead letters."}[*dead])
				return nil
			}
			t := terminal.Table{Header: []string{"NUMBER", "STATE", "WHAT", "WHO", "KEY", "TRIES", "NEXT TRY", "WHY"}, Styles: []terminal.Style{terminal.Bold}}
			for i := range page.Data {
				d := &page.Data[i]
				who := d.Message.Identifier
				if who == "" {
					who = d.Message.Profile
				}
				t.Add(strconv.FormatUint(d.Number, 10), d.State, d.Message.Type, terminal.Clean(who), terminal.Clean(d.Message.Key), terminal.Count(int64(d.Tries)), momentIfAny(d.Next), terminal.Shorten(terminal.Clean(d.Reason), 70))
			}
			t.Write(sh.out)
			if page.Cursor.HasMore {
				fmt.Fprintln(sh.out, sh.out.Paint(terminal.Dim, "There are more: --next "+page.Cursor.Next))
			}
			return nil
		})
	}
	return cmd
}

// letterNumbers reads the numbers of dead letters.
func letterNumbers(args []string) ([]uint64, error) {
	out := make([]uint64, len(args))
	for i, a := range args {
		n, err := strconv.ParseUint(a, 10, 64)
		if err != nil {
			return nil, usage("%q is not the number of a dead letter; see selfsame destinations deliveries KEY --dead", a)
		}
		out[i] = n
	}
	return out, nil
}

func (sh *shell) destinationRetry() *cobra.Command {
	return sh.onLetters("retry KEY NUMBER...", "Send dead letters again, with the IDs that they had", "retry", "Sent again: %s.\n")
}

func (sh *shell) destinationDiscard() *cobra.Command {
	return sh.onLetters("discard KEY NUMBER...", "Remove dead letters for good", "discard", "Removed: %s.\n")
}

func (sh *shell) onLetters(use, short, action, done string) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.MinimumNArgs(2)}
	w := sh.where(cmd, true)
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		numbers, err := letterNumbers(args[1:])
		if err != nil {
			return err
		}
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			if err := c.Call(cmd.Context(), http.MethodPost, client.InSpace(space, "destinations", args[0], "dead-letters", action), nil, api.DeadLetterRequest{Numbers: numbers}, nil); err != nil {
				return err
			}
			if *asJSON {
				return sh.json(map[string]any{"numbers": numbers})
			}
			fmt.Fprintf(sh.out, done, terminal.Count(int64(len(numbers))))
			return nil
		})
	}
	return cmd
}

func (sh *shell) destinationPreview() *cobra.Command {
	cmd := &cobra.Command{
		Use: "preview KEY", Aliases: []string{"dry-run"}, Args: exactly("KEY"),
		Short: "Show whom a destination would tell what; nothing is sent",
		Long:  "Shows whom a destination would tell what of those of whom something is true now, as if\nnothing had been said before. Nothing is sent and nothing changes.",
	}
	w := sh.where(cmd, true)
	asJSON := jsonFlag(cmd)
	limit := cmd.Flags().Int("limit", 50, "how many to show, up to 1000")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *limit < 1 || *limit > 1000 {
			return usage("--limit is %d; choose 1 to 1000", *limit)
		}
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			var page api.Page[api.DeliveryPreview]
			if err := c.Call(cmd.Context(), http.MethodGet, client.InSpace(space, "destinations", args[0], "dry-run"), url.Values{"limit": {strconv.Itoa(*limit)}}, nil, &page); err != nil {
				return err
			}
			if *asJSON {
				return sh.json(page.Data)
			}
			if len(page.Data) == 0 {
				fmt.Fprintln(sh.out, "Nobody would be told anything now.")
				return nil
			}
			t := terminal.Table{Header: []string{"WHO", "WHAT", "KEY", "TO", "SUBJECT", "WITHHELD"}, Styles: []terminal.Style{terminal.Bold}}
			for i := range page.Data {
				p := &page.Data[i]
				t.Add(terminal.Clean(p.Message.Identifier), p.Message.Type, terminal.Clean(p.Message.Key), terminal.Shorten(terminal.Clean(p.To), 40), terminal.Shorten(terminal.Clean(p.Subject), 40), terminal.Shorten(terminal.Clean(p.Withheld), 60))
			}
			t.Write(sh.out)
			return nil
		})
	}
	return cmd
}

func (sh *shell) destinationTest() *cobra.Command {
	cmd := &cobra.Command{Use: "test KEY", Short: "Send one test message at once, and say what became of it", Args: exactly("KEY")}
	w := sh.where(cmd, true)
	asJSON := jsonFlag(cmd)
	to := cmd.Flags().String("to", "", "`ADDRESS` that a test mail goes to")
	profile := cmd.Flags().String("profile", "", "`ID` of the profile whose traits it shows (use_…)")
	mail := cmd.Flags().String("mail", "", "which `MAIL`, of a destination that has several")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			var done api.DestinationTested
			if err := c.Call(cmd.Context(), http.MethodPost, client.InSpace(space, "destinations", args[0], "test"), nil, api.DestinationTest{To: *to, Profile: *profile, Mail: *mail}, &done); err != nil {
				return err
			}
			if *asJSON {
				return sh.json(done)
			}
			if !done.Delivered {
				return fmt.Errorf("the test was not delivered: %s", terminal.Clean(done.Reason))
			}
			fmt.Fprintln(sh.out, "The test was delivered.")
			return nil
		})
	}
	return cmd
}

func (sh *shell) destinationEnable() *cobra.Command {
	cmd := &cobra.Command{Use: "enable KEY", Short: "Let a destination that was stopped go on", Args: exactly("KEY")}
	w := sh.where(cmd, true)
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			var d api.Destination
			if err := c.Call(cmd.Context(), http.MethodPost, client.InSpace(space, "destinations", args[0], "enable"), nil, nil, &d); err != nil {
				return err
			}
			if *asJSON {
				return sh.json(d)
			}
			fmt.Fprintf(sh.out, "%s goes on; %s messages wait.\n", terminal.Clean(d.Key), terminal.Count(d.Queued))
			return nil
		})
	}
	return cmd
}
