package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/client"

	"github.com/selfsame-id/selfsame/internal/cli/terminal"

	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/selfsame-id/selfsame/internal/catalog"
	"github.com/selfsame-id/selfsame/internal/config"
)

func (sh *shell) sourceRotate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rotate ID",
		Short: "Give a source a new write key; --grace keeps the old one valid for a while",
		Long: `Makes a new write key, which is shown once. The old one is refused at once, or,
with --grace, when that time has passed: apps that are installed already go on
sending with it. selfsame source list shows which old keys are still accepted.`,
		Example: `  selfsame source rotate ios-app --grace 30d --space prod
  selfsame source retire ios-app --space prod      refuse the old keys now`,
		Args: exactly("ID"),
	}
	w := sh.where(cmd, true)
	grace := cmd.Flags().String("grace", "", "how long the old key is taken, up to 730d: a `TIME` such as 30d or 12h")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		query := url.Values{}
		if *grace != "" {
			var d config.Duration
			if err := d.UnmarshalText([]byte(*grace)); err != nil {
				return usage("--grace: %v", err)
			}
			query.Set("grace", *grace)
		}
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			var made struct {
				catalog.Source
				WriteKey string `json:"write_key"`
			}
			if err := c.Call(cmd.Context(), http.MethodPost, client.InSpace(space, "sources", args[0], "rotate"), query, nil, &made); err != nil {
				return err
			}
			if *asJSON {
				return sh.json(made)
			}
			fmt.Fprintf(sh.out, "Source %s has a new write key, shown now and never again:\n\n  %s\n\n", args[0], sh.out.Paint(terminal.Bold, made.WriteKey))
			if len(made.FormerKeys) > 0 {
				old := made.FormerKeys[0]
				if *grace == "" {
					fmt.Fprintf(sh.out, "The old key %s… is refused from now on.\n", terminal.Clean(old.Prefix))
				} else {
					fmt.Fprintf(sh.out, "The old key %s… is accepted until %s.\n", terminal.Clean(old.Prefix), terminal.Moment(old.Until))
				}
			}
			return nil
		})
	}
	return cmd
}

func (sh *shell) sourceRetire() *cobra.Command {
	cmd := &cobra.Command{Use: "retire ID", Short: "Refuse a source's old write keys from now on", Args: exactly("ID")}
	w := sh.where(cmd, true)
	yes := cmd.Flags().Bool("yes", false, "do not ask")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			var src catalog.Source
			if err := c.Call(cmd.Context(), http.MethodGet, client.InSpace(space, "sources", args[0]), nil, nil, &src); err != nil {
				return err
			}
			taken := keysTaken(src.FormerKeys, time.Now())
			if taken == 0 {
				fmt.Fprintf(sh.out, "Source %s has no old keys that are still accepted.\n", args[0])
				return nil
			}
			if !*yes {
				if err := sh.confirm(fmt.Sprintf("Refuse %s of %s? Apps that still send with one lose their events.", terminal.Many(int64(taken), "old key"), args[0])); err != nil {
					return err
				}
			}
			if err := c.Call(cmd.Context(), http.MethodPost, client.InSpace(space, "sources", args[0], "retire"), nil, nil, nil); err != nil {
				return err
			}
			fmt.Fprintf(sh.out, "%s of %s: refused from now on.\n", terminal.Many(int64(taken), "old key"), args[0])
			return nil
		})
	}
	return cmd
}

// keysTaken counts the former keys that are still taken.
func keysTaken(keys []catalog.FormerKey, now time.Time) (n int) {
	for _, k := range keys {
		if k.Until != nil && k.Until.After(now) {
			n++
		}
	}
	return n
}

func (sh *shell) sourceDelete() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "delete ID",
		Short: "Delete a source: its write keys are refused from now on",
		Long: `Deletes a source. Its write keys are refused from now on, and what is sent with
them is lost. The events that it has sent stay, with its name on them.`,
		Args: exactly("ID"),
	}
	w := sh.where(cmd, true)
	yes := cmd.Flags().Bool("yes", false, "do not ask")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			var src catalog.Source
			if err := c.Call(cmd.Context(), http.MethodGet, client.InSpace(space, "sources", args[0]), nil, nil, &src); err != nil {
				return err
			}
			if !*yes {
				sh.previewSource(&src)
				if err := sh.confirm(fmt.Sprintf("Delete source %s?", args[0])); err != nil {
					return err
				}
			}
			if err := c.Call(cmd.Context(), http.MethodDelete, client.InSpace(space, "sources", args[0]), nil, nil, nil); err != nil {
				return err
			}
			fmt.Fprintf(sh.out, "Source %s is deleted. What it has sent stays.\n", args[0])
			return nil
		})
	}
	return cmd
}

// previewSource says what the deletion of a source means.
func (sh *shell) previewSource(src *catalog.Source) {
	fmt.Fprintf(sh.out, "Source %s (%s) feeds %s.\n", terminal.Clean(src.ID), terminal.Clean(src.Name), terminal.Clean(strings.Join(src.Spaces, ", ")))
	fmt.Fprintf(sh.out, "Its write key %s…", terminal.Clean(src.KeyPrefix))
	if n := keysTaken(src.FormerKeys, time.Now()); n > 0 {
		fmt.Fprintf(sh.out, " and %s", terminal.Many(int64(n), "old key"))
	}
	fmt.Fprintln(sh.out, " will be refused. What it has sent stays.")
}

func (sh *shell) sourceUnknown() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "unknown-keys",
		Short: "Show who sends events with a write key that belongs to no source",
		Long: `Requests with a wrong or rotated write key are refused with 401, and SDKs throw
such events away. This lists who sent them in the last 30 days, in all spaces: the
first characters of the key, the address and the SDK.`,
		Example: `  selfsame source unknown-keys
  selfsame source unknown-keys --forget      empty the list`,
		Args: cobra.NoArgs,
	}
	w := sh.where(cmd, false)
	asJSON := jsonFlag(cmd)
	forget := cmd.Flags().Bool("forget", false, "empty the list")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return w.with(cmd.Context(), func(c *connection) error {
			if *forget {
				if err := c.Call(cmd.Context(), http.MethodDelete, "/api/unknown-keys", nil, nil, nil); err != nil {
					return err
				}
				fmt.Fprintln(sh.out, "The list is empty now.")
				return nil
			}
			all, err := client.List[catalog.UnknownKey](cmd.Context(), c.Client, "/api/unknown-keys")
			if err != nil {
				return err
			}
			if *asJSON {
				return sh.json(append([]catalog.UnknownKey{}, all...))
			}
			if len(all) == 0 {
				fmt.Fprintln(sh.out, "Nobody sent a write key that belongs to no source in the last 30 days.")
				return nil
			}
			t := terminal.Table{Header: []string{"KEY", "WAS THE KEY OF", "ADDRESS", "SDK", "REQUESTS", "FIRST", "LAST"}}
			for _, u := range all {
				t.Add(unknownKeyText(u.Key), terminal.Clean(u.Source), terminal.Clean(u.Address), terminal.Shorten(terminal.Clean(u.SDK), 40), terminal.Count(u.Count), terminal.Moment(&u.First), terminal.Moment(&u.Last))
			}
			t.Write(sh.out)
			return nil
		})
	}
	return cmd
}

// unknownKeyText is how the record of an unknown key shows the key.
func unknownKeyText(key string) string {
	switch key {
	case "":
		return "(none)"
	case "*":
		return "(many)"
	}
	return terminal.Clean(key) + "…"
}
