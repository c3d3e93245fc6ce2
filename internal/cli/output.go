package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/terminal"

	"github.com/spf13/cobra"
)

// jsonFlag adds --json.
func jsonFlag(cmd *cobra.Command) *bool {
	return cmd.Flags().Bool("json", false, "print JSON, for programs")
}

// json prints a value for programs; people can read it too. A list without
// entries is [].
func (sh *shell) json(v any) error {
	text, err := terminal.JSON(v)
	if err != nil {
		return err
	}
	_, err = sh.out.Write(text)
	return err
}

// yaml prints a document that can be read again.
func (sh *shell) yaml(v any) error {
	text, err := terminal.YAML(v)
	if err != nil {
		return err
	}
	_, err = sh.out.Write(text)
	return err
}
