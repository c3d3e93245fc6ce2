package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/show"

	"github.com/selfsame-id/selfsame/internal/cli/client"

	"github.com/selfsame-id/selfsame/internal/cli/terminal"

	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/selfsame-id/selfsame/internal/api"
)

func (sh *shell) undo() *cobra.Command {
	return group(&cobra.Command{
		Use:   "undo",
		Short: "Take people apart that were merged by mistake",
		Long: `Events tie identifiers together, and sometimes they should not have: a shared
tablet, a typo, a test account. These commands say so once and for all. What they
decide, an override, holds for what is there and for whatever arrives, is imported
or replayed later, and can itself be taken back.

Each command shows what would change, the profiles before and after, and asks
before it changes anything.`,
		Example: `  selfsame undo cut user_id:42 anonymous_id:77              these two do not belong together
  selfsame undo isolate email:info@example.com              this one names nobody
  selfsame undo split user_id:42 --event msg-123            as before this event merged them
  selfsame undo list
  selfsame undo revert ovr_2ZxJ5cSHkH2p8vTbGyWQ1mXkTnA      the links may come back`,
	}, sh.undoCut(), sh.undoIsolate(), sh.undoSplit(), sh.undoDrop(), sh.undoList(), sh.undoRevert())
}

// undoFlags are what all these commands take.
type undoFlags struct {
	*where
	account bool
	yes     bool
	dry     bool
	json    *bool
	why     string
}

func (sh *shell) undoFlags(cmd *cobra.Command) *undoFlags {
	f := &undoFlags{where: sh.where(cmd, true), json: jsonFlag(cmd)}
	cmd.Flags().BoolVar(&f.account, "account", false, "the identifiers are of accounts, not users")
	cmd.Flags().BoolVarP(&f.yes, "yes", "y", false, "apply without asking")
	cmd.Flags().BoolVar(&f.dry, "dry-run", false, "only show what would change")
	cmd.Flags().StringVar(&f.why, "why", "", "the reason, for the audit trail")
	return f
}

func (sh *shell) undoCut() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cut ID ID...",
		Short: "Keep two identifiers, or several, in different profiles",
		Long: `Keeps identifiers in different profiles, each from each. Where an event carries
two of them, the one of lower priority is left out.`,
		Example: `  selfsame undo cut user_id:42 anonymous_id:77 --why "shared tablet in the shop"`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 {
				return errors.New("name two identifiers, or more")
			}
			return nil
		},
	}
	f := sh.undoFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return sh.decide(cmd, f, api.OverrideRequest{Kind: "cannot_link", IDs: args})
	}
	return cmd
}

func (sh *shell) undoIsolate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "isolate ID...",
		Short: "Take an identifier off its profile, for good",
		Long: `Says that an identifier names nobody: the shop's own address, a shared phone. It
ties nothing together any more, and nobody is found under it. Events that carry it
belong to whom their other identifiers name, those that come later too; events that
carry nothing else belong to nobody.`,
		Example: `  selfsame undo isolate email:info@example.com --why "the shop's own address"`,
		Args:    cobra.MinimumNArgs(1),
	}
	f := sh.undoFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return sh.decide(cmd, f, api.OverrideRequest{Kind: "isolate", IDs: args})
	}
	return cmd
}

func (sh *shell) undoSplit() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "split PROFILE --event MESSAGE_ID",
		Short: "Split a profile as it was before an event merged it",
		Long: `Splits a profile into those that an event merged: what they had of their own goes
back to each of them, under their old profile IDs. ` + "`selfsame explain PROFILE`" + `
shows which events merged what.`,
		Example: `  selfsame undo split email:jane@example.com --event 3f6c-login`,
		Args:    exactly("PROFILE"),
	}
	f := sh.undoFlags(cmd)
	event := cmd.Flags().String("event", "", "the `MESSAGE_ID` of the event that merged")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *event == "" {
			return usage("--event is missing: the messageId of the event that merged; see: selfsame explain %s", args[0])
		}
		return sh.decide(cmd, f, api.OverrideRequest{Kind: "split", Profile: args[0], MessageID: *event})
	}
	return cmd
}

