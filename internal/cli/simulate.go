package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/client"

	"github.com/selfsame-id/selfsame/internal/cli/terminal"

	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/identity"
)

// groupSays names the first IDs of a group.
func groupSays(g *api.ProfileGroup, most int) string {
	var ids []string
	for i, id := range g.IDs {
		if i == most {
			ids = append(ids, fmt.Sprintf("and %s more", terminal.Count(g.Count-most)))
			break
		}
		ids = append(ids, terminal.Clean(id))
	}
	return strings.Join(ids, ", ")
}

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
				sh.printForeseen(job)
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
			sh.printPlan(&job)
		}
		if p := job.Progress; p != nil {
			b.Show(p.Done, p.Total, fmt.Sprintf("%s: %s of %s", p.Stage, terminal.Count(p.Done), terminal.Count(p.Total)))
		}
		switch job.State {
		case "running":
		case "done":
			return &job, nil
		default:
			return nil, errors.New("the simulation did not finish: " + orElse(job.Error, job.State))
		}
	}
}

// printPlan says what people should know before they wait.
func (sh *shell) printPlan(job *api.Simulation) {
	if p := &job.Plan; p.Reread {
		fmt.Fprintf(sh.err, "%s this draft looks for identifiers in other places than the rules in force, so the bodies of %s are read again: about %s\n",
			sh.err.Paint(terminal.Yellow, "note:"), terminal.Many(p.Events, "event"), terminal.Span(time.Duration(p.Estimate)*time.Millisecond))
	}
}

func (sh *shell) printForeseen(job *api.Simulation) {
	s := sh.out
	r := job.Report
	fmt.Fprintf(s, "%s\n", s.Paint(terminal.Dim, fmt.Sprintf("%s simulated in %s; nothing was changed.", terminal.Many(r.Strands, "strand"), terminal.Span(time.Duration(r.Milliseconds)*time.Millisecond))))
	if r.Damaged > 0 {
		fmt.Fprintf(s, "%s %s left out, which cannot be read any more; selfsame verify says which.\n", s.Paint(terminal.Yellow, "note:"), terminal.Many(r.Damaged, "event"))
	}
	sh.printCollection("people", r.Users)
	if r.Accounts.Before.Profiles > 0 || r.Accounts.After.Profiles > 0 {
		sh.printCollection("accounts", r.Accounts)
	}
}

func (sh *shell) printCollection(what string, f *api.SimulatedCollection) {
	s := sh.out
	changed := f.Before.Profiles - f.Same
	fmt.Fprintf(s, "\n%s\n", s.Paint(terminal.Bold, capital(what)))
	if changed == 0 && f.Before.Profiles == f.After.Profiles {
		if f.Before.Profiles == 1 {
			fmt.Fprintln(s, "  The one profile stays as it is.")
		} else {
			fmt.Fprintf(s, "  All %s stay as they are.\n", terminal.Many(f.Before.Profiles, "profile"))
		}
	} else {
		fmt.Fprintf(s, "  %s of %s would change; there would be %s.\n", terminal.Count(changed), terminal.Many(f.Before.Profiles, "profile"), terminal.Count(f.After.Profiles))
		t := terminal.Table{Indent: "    "}
		for _, row := range []struct {
			n    int
			text string
		}{
			{f.Split, "come apart"}, {f.Merged, "become part of a larger one"}, {f.Losing, "lose identifiers"},
			{f.Gaining, "gain identifiers that nobody owned"}, {f.Same, "stay as they are"},
		} {
			if row.n > 0 {
				t.Add(terminal.Count(row.n), row.text)
			}
		}
		t.Write(s)
	}
	sh.printLargest(f)
	sh.printViolations(f)
	if len(f.Suspects) > 0 {
		fmt.Fprintf(s, "\n  %s\n", s.Paint(terminal.Bold, "Values shared by unusually many"))
		t := terminal.Table{Indent: "    ", Header: []string{"VALUE", "STRANDS", "IF BLOCKED"}}
		for _, x := range f.Suspects {
			without := "nothing comes apart"
			if x.Pieces > 1 {
				without = "what hangs on it falls into " + terminal.Count(x.Pieces)
			}
			t.Add(terminal.Clean(x.ID), terminal.Count(x.Strands), without)
		}
		t.Write(s)
	}
	if len(f.Sample) > 0 {
		fmt.Fprintf(s, "\n  %s\n", s.Paint(terminal.Bold, "Some of those who would change"))
		for i := range f.Sample {
			if i == 5 {
				fmt.Fprintf(s, "    %s\n", s.Paint(terminal.Dim, fmt.Sprintf("and %d more with --json", len(f.Sample)-5)))
				break
			}
			x := &f.Sample[i]
			t := terminal.Table{Indent: "    ", Styles: []terminal.Style{terminal.Dim, terminal.Dim, ""}}
			for k := range x.Before {
				t.Add("before", x.Before[k].Profile, groupSays(&x.Before[k], 5))
			}
			for k := range x.After {
				t.Add("after", orElse(x.After[k].Profile, "(new)"), groupSays(&x.After[k], 5))
			}
			if len(x.Unowned) > 0 {
				t.Add("nobody's", "", terminal.Clean(strings.Join(x.Unowned, ", ")))
			}
			t.Write(s)
			fmt.Fprintln(s)
		}
	}
}

func (sh *shell) printLargest(f *api.SimulatedCollection) {
	s := sh.out
	if len(f.Before.Largest) == 0 && len(f.After.Largest) == 0 {
		return
	}
	fmt.Fprintf(s, "\n  %s\n", s.Paint(terminal.Bold, "Largest profiles"))
	t := terminal.Table{Indent: "    ", Header: []string{"", "STRANDS", "IDENTIFIERS", "WHO"}}
	for side, list := range [][]api.ProfileGroup{f.Before.Largest, f.After.Largest} {
		for i := range list {
			if i == 3 {
				break
			}
			t.Add([]string{"before", "after"}[side], terminal.Count(list[i].Strands), terminal.Count(int64(list[i].Count)), groupSays(&list[i], 2))
		}
	}
	t.Write(s)
}

func (sh *shell) printViolations(f *api.SimulatedCollection) {
	s := sh.out
	if len(f.Before.Violations) == 0 && len(f.After.Violations) == 0 {
		return
	}
	type key struct{ typ, reason string }
	var order []key
	counts := map[key]*[2]int{}
	for side, p := range []*api.Population{&f.Before, &f.After} {
		for _, v := range p.Violations {
			k := key{v.Type, v.Reason}
			if v.Broke != "" {
				k.reason += " of " + v.Broke
			}
			if counts[k] == nil {
				counts[k] = &[2]int{}
				order = append(order, k)
			}
			counts[k][side] += v.Count
		}
	}
	fmt.Fprintf(s, "\n  %s\n", s.Paint(terminal.Bold, "Identifiers left out"))
	t := terminal.Table{Indent: "    ", Header: []string{"TYPE", "REASON", "BEFORE", "AFTER"}}
	for _, k := range order {
		t.Add(terminal.Clean(k.typ), terminal.Clean(k.reason), terminal.Count(counts[k][0]), terminal.Count(counts[k][1]))
	}
	t.Write(s)
}
