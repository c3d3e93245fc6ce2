package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/show"

	"github.com/selfsame-id/selfsame/internal/cli/client"

	"github.com/selfsame-id/selfsame/internal/cli/terminal"

	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/selfsame-id/selfsame/internal/api"
)

// auditSays says what an entry is about.
func auditSays(e *api.AuditEntry) string {
	var d api.Override
	if (e.Action == "override.add" || e.Action == "override.remove") && json.Unmarshal(e.Detail, &d) == nil && len(d.IDs) > 0 {
		if e.Action == "override.remove" {
			return terminal.Shorten(show.OverrideUndone(&d), 80)
		}
		return terminal.Shorten(show.Override(&d), 80)
	}
	return terminal.Clean(e.Subject)
}

func (sh *shell) audit() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Show who changed what in a space, when and why",
		Long: `Shows who changed rules, overrides, sources and tokens of a space, and who sent
refused messages again, the newest first. BY is the token that was used, FOR the
person, as their tool says (the commands say $USER). --json has the details.`,
		Example: `  selfsame audit
  selfsame audit --limit 200 --json`,
		Args: cobra.NoArgs,
	}
	w := sh.where(cmd, true)
	asJSON := jsonFlag(cmd)
	limit := cmd.Flags().Int("limit", 50, "how many entries to show, up to 1000")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *limit < 1 || *limit > 1000 {
			return usage("--limit is %d; choose 1 to 1000", *limit)
		}
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			var page api.Page[api.AuditEntry]
			query := url.Values{"limit": {strconv.Itoa(*limit)}}
			if err := c.Call(cmd.Context(), http.MethodGet, client.InSpace(space, "audit"), query, nil, &page); err != nil {
				return err
			}
			if *asJSON {
				return sh.json(page.Data)
			}
			t := terminal.Table{Header: []string{"WHEN", "BY", "FOR", "ACTION", "WHAT", "WHY"}}
			for _, e := range page.Data {
				t.Add(terminal.Moment(e.At), terminal.Clean(e.By), terminal.Clean(e.For), terminal.Clean(e.Action), auditSays(&e), terminal.Shorten(terminal.Clean(e.Why), 50))
			}
			t.Write(sh.out)
			if page.Cursor.HasMore {
				fmt.Fprintf(sh.out, "%s\n", sh.out.Paint(terminal.Dim, "There are older entries; see --limit."))
			}
			return nil
		})
	}
	return cmd
}
