package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/show"

	"github.com/selfsame-id/selfsame/internal/cli/client"

	"github.com/selfsame-id/selfsame/internal/cli/terminal"

	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/selfsame-id/selfsame/internal/api"
)

func (sh *shell) warnings() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "warnings",
		Short: "Show what looks wrong, and what to do about it",
		Long: `A running server watches what happens to identities and warns of

  many_people     an identifier value that suddenly comes with many people
  merge_rate      an hour in which far more profiles merged than usual
  looks_blocked   a value accepted as an identifier that looks like a placeholder
  new_type        a type of identifiers that the rules do not list
  events_lost         files of the store were damaged, and events that had been taken are missing
  unknown_write_keys  events that were refused because their write key belongs to no source

Each warning says what to do, often with the rule that does it; selfsame simulate
shows beforehand what a rule would change. A warning closes by itself when the
rules speak of its value, or when it is dismissed: then for good.`,
		Example: `  selfsame warnings
  selfsame warnings --state all --json
  selfsame warnings dismiss 4f0c2d9a1b7e6655 --why "our front desk"`,
		Args: cobra.NoArgs,
	}
	w := sh.where(cmd, true)
	asJSON := jsonFlag(cmd)
	state := cmd.Flags().String("state", "open", "`open`, dismissed, resolved or all")
	limit := cmd.Flags().Int("limit", 50, "how many to show, up to 1000")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *limit < 1 || *limit > 1000 {
			return usage("--limit is %d; choose 1 to 1000", *limit)
		}
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			page := api.Page[api.Warning]{}
			query := url.Values{"state": {*state}, "limit": {strconv.Itoa(*limit)}}
			if err := c.Call(cmd.Context(), http.MethodGet, client.InSpace(space, "warnings"), query, nil, &page); err != nil {
				return err
			}
			if *asJSON {
				return sh.json(page.Data)
			}
			if len(page.Data) == 0 {
				fmt.Fprintln(sh.out, sh.out.Paint(terminal.Green, "No warnings."))
				return nil
			}
			for i := range page.Data {
				show.Warning(sh.out, &page.Data[i])
			}
			if page.Cursor.HasMore {
				fmt.Fprintln(sh.out, sh.out.Paint(terminal.Dim, "There are older ones; see --limit."))
			}
			return nil
		})
	}
	cmd.AddCommand(sh.warningDismiss())
	return cmd
}

func (sh *shell) warningDismiss() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "dismiss WARNING",
		Short:   "Close a warning for good",
		Example: `  selfsame warnings dismiss 4f0c2d9a1b7e6655 --why "our front desk"`,
	}
	return decision(sh, cmd, func(space, id string) string { return client.InSpace(space, "warnings", id, "dismiss") }, func(w *api.Warning) {
		fmt.Fprintf(sh.out, "Warning %s is dismissed: %s\n", w.ID, terminal.Clean(w.Says))
	})
}

// decision makes a command of one that people decide something with, about the one thing
// that its argument names: it posts to a path, with the reason, and tells what came of it.
func decision[T any](sh *shell, cmd *cobra.Command, path func(space, id string) string, tell func(*T)) *cobra.Command {
	_, what, _ := strings.Cut(cmd.Use, " ")
	cmd.Args = exactly(what)
	w := sh.where(cmd, true)
	asJSON := jsonFlag(cmd)
	why := cmd.Flags().String("why", "", "the reason, for the audit trail")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			query := url.Values{}
			if *why != "" {
				query.Set("why", *why)
			}
			var done T
			if err := c.Call(cmd.Context(), http.MethodPost, path(space, args[0]), query, nil, &done); err != nil {
				return err
			}
			if *asJSON {
				return sh.json(done)
			}
			tell(&done)
			return nil
		})
	}
	return cmd
}
