package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/client"

	"github.com/selfsame-id/selfsame/internal/cli/terminal"

	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/selfsame-id/selfsame/internal/api"
)

func (sh *shell) verify() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Work everything out again and compare",
		Long: `Resolves all events of a space again, by the plain batch function that defines
who is who, folds every trait again, and compares the outcome with what is
stored. It works on a running server and on a stopped one's directory. It also says
what a start found missing because files were damaged, until the warning events_lost
is dismissed.

Exit code 0: no difference, nothing missing. 1: differences, which are listed with
their evidence, or something is missing.`,
		Example: `  selfsame verify
  selfsame verify --data ./selfsame-data --space dev`,
		Args: cobra.NoArgs,
	}
	w := sh.where(cmd, true)
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return w.inSpace(cmd.Context(), func(c *connection, id string) error {
			started := time.Now()
			res, err := c.Send(cmd.Context(), http.MethodPost, client.InSpace(id, "verify"), nil, nil, nil)
			if err != nil {
				return err
			}
			defer res.Body.Close()
			report, err := sh.watch(res.Body)
			if err != nil {
				return err
			}
			if *asJSON {
				err = sh.json(report)
			} else {
				sh.verdict(report, time.Since(started))
			}
			if err == nil && len(report.Differences)+len(report.Lost) > 0 {
				err = failure{exitFailed}
			}
			return err
		})
	}
	return cmd
}

// watch shows progress until the report comes.
func (sh *shell) watch(answer io.Reader) (*api.VerifyReport, error) {
	b := terminal.NewBar(sh.err)
	defer b.Done()
	lines := json.NewDecoder(answer)
	for {
		var line struct {
			Progress *struct {
				Stage       string
				Done, Total int64
			}
			Report *api.VerifyReport
			Error  *struct{ Message string }
		}
		err := lines.Decode(&line)
		switch {
		case errors.Is(err, io.EOF):
			return nil, errors.New("the server stopped answering; its log says why")
		case err != nil:
			return nil, fmt.Errorf("the verification was interrupted: %w", err)
		case line.Error != nil:
			return nil, errors.New(line.Error.Message)
		case line.Report != nil:
			return line.Report, nil
		case line.Progress != nil:
			p := line.Progress
			text := p.Stage + ": " + terminal.Count(p.Done)
			if p.Total > 0 {
				text += " of " + terminal.Count(p.Total)
			}
			b.Show(p.Done, p.Total, text)
		}
	}
}

func (sh *shell) verdict(r *api.VerifyReport, took time.Duration) {
	s := sh.out
	fmt.Fprintf(s, "Worked out again in %s: %s, %s, %s, %s\n", terminal.Span(took),
		terminal.Many(r.Events, "event"), terminal.Many(r.Strands, "strand"), terminal.Many(r.Profiles, "profile"), terminal.Many(r.Traits, "trait"))
	if r.Damaged > 0 {
		fmt.Fprintf(s, "%s\n", s.Paint(terminal.Red, terminal.Many(r.Damaged, "event")+" cannot be read any more: check the disk, and restore a backup if you have one. Everything else works."))
	}
	for _, l := range r.Lost {
		fmt.Fprintf(s, "%s at least %s with %s that had been acknowledged %s missing since the start at %s: %s\n", s.Paint(terminal.Red, "Lost:"),
			terminal.Many(int64(l.Commits), "commit"), terminal.Many(int64(l.Events), "event"), map[bool]string{true: "is", false: "are"}[l.Commits == 1],
			l.Found.UTC().Format(time.RFC3339), terminal.Clean(l.Where))
		fmt.Fprintf(s, "      The last of them was accepted at %s. `selfsame warnings` says what to do.\n", l.Until.UTC().Format(time.RFC3339))
	}
	if len(r.Differences) == 0 {
		fmt.Fprintln(s, s.Paint(terminal.Green, "No difference: what is stored is what the events say."))
		return
	}
	n := terminal.Many(int64(len(r.Differences)), "difference")
	if r.Truncated {
		n = "More than " + n
	}
	fmt.Fprintf(s, "%s\n", s.Paint(terminal.Red, n+":"))
	for _, d := range r.Differences {
		fmt.Fprintf(s, "\n  %s %s\n", s.Paint(terminal.Bold, terminal.Clean(d.Kind)), terminal.Clean(d.Subject))
		t := terminal.Table{Indent: "    ", Styles: []terminal.Style{terminal.Dim}}
		t.Add("stored", terminal.Clean(d.Stored))
		t.Add("expected", terminal.Clean(d.Expected))
		if d.Evidence != "" {
			t.Add("evidence", terminal.Clean(d.Evidence))
		}
		t.Write(s)
	}
	fmt.Fprintln(s, "\nThis should not happen. Please report it with the lines above, without personal data.")
}
