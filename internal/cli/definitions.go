package cli

import (
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
	var file, why string
	var yes, dry, noWait bool
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
	asJSON := jsonFlag(cmd)
	f := cmd.Flags()
	f.StringVarP(&file, "file", "f", "", "the `FILE` with the definitions, - for standard input")
	f.BoolVar(&yes, "yes", false, "do not ask")
	f.BoolVar(&dry, "dry-run", false, "only show what would change")
	f.BoolVar(&noWait, "no-wait", false, "do not wait until all of it is computed over history")
	f.StringVar(&why, "why", "", "the reason, for the audit trail")
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
			var now api.Definitions
			if err := c.call(ctx, http.MethodGet, in(space, "definitions"), nil, nil, &now); err != nil {
				return err
			}
			var diff api.DefinitionsChange
			if err := c.postText(ctx, in(space, "definitions", "check"), nil, text, &diff); err != nil {
				return err
			}
			tell := sh.out
			if *asJSON {
				tell = sh.err // standard output is for programs
			}
			changes := sh.printChange(tell, &diff)
			if dry || !changes {
				if *asJSON {
					return sh.json(diff)
				}
				return nil
			}
			if !yes {
				if err := sh.confirm("Apply these definitions?"); err != nil {
					return err
				}
			}
			query := url.Values{}
			if why != "" {
				query.Set("why", why)
			}
			if err := c.putText(ctx, in(space, "definitions"), query, fmt.Sprint(now.Revision), text, &diff); err != nil {
				if hasStatus(err, http.StatusPreconditionFailed) {
					return fmt.Errorf("somebody else changed the definitions meanwhile, so nothing was done; apply again")
				}
				return err
			}
			fmt.Fprintf(tell, "Version %d of the definitions of %s is in force.\n", diff.Revision, clean(space))
			if !noWait {
				if err := sh.awaitDefinitions(ctx, c, space, tell); err != nil {
					return err
				}
			}
			if *asJSON {
				return sh.json(diff)
			}
			return nil
		})
	}
	return cmd
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
func (sh *shell) printChange(to *screen, d *api.DefinitionsChange) bool {
	changes := false
	show := func(sign string, st style, keys []string, remark string) {
		for _, key := range keys {
			changes = true
			line := sign + " " + key
			fmt.Fprintf(to, "  %s  %s\n", to.paint(st, clean(line)), to.paint(dim, remark))
		}
	}
	show("+", green, d.Added, "new, is computed over history")
	show("~", yellow, d.Changed, "means something else, is computed over history again")
	show("~", dim, d.Described, "only its name or description")
	show("+", green, d.Enabled, "enabled, catches up")
	show("-", yellow, d.Disabled, "disabled")
	show("-", red, d.Removed, "is removed with its values; its key is never used again")
	show("+", green, d.Destinations.Added, "destination, new")
	show("~", yellow, d.Destinations.Changed, "destination, changed")
	show("-", red, d.Destinations.Removed, "destination, is removed with what waits for it")
	switch {
	case !changes:
		fmt.Fprintln(to, "Nothing changes.")
	case d.Unchanged > 0:
		fmt.Fprintln(to, to.paint(dim, fmt.Sprintf("  %d unchanged", d.Unchanged)))
	}
	return changes
}

// definitionsLook is how often definitions are looked at while they are computed.
const definitionsLook = 100 * time.Millisecond

// awaitDefinitions waits until all definitions are computed over history.
func (sh *shell) awaitDefinitions(ctx context.Context, c *connection, space string, tell *screen) error {
	b := newBar(sh.err)
	defer b.done()
	began := time.Now()
	for {
		var now api.Definitions
		if err := c.call(ctx, http.MethodGet, in(space, "definitions"), nil, nil, &now); err != nil {
			return err
		}
		waiting := 0
		for i := range now.Definitions {
			if d := &now.Definitions[i]; !d.Complete && !d.Disabled {
				waiting++
			}
		}
		if waiting == 0 && now.Progress == nil {
			b.done()
			fmt.Fprintf(tell, "All of it is computed over history, in %.1f s.\n", time.Since(began).Seconds())
			return nil
		}
		if p := now.Progress; p != nil {
			what := map[string]string{"rows": "events are read", "values": "profiles are evaluated"}[p.Stage]
			b.show(p.Done, p.Total, fmt.Sprintf("%s: %s of %s", orElse(what, p.Stage), count(p.Done), count(p.Total)))
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
			path := in(space, "definitions")
			if *revision > 0 {
				path = in(space, "definitions", "versions", fmt.Sprint(*revision))
			}
			var v api.DefinitionsVersion
			if err := c.call(cmd.Context(), http.MethodGet, path, nil, nil, &v); err != nil {
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

func (sh *shell) traits() *cobra.Command {
	cmd := sh.definitionList("traits", "trait", "Show computed traits and how far they are", `Lists the computed traits that are defined. A trait says nothing to destinations
before it is computed over all of history. selfsame profile shows their values.`)
	cmd.AddCommand(sh.definitionShow("trait", "KEY", "Show the definition of a computed trait"))
	return cmd
}

func (sh *shell) audiences() *cobra.Command {
	cmd := sh.definitionList("audiences", "audience", "Show audiences, their sizes and members", `Lists the audiences that are defined, with the number of their members and the time
up to which what was stored is counted.`)
	cmd.AddCommand(sh.definitionShow("audience", "KEY", "Show the definition of an audience"), sh.audienceMembers())
	return cmd
}

// definitionList is the command that lists the definitions of a kind.
func (sh *shell) definitionList(use, kind, short, long string) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Long: long, Args: cobra.NoArgs}
	w := sh.where(cmd, true)
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			var now api.Definitions
			if err := c.call(cmd.Context(), http.MethodGet, in(space, "definitions"), nil, nil, &now); err != nil {
				return err
			}
			list := []api.Definition{}
			for _, d := range now.Definitions {
				if d.Kind == kind {
					list = append(list, d)
				}
			}
			if *asJSON {
				return sh.json(list)
			}
			sh.printDefinitions(kind, list, now.Progress)
			return nil
		})
	}
	return cmd
}

