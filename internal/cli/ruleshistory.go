package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/client"

	"github.com/selfsame-id/selfsame/internal/cli/terminal"

	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/selfsame-id/selfsame/internal/api"
)

func (sh *shell) rulesLog() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "log",
		Short: "List the versions of the rules, the newest first",
		Long: `Lists every version of the rules that was ever in force, with who set it, when and
why.`,
		Args: cobra.NoArgs,
	}
	w := sh.where(cmd, true)
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			all, err := client.List[api.Rules](cmd.Context(), c.Client, client.InSpace(space, "rules", "versions"))
			if err != nil {
				return err
			}
			if *asJSON {
				return sh.json(all)
			}
			if len(all) == 0 {
				fmt.Fprintf(sh.out, "Space %s uses the built-in rules; nobody has changed them.\n", space)
				return nil
			}
			t := terminal.Table{Header: []string{"VERSION", "WHEN", "BY", "FOR", "WHY"}}
			for _, v := range all {
				t.Add(strconv.FormatUint(v.Version, 10), terminal.Moment(v.SetAt), terminal.Clean(v.SetBy), terminal.Clean(v.SetFor), terminal.Shorten(terminal.Clean(v.Why), 60))
			}
			t.Write(sh.out)
			return nil
		})
	}
	return cmd
}

func (sh *shell) rulesShow() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "show VERSION",
		Short:   "Print one version of the rules as YAML, as it was set",
		Example: `  selfsame rules show 3 > rules.yaml`,
		Args:    exactly("VERSION"),
	}
	w := sh.where(cmd, true)
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			var v api.Rules
			if err := c.Call(cmd.Context(), http.MethodGet, client.InSpace(space, "rules", "versions", args[0]), nil, nil, &v); err != nil {
				return err
			}
			if *asJSON {
				return sh.json(v)
			}
			return sh.yaml(v.Rules)
		})
	}
	return cmd
}

func (sh *shell) rulesRestore() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rollback VERSION",
		Short: "Make an earlier version the rules of a space again",
		Long: `Makes an earlier version the rules of a space again, under a new number. What is
there is resolved again, as with ` + "`rules set`" + `. Version 0 is the built-in rules.`,
		Example: `  selfsame rules log
  selfsame rules rollback 3 --why "the limit on email was too tight"`,
		Args: exactly("VERSION"),
	}
	w := sh.where(cmd, true)
	asJSON := jsonFlag(cmd)
	why := cmd.Flags().String("why", "", "the reason, for the history")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			return sh.changeRules(cmd, c, space, http.MethodPost, client.InSpace(space, "rules", "versions", args[0], "restore"), *why, "", nil, *asJSON)
		})
	}
	return cmd
}

func (sh *shell) rulesCopy() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "copy --from SPACE",
		Short:   "Take over the rules of another space",
		Example: `  selfsame rules copy --from dev --space prod`,
		Args:    cobra.NoArgs,
	}
	w := sh.where(cmd, true)
	asJSON := jsonFlag(cmd)
	from := cmd.Flags().String("from", "", "the `SPACE` whose rules are taken over")
	why := cmd.Flags().String("why", "", "the reason, for the history")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *from == "" {
			return usage("--from is missing: the space whose rules are to be taken over")
		}
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			body := map[string]string{"from": *from, "why": *why}
			return sh.changeRules(cmd, c, space, http.MethodPost, client.InSpace(space, "rules", "copy"), *why, "", body, *asJSON)
		})
	}
	return cmd
}

// changeRules asks for other rules and says which are in force.
func (sh *shell) changeRules(cmd *cobra.Command, c *connection, space, method, path, why, version string, body any, asJSON bool) error {
	query := url.Values{}
	if why != "" {
		query.Set("why", why)
	}
	var r api.Rules
	if err := c.CallIf(cmd.Context(), method, path, query, version, body, &r); err != nil {
		return err
	}
	tell := sh.out
	if asJSON {
		tell = sh.err // standard output is for programs
	}
	fmt.Fprintf(tell, "Version %d of the rules of %s is in force.\n", r.Version, terminal.Clean(space))
	if err := sh.awaitRules(cmd.Context(), c, space, &r, tell); err != nil || !asJSON {
		return err
	}
	return sh.json(r)
}

// awaitRules shows how far rules are applied to what was there, until they are.
func (sh *shell) awaitRules(ctx context.Context, c *connection, space string, r *api.Rules, tell io.Writer) error {
	if !r.Applying {
		return nil
	}
	b := terminal.NewBar(sh.err)
	defer b.Done()
	began := time.Now()
	for r.Applying {
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			b.Done()
			fmt.Fprintln(tell, "The server goes on applying them; `selfsame rules` says when it is done.")
			return ctx.Err()
		}
		if p := r.Progress; p != nil {
			text := fmt.Sprintf("%s %s of %s", p.Stage, terminal.Count(p.Done), terminal.Count(p.Total))
			switch {
			case p.Stage == "moving":
				text = fmt.Sprintf("reading events again: %s of %s", terminal.Count(p.Done), terminal.Count(p.Total))
			case p.Pass > 0:
				text = fmt.Sprintf("applying, pass %d: %s", p.Pass, text)
			}
			b.Show(p.Done, p.Total, text)
		}
		*r = api.Rules{}
		if err := c.Call(ctx, http.MethodGet, client.InSpace(space, "rules"), nil, nil, r); err != nil {
			return err
		}
	}
	b.Done()
	fmt.Fprintf(tell, "Existing events were resolved again in %s.\n", terminal.Span(time.Since(began)))
	return nil
}
