package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/client"

	"github.com/selfsame-id/selfsame/internal/cli/terminal"

	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/config"
	"github.com/selfsame-id/selfsame/internal/identity"
)

func (sh *shell) rules() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "Show, check and set the rules of a space",
		Long: `The rules say which identifiers are believed, in which order, and how many
values of each a person may have. Without a subcommand the rules in force are
printed as YAML, in the form that ` + "`rules set`" + ` and the configuration file take.`,
		Example: `  selfsame rules > rules.yaml
  selfsame rules --full > rules.yaml              every type, built-in ones too
  selfsame rules check rules.yaml
  selfsame rules set rules.yaml --space dev --why "shared tablets in the shops"
  selfsame rules log`,
		Args: cobra.NoArgs,
	}
	w := sh.where(cmd, true)
	asJSON := jsonFlag(cmd)
	full := cmd.Flags().Bool("full", false, "print every identifier type with its limit and priority, built-in ones too")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			var r api.Rules
			if err := c.Call(cmd.Context(), http.MethodGet, client.InSpace(space, "rules"), nil, nil, &r); err != nil {
				return err
			}
			if *asJSON {
				return sh.json(r)
			}
			return sh.printRules(space, &r, *full)
		})
	}
	cmd.AddCommand(sh.rulesCheck(), sh.rulesSet(), sh.rulesLog(), sh.rulesShow(), sh.rulesRestore(), sh.rulesCopy())
	return cmd
}

func (sh *shell) printRules(space string, r *api.Rules, full bool) error {
	note := fmt.Sprintf("# Rules of space %s, version %d, set by %s", space, r.Version, terminal.Clean(r.SetBy))
	if r.SetAt != nil {
		note += " at " + terminal.Moment(r.SetAt)
	}
	if r.Declared {
		note += "\n# They are declared in the configuration file: change them there and restart the server."
	}
	rs, err := identity.Compile(r.Rules)
	if err != nil {
		return fmt.Errorf("the server's rules cannot be read here; does it run another version? %w", err)
	}
	if r.Applying {
		note += "\n# They apply to new events; existing ones are still being resolved again."
	}
	note += "\n#\n# Order of priority, and how many values a person may have:\n"
	t := terminal.Table{Indent: "#   "}
	for _, one := range rs.Types(r.NewTypes...) {
		limit := strconv.Itoa(one.Limit.Values)
		if w := one.Limit.WindowWord(); w != "ever" {
			limit += " " + w
		}
		kind, remark := "device or cookie", ""
		switch {
		case one.Type == "group_id":
			kind = "names an account"
		case one.NamesPerson:
			kind = "names a person"
		}
		if slices.Contains(r.NewTypes, one.Type) {
			remark = "arrived without being listed"
		}
		t.Add(terminal.Clean(one.Type), limit, kind, remark)
	}
	fmt.Fprint(sh.out, sh.out.Paint(terminal.Dim, note))
	t.Styles = []terminal.Style{terminal.Dim, terminal.Dim, terminal.Dim, terminal.Yellow}
	t.Write(sh.out)
	if full {
		return sh.yaml(rs.Full(r.NewTypes...))
	}
	return sh.yaml(rs.Effective())
}

// readRules reads a rules file, "-" is standard input, and shows the remarks on
// it.
func (sh *shell) readRules(name string) (identity.Rules, error) {
	var text []byte
	var err error
	if name == "-" {
		name = "standard input"
		text, err = io.ReadAll(sh.in)
	} else {
		text, err = os.ReadFile(name)
	}
	if err != nil {
		return identity.Rules{}, err
	}
	r, remarks, err := config.ReadRules(name, text)
	for _, m := range remarks {
		fmt.Fprintf(sh.err, "%s %s: %s\n", sh.err.Paint(terminal.Yellow, "note:"), m.Where, m.What)
	}
	return r, err
}

func (sh *shell) rulesCheck() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Check a rules file without a server",
		Args:  exactly("FILE"),
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		r, err := sh.readRules(args[0])
		if err != nil {
			return err
		}
		if *asJSON {
			rs, err := identity.Compile(r)
			if err != nil {
				return err
			}
			return sh.json(struct {
				Remarks   []remark       `json:"remarks"`
				Effective identity.Rules `json:"effective"`
			}{remarksOf(rs), rs.Effective()})
		}
		fmt.Fprintf(sh.out, "%s is valid: %s listed\n", terminal.Clean(args[0]), terminal.Many(int64(len(r.Identifiers)), "identifier type"))
		return nil
	}
	return cmd
}

// remark is what may not be meant in rules, as the API says it.
type remark struct {
	Where string `json:"where"`
	What  string `json:"what"`
}

func remarksOf(rs *identity.Ruleset) []remark {
	out := []remark{}
	for _, m := range rs.Remarks() {
		out = append(out, remark{m.Where, m.What})
	}
	return out
}

func (sh *shell) rulesSet() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "set FILE",
		Short: "Make the rules of a file the rules of a space",
		Long: `Makes the rules of a file the rules of a space. They hold for what is there as
well as for what comes: a job resolves everything again while events keep coming.
` + "`selfsame simulate`" + ` shows beforehand what that would change.

Of two people who change rules at once, --if-version tells the second one: the
rules are set only if that version is still in force.`,
		Example: `  selfsame rules set rules.yaml --if-version 3 --why "shared tablets in the shops"`,
		Args:    exactly("FILE"),
	}
	w := sh.where(cmd, true)
	asJSON := jsonFlag(cmd)
	why := cmd.Flags().String("why", "", "the reason, for the history")
	version := cmd.Flags().String("if-version", "", "only if `VERSION` is in force; selfsame rules shows it")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		rules, err := sh.readRules(args[0])
		if err != nil {
			return err
		}
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			return sh.changeRules(cmd, c, space, http.MethodPut, client.InSpace(space, "rules"), *why, *version, rules, *asJSON)
		})
	}
	return cmd
}