func (sh *shell) undoDrop() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "drop ID --strand STRAND",
		Short:   "Cut an identifier from one set of identifiers seen together",
		Example: `  selfsame undo drop anonymous_id:77 --strand 0f3a9c5d1e7b24680f3a9c5d1e7b2468`,
		Args:    exactly("ID"),
	}
	f := sh.undoFlags(cmd)
	strand := cmd.Flags().String("strand", "", "the `STRAND`, as explain --json shows it")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *strand == "" {
			return usage("--strand is missing; selfsame explain --json shows the strands of each step")
		}
		return sh.decide(cmd, f, api.OverrideRequest{Kind: "drop", IDs: args, Strand: *strand})
	}
	return cmd
}

func (sh *shell) undoRevert() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "revert OVERRIDE",
		Short:   "Take an override back: what it kept apart may come together, what it joined may come apart",
		Example: `  selfsame undo revert ovr_2ZxJ5cSHkH2p8vTbGyWQ1mXkTnA`,
		Args:    exactly("OVERRIDE"),
	}
	f := sh.undoFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return f.inSpace(cmd.Context(), func(c *connection, space string) error {
			return sh.regroup(cmd, f, c, space, http.MethodDelete, client.InSpace(space, "overrides", args[0]), nil)
		})
	}
	return cmd
}

// decide asks for an override: first for what it would change, then, if that is
// wanted, for the change.
func (sh *shell) decide(cmd *cobra.Command, f *undoFlags, want api.OverrideRequest) error {
	if f.account {
		want.Collection = "accounts"
	}
	want.Why = f.why
	return f.inSpace(cmd.Context(), func(c *connection, space string) error {
		return sh.regroup(cmd, f, c, space, http.MethodPost, client.InSpace(space, "overrides"), want)
	})
}

func (sh *shell) regroup(cmd *cobra.Command, f *undoFlags, c *connection, space, method, path string, want any) error {
	ctx := cmd.Context()
	query := url.Values{"preview": {"true"}}
	if f.why != "" {
		query.Set("why", f.why)
	}
	var g api.Regrouping
	var answer json.RawMessage
	if err := c.Call(ctx, method, path, query, want, &answer); err != nil {
		return err
	}
	if err := json.Unmarshal(answer, &g); err != nil {
		return err
	}
	back := method == http.MethodDelete
	if f.dry || !f.yes {
		if *f.json {
			if err := sh.json(answer); err != nil {
				return err
			}
		} else {
			show.Regrouped(sh.out, &g, back)
		}
		if f.dry {
			return nil
		}
		if err := sh.confirm("Apply this?"); err != nil {
			return err
		}
	}
	query.Del("preview")
	if err := c.CallIf(ctx, method, path, query, strconv.FormatUint(g.Revision, 10), want, &answer); err != nil {
		if client.HasStatus(err, http.StatusPreconditionFailed) {
			return fmt.Errorf("somebody else changed an override in this moment, so nothing was done; check again what it would change")
		}
		return err
	}
	if *f.json {
		return sh.json(answer)
	}
	g = api.Regrouping{}
	if err := json.Unmarshal(answer, &g); err != nil {
		return err
	}
	if f.yes {
		show.Regrouped(sh.out, &g, back)
	}
	if back {
		fmt.Fprintf(sh.out, "Override %s is taken back.\n", g.Override.ID)
	} else {
		fmt.Fprintf(sh.out, "Done: override %s holds from now on. Take it back with: selfsame undo revert %s\n", g.Override.ID, g.Override.ID)
	}
	return sh.awaitRules(ctx, c, space, &api.Rules{Applying: g.Applying}, sh.out)
}

func (sh *shell) undoList() *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List what was decided, the newest first", Args: cobra.NoArgs}
	w := sh.where(cmd, true)
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			all, err := client.List[api.Override](cmd.Context(), c.Client, client.InSpace(space, "overrides"))
			if err != nil {
				return err
			}
			if *asJSON {
				return sh.json(all)
			}
			if len(all) == 0 {
				fmt.Fprintf(sh.out, "Nothing was decided in space %s.\n", space)
				return nil
			}
			t := terminal.Table{Header: []string{"OVERRIDE", "WHEN", "WHO", "WHAT", "WHY"}}
			for i := range all {
				d := &all[i]
				t.Add(d.ID, terminal.Moment(d.At), terminal.Clean(show.OrElse(d.For, d.By)), terminal.Shorten(show.Override(d), 70), terminal.Shorten(terminal.Clean(d.Why), 40))
			}
			t.Write(sh.out)
			return nil
		})
	}
	return cmd
}
