package cli

import (
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/selfsame-id/selfsame/internal/catalog"
)

func (sh *shell) space() *cobra.Command {
	return group(&cobra.Command{
		Use:   "space",
		Short: "List and make spaces",
		Long: `A space is an isolated identity graph: dev and prod, or one for each app where
apps must not mix.`,
		Example: `  selfsame space list
  selfsame space create prod --name Production`,
	}, sh.spaceList(), sh.spaceCreate())
}

func (sh *shell) spaceList() *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List the spaces", Args: cobra.NoArgs}
	w := sh.where(cmd, false)
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return w.with(cmd.Context(), func(c *connection) error {
			spaces, err := list[catalog.Space](cmd.Context(), c.client, "/api/spaces")
			if err != nil {
				return err
			}
			if *asJSON {
				return sh.json(spaces)
			}
			t := table{header: []string{"ID", "NAME", "PROFILES", "STRANDS", "CREATED", "RULES"}}
			for _, s := range spaces {
				var st struct{ Profiles, Strands int64 }
				if err := c.call(cmd.Context(), http.MethodGet, in(s.ID, "stats"), nil, nil, &st); err != nil {
					return err
				}
				rules := "set with selfsame rules"
				if s.RulesDeclared {
					rules = "in the configuration file"
				}
				t.add(clean(s.ID), clean(s.Name), count(st.Profiles), count(st.Strands), moment(&s.CreatedAt), rules)
			}
			t.write(sh.out)
			return nil
		})
	}
	return cmd
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
			err := c.call(cmd.Context(), http.MethodPost, "/api/spaces", nil, map[string]string{"id": args[0], "name": name}, &s)
			if err != nil {
				return err
			}
			if *asJSON {
				return sh.json(s)
			}
			fmt.Fprintf(sh.out, "Space %s is there. Next: selfsame source create ID --space %s\n", sh.out.paint(bold, s.ID), s.ID)
			return nil
		})
	}
	return cmd
}
