package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/show"

	"github.com/selfsame-id/selfsame/internal/cli/client"

	"github.com/selfsame-id/selfsame/internal/cli/terminal"

	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/selfsame-id/selfsame/internal/api"
)

func (sh *shell) duplicates() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "duplicates",
		Short: "Show which profiles may be one person",
		Long: `A running server looks for profiles that may be one person although no event
links them:

  email           addresses that one mailbox receives, by the rules of its provider
  phone           one phone number, however it is written
  name_postcode   one name at one postcode

Nothing is joined by itself. Confirm a suggestion, and it becomes an override as
selfsame same makes it, or dismiss it: then it comes back only when another profile
is found that has the same, or when restore takes it back. What more than 20 profiles have is not suggested.`,
		Example: `  selfsame duplicates
  selfsame duplicates --kind phone --json
  selfsame duplicates confirm dup_02a1… --why "told us on the phone"
  selfsame duplicates dismiss dup_02a1… --why "mother and daughter"`,
		Args: cobra.NoArgs,
	}
	w := sh.where(cmd, true)
	asJSON := jsonFlag(cmd)
	kind := cmd.Flags().String("kind", "", "only those alike by `email`, phone or name_postcode")
	dismissed := cmd.Flags().Bool("dismissed", false, "those that were dismissed")
	most := cmd.Flags().Int("limit", 50, "how many to show, up to 1000")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *most < 1 || *most > 1000 {
			return usage("--limit is %d; choose 1 to 1000", *most)
		}
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			query := url.Values{}
			if *kind != "" {
				query.Set("kind", *kind)
			}
			if *dismissed {
				query.Set("state", "dismissed")
			}
			var all []api.Duplicate
			more := true
			for more && len(all) < *most {
				query.Set("limit", strconv.Itoa(*most-len(all)))
				page := api.Page[api.Duplicate]{}
				if err := c.Call(cmd.Context(), http.MethodGet, client.InSpace(space, "duplicates"), query, nil, &page); err != nil {
					return err
				}
				all = append(all, page.Data...)
				more = page.Cursor.HasMore
				query.Set("next", page.Cursor.Next)
			}
			if *asJSON {
				if all == nil {
					all = []api.Duplicate{}
				}
				return sh.json(all)
			}
			if len(all) == 0 {
				fmt.Fprintln(sh.out, sh.out.Paint(terminal.Green, "No duplicates are suspected."))
				return nil
			}
			for i := range all {
				show.Duplicate(sh.out, &all[i])
			}
			if more {
				fmt.Fprintln(sh.out, sh.out.Paint(terminal.Dim, "There are more; see --limit."))
			}
			return nil
		})
	}
	cmd.AddCommand(sh.duplicateConfirm(), sh.duplicateDismiss(), sh.duplicateRestore())
	return cmd
}

// duplicate reads one suggestion.
func (c *connection) duplicate(cmd *cobra.Command, space, id string) (d api.Duplicate, err error) {
	err = c.Call(cmd.Context(), http.MethodGet, client.InSpace(space, "duplicates", id), nil, nil, &d)
	return d, err
}

func (sh *shell) duplicateConfirm() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "confirm DUPLICATE",
		Short: "Say that the profiles are one person",
		Long: `Joins the profiles of a suggestion, as selfsame same does: it shows what would
change and asks first. Of several profiles, each is joined with the first, one after
the other. Take it back with selfsame undo revert.`,
		Example: `  selfsame duplicates confirm dup_02a1… --why "told us on the phone"`,
		Args:    exactly("DUPLICATE"),
	}
	f := sh.undoFlags(cmd)
	_ = cmd.Flags().MarkHidden("account") // only users are compared
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return f.inSpace(cmd.Context(), func(c *connection, space string) error {
			d, err := c.duplicate(cmd, space, args[0])
			if err != nil {
				return err
			}
			for _, pair := range d.Same {
				want := api.OverrideRequest{Kind: "same", IDs: pair, Why: f.why}
				if err := sh.regroup(cmd, f, c, space, http.MethodPost, client.InSpace(space, "overrides"), want); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return cmd
}

func (sh *shell) duplicateDismiss() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "dismiss DUPLICATE",
		Short:   "Say that the profiles are several people",
		Example: `  selfsame duplicates dismiss dup_02a1… --why "mother and daughter"`,
	}
	return decision(sh, cmd, func(space, id string) string { return client.InSpace(space, "duplicates", id, "dismiss") }, func(d *api.Duplicate) {
		fmt.Fprintf(sh.out, "Dismissed: these %d profiles are several people. Take it back with: selfsame duplicates restore %s\n", len(d.Profiles), d.ID)
	})
}

func (sh *shell) duplicateRestore() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restore DUPLICATE",
		Short: "Take back that one was dismissed: it is suggested again",
		Example: `  selfsame duplicates --dismissed
  selfsame duplicates restore dup_02a1… --why "one woman after all"`,
	}
	return decision(sh, cmd, func(space, id string) string { return client.InSpace(space, "duplicates", id, "restore") }, func(d *api.Duplicate) {
		fmt.Fprintf(sh.out, "These %d profiles are suggested again.\n", len(d.Profiles))
	})
}
