package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/client"

	"github.com/selfsame-id/selfsame/internal/cli/terminal"

	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/selfsame-id/selfsame/internal/catalog"
)

func (sh *shell) token() *cobra.Command {
	return group(&cobra.Command{
		Use:   "token",
		Short: "List, make and delete access tokens of the Profile API",
		Long: `A token lets a server read the profiles of one space. It is shown once, when it
is made.`,
		Example: `  selfsame token list
  selfsame token create backend --space dev
  selfsame token delete backend --space dev`,
	}, sh.tokenList(), sh.tokenCreate(), sh.tokenDelete(), sh.tokenAdmin())
}

func (sh *shell) tokenList() *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List the tokens of a space", Args: cobra.NoArgs}
	w := sh.where(cmd, true)
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			tokens, err := client.List[catalog.Token](cmd.Context(), c.Client, client.InSpace(space, "tokens"))
			if err != nil {
				return err
			}
			if *asJSON {
				return sh.json(tokens)
			}
			t := terminal.Table{Header: []string{"NAME", "TOKEN", "CREATED", "FROM"}}
			for _, tok := range tokens {
				t.Add(terminal.Clean(tok.Name), terminal.Clean(tok.Prefix)+"…", terminal.Moment(&tok.CreatedAt), madeBy(tok.Declared))
			}
			t.Write(sh.out)
			return nil
		})
	}
	return cmd
}

func (sh *shell) tokenCreate() *cobra.Command {
	cmd := &cobra.Command{Use: "create NAME", Short: "Make a token and show it", Args: exactly("NAME")}
	w := sh.where(cmd, true)
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			var made struct {
				catalog.Token
				Secret string `json:"token"`
			}
			err := c.Call(cmd.Context(), http.MethodPost, client.InSpace(space, "tokens"), nil, map[string]string{"name": args[0]}, &made)
			if err != nil {
				return err
			}
			if *asJSON {
				return sh.json(made)
			}
			fmt.Fprintf(sh.out, "Token %s reads the profiles of %s. It is shown now and never again:\n\n  %s\n\n",
				args[0], space, sh.out.Paint(terminal.Bold, made.Secret))
			return nil
		})
	}
	return cmd
}

func (sh *shell) tokenDelete() *cobra.Command {
	cmd := &cobra.Command{Use: "delete NAME", Short: "Delete a token: it is refused from now on", Args: exactly("NAME")}
	w := sh.where(cmd, true)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			if err := c.Call(cmd.Context(), http.MethodDelete, client.InSpace(space, "tokens", args[0]), nil, nil, nil); err != nil {
				return err
			}
			fmt.Fprintf(sh.out, "Token %s of %s is deleted.\n", args[0], space)
			return nil
		})
	}
	return cmd
}

// tokenAdmin makes a new admin token for whoever has lost the first one: who can
// read the data directory may do that.
func (sh *shell) tokenAdmin() *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use:   "admin --data DIR",
		Short: "Make a new admin token in a stopped server's directory",
		Long: `Makes a new admin token in the place of the one that the first start made. It is
for servers whose configuration sets none; a configured one goes before it.`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().StringVar(&data, "data", "", "the `DIR` of a stopped server")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if data == "" {
			return usage("name the directory of a stopped server with --data")
		}
		w := &where{sh: sh, data: data}
		return w.with(cmd.Context(), func(c *connection) error {
			token, err := c.engine.Catalog().RenewAdmin(cmd.Context())
			if err != nil {
				return err
			}
			if *asJSON {
				return sh.json(struct {
					Token string `json:"admin_token"`
				}{token})
			}
			fmt.Fprintf(sh.out, "The admin token, shown now and never again:\n\n  %s\n\n", sh.out.Paint(terminal.Bold, token))
			return nil
		})
	}
	return cmd
}
