package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/client"

	"github.com/selfsame-id/selfsame/internal/cli/terminal"

	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/catalog"
)

func (sh *shell) source() *cobra.Command {
	return group(&cobra.Command{
		Use:   "source",
		Short: "List, make and delete sources, and give them new write keys",
		Long: `A source is where events come from: an app, a website, a backend. Its write key
lets an SDK send events for it. The key is shown once, when the source is made.`,
		Example: `  selfsame source list
  selfsame source create ios-app --name "SegKicks iOS" --space dev
  selfsame source create web --space dev --also prod    one source that feeds two spaces
  selfsame source rotate ios-app --grace 30d --space dev
  selfsame source unknown-keys                          who sends with a wrong write key`,
	}, sh.sourceList(), sh.sourceCreate(), sh.sourceRotate(), sh.sourceRetire(), sh.sourceDelete(), sh.sourceUnknown())
}

func (sh *shell) sourceList() *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List the sources of a space, with their events and the ages of their keys", Args: cobra.NoArgs}
	w := sh.where(cmd, true)
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			sources, err := client.List[api.Source](cmd.Context(), c.Client, client.InSpace(space, "sources"))
			if err != nil {
				return err
			}
			if *asJSON {
				return sh.json(sources)
			}
			t := terminal.Table{Header: []string{"ID", "NAME", "EVENTS", "LAST EVENT", "WRITE KEY", "OLD KEYS", "FEEDS", "FROM"}}
			now := time.Now()
			for _, s := range sources {
				last := "never"
				if s.Last != nil {
					last = terminal.Moment(s.Last)
				}
				t.Add(s.ID, s.Name, terminal.Count(s.Events), last, keyAge(s.KeyPrefix, s.KeyCreatedAt, now), oldKeys(s.FormerKeys, now), strings.Join(s.Spaces, ", "), madeBy(s.Declared))
			}
			t.Write(sh.out)
			return nil
		})
	}
	return cmd
}

// keyAge shows the first characters of a write key and how old it is.
func keyAge(prefix string, made, now time.Time) string {
	return fmt.Sprintf("%s… (%s)", prefix, age(now.Sub(made)))
}

// age is a length of time in whole days, or today.
func age(d time.Duration) string {
	if days := int64(d / (24 * time.Hour)); days > 0 {
		return terminal.Many(days, "day")
	}
	return "today"
}

// oldKeys shows the former keys that are still taken, and until when.
func oldKeys(keys []catalog.FormerKey, now time.Time) string {
	var out []string
	for _, k := range keys {
		if k.Until != nil && k.Until.After(now) {
			out = append(out, keyAge(k.Prefix, k.CreatedAt, now)+" until "+terminal.Moment(k.Until))
		}
	}
	return strings.Join(out, ", ")
}

// madeBy says where an entry of the catalog is changed.
func madeBy(declared bool) string {
	if declared {
		return "configuration file"
	}
	return "API"
}

func (sh *shell) sourceCreate() *cobra.Command {
	var name string
	var also []string
	cmd := &cobra.Command{Use: "create ID", Short: "Make a source and show its write key", Args: exactly("ID")}
	w := sh.where(cmd, true)
	asJSON := jsonFlag(cmd)
	cmd.Flags().StringVar(&name, "name", "", "a `NAME` for people")
	cmd.Flags().StringSliceVar(&also, "also", nil, "other `SPACES` that it feeds too")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			var made struct {
				catalog.Source
				WriteKey string `json:"write_key"`
			}
			given := map[string]any{"id": args[0], "name": name, "spaces": also}
			if err := c.Call(cmd.Context(), http.MethodPost, client.InSpace(space, "sources"), nil, given, &made); err != nil {
				return err
			}
			if *asJSON {
				return sh.json(made)
			}
			fmt.Fprintf(sh.out, "Source %s feeds %s. Its write key, shown now and never again:\n\n  %s\n\n",
				args[0], strings.Join(append([]string{space}, also...), ", "), sh.out.Paint(terminal.Bold, made.WriteKey))
			return nil
		})
	}
	return cmd
}
