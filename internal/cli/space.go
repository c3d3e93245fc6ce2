package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/client"

	"github.com/selfsame-id/selfsame/internal/cli/terminal"

	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/catalog"
)

func (sh *shell) space() *cobra.Command {
	return group(&cobra.Command{
		Use:   "space",
		Short: "List, make and delete spaces",
		Long: `A space is an isolated identity graph: dev and prod, or one for each app where
apps must not mix.`,
		Example: `  selfsame space list
  selfsame space create prod --name Production
  selfsame space delete trial`,
	}, sh.spaceList(), sh.spaceCreate(), sh.spaceDelete())
}

func (sh *shell) spaceList() *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List the spaces", Args: cobra.NoArgs}
	w := sh.where(cmd, false)
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return w.with(cmd.Context(), func(c *connection) error {
			spaces, err := client.List[api.Space](cmd.Context(), c.Client, "/api/spaces")
			if err != nil {
				return err
			}
			if *asJSON {
				return sh.json(spaces)
			}
			t := terminal.Table{Header: []string{"ID", "NAME", "PROFILES", "STRANDS", "CREATED", "RULES"}}
			for _, s := range spaces {
				if s.DeletedAt != nil {
					t.Add(terminal.Clean(s.ID), terminal.Clean(s.Name), "", "", terminal.Moment(&s.CreatedAt), deletedSpace(&s))
					continue
				}
				var st struct{ Profiles, Strands int64 }
				if err := c.Call(cmd.Context(), http.MethodGet, client.InSpace(s.ID, "stats"), nil, nil, &st); err != nil {
					return err
				}
				rules := "set with selfsame rules"
				if s.RulesDeclared {
					rules = "in the configuration file"
				}
				t.Add(terminal.Clean(s.ID), terminal.Clean(s.Name), terminal.Count(st.Profiles), terminal.Count(st.Strands), terminal.Moment(&s.CreatedAt), rules)
			}
			t.Write(sh.out)
			return nil
		})
	}
	return cmd
}

// deletedSpace says how far the data of a deleted space is erased.
func deletedSpace(s *api.Space) string {
	if s.Erased == nil {
		return "deleted"
	}
	return fmt.Sprintf("deleted; %s erased so far", terminal.Many(*s.Erased, "row"))
}

func (sh *shell) spaceCreate() *cobra.Command {
	var name string
	cmd := &cobra.Command{Use: "create ID", Short: "Make a space", Args: exactly("ID")}
	w := sh.where(cmd, false)
	w.making = true
	cmd.Flags().StringVar(&name, "name", "", "a `NAME` for people")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return w.with(cmd.Context(), func(c *connection) error {
			var s catalog.Space
			err := c.Call(cmd.Context(), http.MethodPost, "/api/spaces", nil, map[string]string{"id": args[0], "name": name}, &s)
			if err != nil {
				return err
			}
			if *asJSON {
				return sh.json(s)
			}
			fmt.Fprintf(sh.out, "Space %s is ready. Next: selfsame source create ID --space %s\n", sh.out.Paint(terminal.Bold, s.ID), s.ID)
			return nil
		})
	}
	return cmd
}

func (sh *shell) spaceDelete() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "delete ID",
		Short: "Delete a space with all its profiles and events, for good",
		Long: `Deletes a space: its profiles, events, rules and tokens, and the sources that feed
no other space. Shows first what would be lost, and asks.

From then on there is no such space. Its data is erased in the background while a
server runs; selfsame space list shows how far that is, and the ID is free again when
it is done. Write keys of the deleted sources are refused: source unknown-keys shows
who still sends with one. The audit trail keeps who deleted what.`,
		Example: `  selfsame space delete trial
  selfsame space delete trial --preview     only show what would be lost
  selfsame space delete trial --yes         do not ask`,
		Args: exactly("ID"),
	}
	w := sh.where(cmd, false)
	yes := cmd.Flags().Bool("yes", false, "do not ask")
	preview := cmd.Flags().Bool("preview", false, "only show what would be lost")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return w.with(cmd.Context(), func(c *connection) error {
			id := args[0]
			var lost api.SpaceDeletion
			if *preview || !*yes {
				if err := c.Call(cmd.Context(), http.MethodDelete, client.InSpace(id), url.Values{"preview": {"true"}}, nil, &lost); err != nil {
					return err
				}
				if *preview && *asJSON {
					return sh.json(lost)
				}
				sh.previewSpace(&lost)
				if *preview {
					return nil
				}
				if err := sh.confirm(fmt.Sprintf("Delete space %s for good?", id)); err != nil {
					return err
				}
			}
			if err := c.Call(cmd.Context(), http.MethodDelete, client.InSpace(id), url.Values{"confirm": {id}}, nil, &lost); err != nil {
				return err
			}
			if *asJSON {
				return sh.json(lost)
			}
			fmt.Fprintf(sh.out, "Space %s is deleted. Its data is erased while a server runs; selfsame space list shows how far that is.\n", terminal.Clean(id))
			return nil
		})
	}
	return cmd
}

// previewSpace says what the deletion of a space means.
func (sh *shell) previewSpace(lost *api.SpaceDeletion) {
	if lost.Profiles == nil || lost.Events == nil {
		fmt.Fprintf(sh.out, "Space %s cannot be opened, so nobody can say what is in it.\n", terminal.Clean(lost.Space))
	} else {
		fmt.Fprintf(sh.out, "Space %s has %s of %s. They would be lost for good", terminal.Clean(lost.Space), terminal.Many(*lost.Events, "event"), terminal.Many(*lost.Profiles, "profile"))
		if lost.Tokens > 0 {
			fmt.Fprintf(sh.out, ", and so would %s", terminal.Many(lost.Tokens, "token"))
		}
		fmt.Fprintln(sh.out, ".")
	}
	if len(lost.Deleted) > 0 {
		fmt.Fprintf(sh.out, "These sources feed no other space and go with it; what is sent with their write keys is refused: %s\n", terminal.Clean(strings.Join(lost.Deleted, ", ")))
	}
	if len(lost.Kept) > 0 {
		fmt.Fprintf(sh.out, "These sources go on feeding other spaces: %s\n", terminal.Clean(strings.Join(lost.Kept, ", ")))
	}
}