func (sh *shell) printDefinitions(kind string, list []api.Definition, p *api.DefinitionsProgress) {
	if len(list) == 0 {
		fmt.Fprintf(sh.out, "No %ss are defined; see selfsame apply.\n", kind)
		return
	}
	t := table{styles: []style{cyan, "", "", "", dim}}
	t.header = []string{"key", "name", "of", "state"}
	if kind == "audience" {
		t.header = []string{"key", "name", "of", "state", "members", "as of"}
	}
	for i := range list {
		d := &list[i]
		cells := []string{d.Key, d.Name, d.Collection, definitionState(d)}
		if d.Members != nil {
			cells = append(cells, count(*d.Members), moment(d.AsOf))
		}
		t.add(cells...)
	}
	t.write(sh.out)
	if p != nil && p.Total > 0 {
		fmt.Fprintln(sh.out, sh.out.paint(dim, fmt.Sprintf("History is being computed: %s, %s of %s.", p.Stage, count(p.Done), count(p.Total))))
	}
}

// printProblems says why something did not count in a definition.
func (sh *shell) printProblems(list []api.DefinitionProblem) {
	of := map[string]string{"event": "events", "profile": "evaluations of profiles"}
	for _, p := range list {
		what := map[string]string{
			"missing": "a key that is missing", "wrong type": "a value of another type", "too long": "a value that is too long",
			"too costly": "a condition that costs too much",
		}[p.Problem]
		fmt.Fprintln(sh.out, sh.out.paint(yellow, fmt.Sprintf("%s %s did not count: %s", count(p.Count), orElse(of[p.Where], p.Where), orElse(what, p.Problem))))
	}
}

func definitionState(d *api.Definition) string {
	switch {
	case d.Disabled:
		return "disabled"
	case !d.Complete:
		return "being computed"
	}
	return "complete"
}

// definitionShow prints what the document says of one definition.
func (sh *shell) definitionShow(kind, use, short string) *cobra.Command {
	cmd := &cobra.Command{Use: "show " + use, Short: short, Args: exactly(use)}
	w := sh.where(cmd, true)
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			var now api.Definitions
			if err := c.call(cmd.Context(), http.MethodGet, in(space, "definitions"), nil, nil, &now); err != nil {
				return err
			}
			for i := range now.Definitions {
				d := &now.Definitions[i]
				if d.Kind != kind || d.Key != args[0] {
					continue
				}
				if *asJSON {
					return sh.json(d)
				}
				sh.printDefinitions(kind, []api.Definition{*d}, now.Progress)
				sh.printProblems(d.Problems)
				if text := entryOf(now.Document, kind+"s", d.Key); text != "" {
					fmt.Fprintf(sh.out, "\n%s", text)
				}
				return nil
			}
			return fmt.Errorf("space %s defines no %s %q; see: selfsame %ss", clean(space), kind, args[0], kind)
		})
	}
	return cmd
}

func (sh *shell) audienceMembers() *cobra.Command {
	cmd := &cobra.Command{
		Use: "members KEY", Short: "List the members of an audience", Args: exactly("KEY"),
		Long: `Lists who is in an audience, and since when, by the time of the event that made it
so. selfsame export members writes all of them to a file.`,
	}
	w := sh.where(cmd, true)
	asJSON := jsonFlag(cmd)
	limit := cmd.Flags().Int("limit", 50, "how many to show")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *limit < 1 {
			return usage("--limit is %d; choose 1 or more", *limit)
		}
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			var page api.AudienceMembers
			all := []api.AudienceMember{}
			for query := (url.Values{}); len(all) < *limit; query.Set("next", page.Cursor.Next) {
				query.Set("limit", fmt.Sprint(min(*limit-len(all), 1000)))
				page = api.AudienceMembers{}
				if err := c.call(cmd.Context(), http.MethodGet, in(space, "audiences", args[0], "members"), query, nil, &page); err != nil {
					return err
				}
				all = append(all, page.Data...)
				if !page.Cursor.HasMore {
					break
				}
			}
			if *asJSON {
				return sh.json(all)
			}
			t := table{styles: []style{cyan, dim}}
			for i := range all {
				t.add(all[i].ID, "since "+moment(&all[i].Since))
			}
			t.write(sh.out)
			a := &page.Audience
			text := fmt.Sprintf("%s, as of %s", many(*a.Members, "member"), moment(a.AsOf))
			if !a.Complete {
				text += "; it is not computed over all of history yet"
			}
			fmt.Fprintln(sh.out, sh.out.paint(dim, text))
			return nil
		})
	}
	return cmd
}
