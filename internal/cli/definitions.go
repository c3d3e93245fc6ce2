package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/show"

	"github.com/selfsame-id/selfsame/internal/cli/client"

	"github.com/selfsame-id/selfsame/internal/cli/terminal"

	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/selfsame-id/selfsame/internal/api"
)

func (sh *shell) apply() *cobra.Command {
	var file string
	o := &change{}
	cmd := &cobra.Command{
		Use:   "apply -f FILE",
		Short: "Put definitions of computed traits, audiences and destinations in force",
		Long: `Reads a document of definitions, shows what it changes, and puts it in force as the
whole of them: what is not in it any more is removed, with its values, and its key is
never used again. What is new or changed is computed over all of history while events
go on coming in; apply waits for that and shows how far it is.

selfsame export definitions writes the document that is in force.`,
		Example: `  selfsame apply -f segkicks.yaml
  selfsame apply -f segkicks.yaml --dry-run
  selfsame apply -f - --yes --why "spring campaign" < segkicks.yaml`,
		Args: cobra.NoArgs,
	}
	w := sh.where(cmd, true)
	cmd.Flags().StringVarP(&file, "file", "f", "", "the `FILE` with the definitions, - for standard input")
	o.flags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if file == "" {
			return usage("--file is missing: name the file with the definitions, or - for standard input")
		}
		text, err := sh.readAll(file)
		if err != nil {
			return err
		}
		ctx := cmd.Context()
		return w.inSpace(ctx, func(c *connection, space string) error {
			now, err := definitionsOf(ctx, c, space)
			if err != nil {
				return err
			}
			return sh.putInForce(ctx, c, space, now, text, o)
		})
	}
	return cmd
}

// change is how definitions are changed.
type change struct {
	why              string
	yes, dry, noWait bool
	json             *bool
}

// flags adds the flags of a command that changes definitions.
func (o *change) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&o.yes, "yes", false, "do not ask")
	f.BoolVar(&o.dry, "dry-run", false, "only show what would change")
	f.BoolVar(&o.noWait, "no-wait", false, "do not wait until all of it is computed over history")
	f.StringVar(&o.why, "why", "", "the reason, for the audit trail")
	o.json = jsonFlag(cmd)
}

func definitionsOf(ctx context.Context, c *connection, space string) (*api.Definitions, error) {
	var now api.Definitions
	err := c.Call(ctx, http.MethodGet, client.InSpace(space, "definitions"), nil, nil, &now)
	return &now, err
}

// putInForce shows what a document changes of the definitions of now, asks, puts it in
// force and waits until it is computed.
func (sh *shell) putInForce(ctx context.Context, c *connection, space string, now *api.Definitions, text string, o *change) error {
	var diff api.DefinitionsChange
	if err := c.PostText(ctx, client.InSpace(space, "definitions", "check"), nil, text, &diff); err != nil {
		return err
	}
	tell := sh.out
	if *o.json {
		tell = sh.err // standard output is for programs
	}
	changes := sh.printChange(tell, &diff)
	if o.dry || !changes {
		if *o.json {
			return sh.json(diff)
		}
		return nil
	}
	if !o.yes {
		if err := sh.confirm("Apply these definitions?"); err != nil {
			return err
		}
	}
	query := url.Values{}
	if o.why != "" {
		query.Set("why", o.why)
	}
	if err := c.PutText(ctx, client.InSpace(space, "definitions"), query, fmt.Sprint(now.Revision), text, &diff); err != nil {
		if client.HasStatus(err, http.StatusPreconditionFailed) {
			return fmt.Errorf("somebody else changed the definitions meanwhile, so nothing was done; try again")
		}
		return err
	}
	fmt.Fprintf(tell, "Version %d of the definitions of %s is in force.\n", diff.Revision, terminal.Clean(space))
	if !o.noWait {
		if err := sh.awaitDefinitions(ctx, c, space, tell); err != nil {
			return err
		}
	}
	if *o.json {
		return sh.json(diff)
	}
	return nil
}

