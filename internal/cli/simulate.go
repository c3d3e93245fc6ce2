package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/show"

	"github.com/selfsame-id/selfsame/internal/cli/client"

	"github.com/selfsame-id/selfsame/internal/cli/terminal"

	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/identity"
)

func (sh *shell) simulate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "simulate --rules FILE",
		Short: "Try rules on the real history before they are applied",
		Long: `Works out what the rules of a file would make of everything that a space has ever
seen, without changing anything: how many profiles there would be, which would
come apart or merge, what would be left out and why, and which values tie
suspiciously many people together.

With --apply the rules are set after that, as ` + "`selfsame rules set`" + ` does: what is
there is resolved again while events keep coming.`,
		Example: `  selfsame rules > draft.yaml        start from the rules in force
  selfsame simulate --rules draft.yaml
  selfsame simulate --rules draft.yaml --apply --why "shared tablets in the shops"`,
		Args: cobra.NoArgs,
	}
	w := sh.where(cmd, true)
	asJSON := jsonFlag(cmd)
	file := cmd.Flags().String("rules", "", "the `FILE` with the draft; - is standard input")
	apply := cmd.Flags().Bool("apply", false, "set the rules after showing what they change")
	yes := cmd.Flags().BoolP("yes", "y", false, "with --apply: do not ask")
	why := cmd.Flags().String("why", "", "with --apply: the reason, for the history")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *file == "" {
			return usage("--rules is missing: the file with the draft; start from the rules in force with: selfsame rules > draft.yaml")
		}
		draft, err := sh.readRules(*file)
		if err != nil {
			return err
		}
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			// What was shown is set only if the rules have not changed meanwhile.
			var now api.Rules
			if err := c.Call(cmd.Context(), http.MethodGet, client.InSpace(space, "rules"), nil, nil, &now); err != nil {
				return err
			}
			job, err := sh.runSimulation(cmd.Context(), c, space, draft)
			if err != nil {
				return err
			}
			if *asJSON {
				if err := sh.json(job.Report); err != nil {
					return err
				}
			} else {
				show.Simulation(sh.out, job)
			}
			if !*apply {
				return nil
			}
			tell := sh.out
			if *asJSON {
				tell = sh.err // standard output is for programs
			}
			if !*yes {
				if err := sh.confirm("Apply these rules?"); err != nil {
					return err
				}
			}
			query := url.Values{}
			if *why != "" {
				query.Set("why", *why)
			}
			var r api.Rules
			err = c.CallIf(cmd.Context(), http.MethodPut, client.InSpace(space, "rules"), query, fmt.Sprint(now.Version), draft, &r)
			if client.HasStatus(err, http.StatusPreconditionFailed) {
				return errors.New("somebody else set rules meanwhile, so nothing was done; simulate again")
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(tell, "Version %d of the rules of %s is in force.\n", r.Version, space)
			return sh.awaitRules(cmd.Context(), c, space, &r, tell)
		})
	}
	return cmd
}

// runSimulation starts a simulation and waits for its end.
func (sh *shell) runSimulation(ctx context.Context, c *connection, space string, draft identity.Rules) (*api.Simulation, error) {
	body, err := json.Marshal(draft)
	if err != nil {
		return nil, err
	}
	res, err := c.Send(ctx, http.MethodPost, client.InSpace(space, "simulations"), url.Values{"follow": {"true"}}, bytes.NewReader(body), nil)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close() // which cancels the job, if it runs
	lines := json.NewDecoder(res.Body)
	b := terminal.NewBar(sh.err)
	defer b.Done()
	for first := true; ; first = false {
		var job api.Simulation
		if err := lines.Decode(&job); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, fmt.Errorf("the server stopped answering in the middle of the simulation; its log says why: %w", err)
		}
		if first {
			printPlan(sh.err, &job)
		}
		if p := job.Progress; p != nil {
			b.Show(p.Done, p.Total, fmt.Sprintf("%s: %s of %s", p.Stage, terminal.Count(p.Done), terminal.Count(p.Total)))
		}
		switch job.State {
		case "running":
		case "done":
			return &job, nil
		default:
			return nil, errors.New("the simulation did not finish: " + show.OrElse(job.Error, job.State))
		}
	}
}

// printPlan says what people should know before they wait.
func printPlan(s *terminal.Screen, job *api.Simulation) {
	if p := &job.Plan; p.Reread {
		fmt.Fprintf(s, "%s this draft looks for identifiers in other places than the rules in force, so the bodies of %s are read again: about %s\n",
			s.Paint(terminal.Yellow, "note:"), terminal.Many(p.Events, "event"), terminal.Span(time.Duration(p.Estimate)*time.Millisecond))
	}
}
