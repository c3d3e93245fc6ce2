package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/show"

	"github.com/selfsame-id/selfsame/internal/cli/client"

	"github.com/selfsame-id/selfsame/internal/cli/terminal"

	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/selfsame-id/selfsame/internal/api"
)

func (sh *shell) traits() *cobra.Command {
	k := &definitionKind{section: "traits", one: "trait", short: "Show and define computed traits", long: `Computed traits are worked out from a person's events: how many orders, how much
money, which products were left in the cart. Without a command they are listed. A trait
says nothing to destinations before it is computed over all of history; selfsame profile
shows the values of one person.`, example: `  selfsame traits
  selfsame traits show revenue
  selfsame traits create orders --event "Order Completed" --kind count
  selfsame traits create revenue --event "Order Completed" --kind sum --property properties.revenue --window 90d
  selfsame traits create miles_since_shoes -f miles.yaml
  selfsame traits delete orders`}
	return sh.definitionGroup(k, sh.definitionCreate(k), sh.definitionDelete(k))
}

func (sh *shell) audiences() *cobra.Command {
	k := &definitionKind{section: "audiences", one: "audience", short: "Show and define audiences, their sizes and members", long: `Audiences are the people for whom an expression is true; who enters and leaves them is
told to destinations. Without a command they are listed, with the number of their members
and the time up to which what was stored is counted.`, example: `  selfsame audiences
  selfsame audiences members vip
  selfsame audiences preview vip --when 'traits.orders >= 3'
  selfsame audiences create vip --when 'traits.orders >= 3 && has(identifiers.email)'
  selfsame audiences preview vip -f vip.yaml
  selfsame audiences delete vip`}
	return sh.definitionGroup(k, sh.audienceMembers(), sh.audiencePreview(k), sh.definitionCreate(k), sh.definitionDelete(k))
}

// definitionKind is what the commands of a section of the definitions say of it.
type definitionKind struct {
	section, one         string
	short, long, example string
}

// definitionGroup is the command of a section: by itself, as with list, it lists.
func (sh *shell) definitionGroup(k *definitionKind, more ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: k.section, Short: k.short, Long: k.long, Example: k.example, Args: cobra.NoArgs}
	list := &cobra.Command{Use: "list", Short: "List them, with how far they are", Args: cobra.NoArgs}
	for _, l := range []*cobra.Command{cmd, list} {
		w, asJSON := sh.where(l, true), jsonFlag(l)
		l.RunE = func(cmd *cobra.Command, _ []string) error {
			return w.inSpace(cmd.Context(), func(c *connection, space string) error {
				return sh.listDefinitions(cmd.Context(), c, space, k.one, *asJSON)
			})
		}
	}
	cmd.AddCommand(append([]*cobra.Command{list, sh.definitionShow(k.one, "KEY", "Show one with its definition")}, more...)...)
	return cmd
}

func (sh *shell) listDefinitions(ctx context.Context, c *connection, space, kind string, asJSON bool) error {
	now, err := definitionsOf(ctx, c, space)
	if err != nil {
		return err
	}
	list := []api.Definition{}
	for _, d := range now.Definitions {
		if d.Kind == kind {
			list = append(list, d)
		}
	}
	if asJSON {
		return sh.json(list)
	}
	sh.printDefinitions(kind, list, now.Progress)
	return nil
}

func (sh *shell) printDefinitions(kind string, list []api.Definition, p *api.DefinitionsProgress) {
	if len(list) == 0 {
		fmt.Fprintf(sh.out, "No %ss are defined; see selfsame %ss create --help, or selfsame apply.\n", kind, kind)
		return
	}
	t := terminal.Table{Styles: []terminal.Style{terminal.Cyan, "", "", "", terminal.Dim}}
	t.Header = []string{"KEY", "NAME", "OF", "STATE"}
	if kind == "audience" {
		t.Header = []string{"KEY", "NAME", "OF", "STATE", "MEMBERS", "AS OF"}
	}
	for i := range list {
		d := &list[i]
		cells := []string{d.Key, d.Name, d.Collection, definitionState(d)}
		if d.Members != nil {
			cells = append(cells, terminal.Count(*d.Members), terminal.Moment(d.AsOf))
		}
		t.Add(cells...)
	}
	t.Write(sh.out)
	if p != nil && p.Total > 0 {
		fmt.Fprintln(sh.out, sh.out.Paint(terminal.Dim, fmt.Sprintf("History is being computed: %s, %s of %s.", p.Stage, terminal.Count(p.Done), terminal.Count(p.Total))))
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
		fmt.Fprintln(sh.out, sh.out.Paint(terminal.Yellow, fmt.Sprintf("%s %s did not count: %s", terminal.Count(p.Count), show.OrElse(of[p.Where], p.Where), show.OrElse(what, p.Problem))))
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
			now, err := definitionsOf(cmd.Context(), c, space)
			if err != nil {
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
			return fmt.Errorf("space %s defines no %s %q; see: selfsame %ss", terminal.Clean(space), kind, args[0], kind)
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
				if err := c.Call(cmd.Context(), http.MethodGet, client.InSpace(space, "audiences", args[0], "members"), query, nil, &page); err != nil {
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
			t := terminal.Table{Styles: []terminal.Style{terminal.Cyan, terminal.Dim}}
			for i := range all {
				t.Add(all[i].ID, "since "+terminal.Moment(&all[i].Since))
			}
			t.Write(sh.out)
			a := &page.Audience
			text := fmt.Sprintf("%s, as of %s", terminal.Many(*a.Members, "member"), terminal.Moment(a.AsOf))
			if !a.Complete {
				text += "; it is not computed over all of history yet"
			}
			fmt.Fprintln(sh.out, sh.out.Paint(terminal.Dim, text))
			return nil
		})
	}
	return cmd
}