// readAll reads a file, "-" is standard input.
func (sh *shell) readAll(name string) (string, error) {
	var text []byte
	var err error
	if name == "-" {
		text, err = io.ReadAll(sh.in)
	} else {
		text, err = os.ReadFile(name)
	}
	return string(text), err
}

// printChange shows what a document changes. It reports whether it changes anything.
func (sh *shell) printChange(to *terminal.Screen, d *api.DefinitionsChange) bool {
	changes := false
	show := func(sign string, st terminal.Style, keys []string, remark string) {
		for _, key := range keys {
			changes = true
			line := sign + " " + key
			fmt.Fprintf(to, "  %s  %s\n", to.Paint(st, terminal.Clean(line)), to.Paint(terminal.Dim, remark))
		}
	}
	show("+", terminal.Green, d.Added, "new, is computed over history")
	show("~", terminal.Yellow, d.Changed, "means something else, is computed over history again")
	show("~", terminal.Dim, d.Described, "only its name or description")
	show("+", terminal.Green, d.Enabled, "enabled, catches up")
	show("-", terminal.Yellow, d.Disabled, "disabled")
	show("-", terminal.Red, d.Removed, "is removed with its values; its key is never used again")
	show("+", terminal.Green, d.Destinations.Added, "destination, new")
	show("~", terminal.Yellow, d.Destinations.Changed, "destination, changed")
	show("-", terminal.Red, d.Destinations.Removed, "destination, is removed with what waits for it")
	switch {
	case !changes:
		fmt.Fprintln(to, "Nothing changes.")
	case d.Unchanged > 0:
		fmt.Fprintln(to, to.Paint(terminal.Dim, fmt.Sprintf("  %d unchanged", d.Unchanged)))
	}
	return changes
}

// definitionsLook is how often definitions are looked at while they are computed.
const definitionsLook = 100 * time.Millisecond

// awaitDefinitions waits until all definitions are computed over history.
func (sh *shell) awaitDefinitions(ctx context.Context, c *connection, space string, tell *terminal.Screen) error {
	b := terminal.NewBar(sh.err)
	defer b.Done()
	began := time.Now()
	for {
		var now api.Definitions
		if err := c.Call(ctx, http.MethodGet, client.InSpace(space, "definitions"), nil, nil, &now); err != nil {
			return err
		}
		waiting := 0
		for i := range now.Definitions {
			if d := &now.Definitions[i]; !d.Complete && !d.Disabled {
				waiting++
			}
		}
		if waiting == 0 && now.Progress == nil {
			b.Done()
			fmt.Fprintf(tell, "All of it is computed over history, in %.1f s.\n", time.Since(began).Seconds())
			return nil
		}
		if p := now.Progress; p != nil {
			what := map[string]string{"rows": "events are read", "values": "profiles are evaluated"}[p.Stage]
			b.Show(p.Done, p.Total, fmt.Sprintf("%s: %s of %s", show.OrElse(what, p.Stage), terminal.Count(p.Done), terminal.Count(p.Total)))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(definitionsLook):
		}
	}
}

func (sh *shell) exportDefinitions() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "definitions",
		Short: "Write the definitions in force, as selfsame apply takes them",
		Args:  cobra.NoArgs,
	}
	w := sh.where(cmd, true)
	file := cmd.Flags().StringP("output", "o", "", "the `FILE` to write; else standard output")
	revision := cmd.Flags().Uint64("revision", 0, "an earlier `REVISION` instead of the one in force")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			path := client.InSpace(space, "definitions")
			if *revision > 0 {
				path = client.InSpace(space, "definitions", "versions", fmt.Sprint(*revision))
			}
			var v api.DefinitionsVersion
			if err := c.Call(cmd.Context(), http.MethodGet, path, nil, nil, &v); err != nil {
				return err
			}
			text := v.Document
			if text != "" && !strings.HasSuffix(text, "\n") {
				text += "\n"
			}
			if *file != "" {
				return os.WriteFile(*file, []byte(text), 0o644)
			}
			_, err := io.WriteString(sh.out, text)
			return err
		})
	}
	return cmd
}
