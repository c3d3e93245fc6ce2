package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/selfsame-id/selfsame/internal/api"
)

func (sh *shell) same() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "same ID ID",
		Short: "Say that two identifiers are of one person",
		Long: `Joins the profiles of two identifiers although no event links them: a customer
wrote from another address, two accounts turned out to be one. It holds whatever the
limits of the rules say, and for whatever arrives, is imported or replayed later. An
identifier that nobody has seen yet belongs there as soon as it comes.

It is an override: it shows what would change and asks first, selfsame undo list
shows it, and selfsame undo revert takes it back. What selfsame undo cut keeps apart
cannot be joined, and the other way round.`,
		Example: `  selfsame same user_id:42 email:jane@work.example --why "told us on the phone"
  selfsame same --account group_id:acme group_id:acme-inc`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return errors.New("name two identifiers")
			}
			return nil
		},
	}
	f := sh.undoFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return sh.decide(cmd, f, api.OverrideRequest{Kind: "same", IDs: args})
	}
	return cmd
}
