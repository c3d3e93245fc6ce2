package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/show"

	"github.com/selfsame-id/selfsame/internal/cli/client"

	"github.com/selfsame-id/selfsame/internal/cli/terminal"

	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/selfsame-id/selfsame/internal/api"
)

func (sh *shell) explain() *cobra.Command {
	var account bool
	var steps int
	var format string
	cmd := &cobra.Command{
		Use:   "explain ID [ID]",
		Short: "Show why two identifiers are one person, or how a profile came to be",
		Long: `With two identifiers: are they the same person? If they are, it shows the shortest
chain of evidence from one to the other: each step is a pair of identifiers that
events had in common, with how many events, from when to when, which app and source.
If they are not, it shows what keeps them apart: the rule and the values that filled
its limit at that moment, what somebody decided, or that nothing ever linked them.

With one identifier: how did this profile come to be? Step by step in the order of
event time: created, an identifier added, merged through which event, and what was
left out.

An identifier is TYPE:VALUE; a profile's own ID (use_…) stands for its most
important one. Times are in UTC.`,
		Example: `  selfsame explain email:janedoe@example.com anonymous_id:anon_789
  selfsame explain user_id:42 user_id:43 --format dot | dot -Tsvg > why.svg
  selfsame explain use_2ZxJ5cSHkH2p8vTbGyWQ1mXkTnA`,
		Args: func(_ *cobra.Command, args []string) error {
			switch len(args) {
			case 0:
				return errors.New("name one identifier, or two")
			case 1, 2:
				return nil
			}
			return errors.New("name one identifier, or two: more are explained pair by pair")
		},
	}
	w := sh.where(cmd, true)
	asJSON := jsonFlag(cmd)
	cmd.Flags().BoolVar(&account, "account", false, "the identifiers are of accounts, not users")
	cmd.Flags().IntVar(&steps, "steps", 100, "how many steps of a profile's story to show, up to 1000")
	cmd.Flags().StringVar(&format, "format", "text", "text, json, or dot (a graph for Graphviz)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		for _, ref := range args {
			if err := names(ref); err != nil {
				return err
			}
		}
		if steps < 1 || steps > 1000 {
			return usage("--steps is %d; choose 1 to 1000", steps)
		}
		if *asJSON {
			format = "json"
		}
		if format != "text" && format != "json" && format != "dot" {
			return usage("--format is %q; choose text, json or dot", format)
		}
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			if len(args) == 1 {
				path := client.InSpace(space, "profiles", collectionOf(account, args[0]), args[0], "story")
				return sh.tell(cmd.Context(), c, path, args[0], steps, format)
			}
			collection := collectionOf(account, args[0])
			if collection == "users" {
				collection = collectionOf(account, args[1])
			}
			query := url.Values{"a": {args[0]}, "b": {args[1]}, "collection": {collection}}
			if format == "dot" {
				return sh.copyAnswer(cmd.Context(), c, client.InSpace(space, "explain"), query)
			}
			var e api.Explanation
			if format == "json" {
				var whole json.RawMessage
				if err := c.Call(cmd.Context(), http.MethodGet, client.InSpace(space, "explain"), query, nil, &whole); err != nil {
					return err
				}
				return sh.json(whole)
			}
			if err := c.Call(cmd.Context(), http.MethodGet, client.InSpace(space, "explain"), query, nil, &e); err != nil {
				return err
			}
			show.Explanation(sh.out, &e)
			if e.Why == "decided" {
				for _, st := range e.Steps {
					if st.Decided != nil {
						fmt.Fprintf(sh.out, "\n%s\n", sh.out.Paint(terminal.Dim, "If they are not: selfsame undo revert "+st.Decided.ID))
						break
					}
				}
			}
			if e.Why == "evidence" {
				fmt.Fprintf(sh.out, "\n%s\n", sh.out.Paint(terminal.Dim, "If they are not: selfsame undo cut "+terminal.Clean(args[0])+" "+terminal.Clean(args[1])))
			}
			return nil
		})
	}
	return cmd
}

// tell shows the story of a profile.
func (sh *shell) tell(ctx context.Context, c *connection, path, ref string, steps int, format string) error {
	query := url.Values{"limit": {strconv.Itoa(steps)}}
	switch format {
	case "dot":
		return sh.copyAnswer(ctx, c, path, query)
	case "json":
		var whole json.RawMessage
		if err := c.Call(ctx, http.MethodGet, path, query, nil, &whole); err != nil {
			return err
		}
		return sh.json(whole)
	}
	var t api.Story
	if err := c.Call(ctx, http.MethodGet, path, query, nil, &t); err != nil {
		return err
	}
	show.Story(sh.out, &t)
	for i := range t.Data {
		if c := &t.Data[i]; c.Kind == "merged" && c.Decided == nil {
			hint := "If a merge was wrong: selfsame undo split " + terminal.Clean(ref) + " --event " + terminal.Clean(c.Event.MessageID)
			fmt.Fprintf(sh.out, "\n%s\n", sh.out.Paint(terminal.Dim, hint))
			break
		}
	}
	return nil
}

// copyAnswer prints a graph as the server draws it.
func (sh *shell) copyAnswer(ctx context.Context, c *connection, path string, query url.Values) error {
	query.Set("format", "dot")
	res, err := c.Send(ctx, http.MethodGet, path, query, nil, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(sh.out, res.Body)
	return err
}
