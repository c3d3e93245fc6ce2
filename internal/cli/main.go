package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/client"

	"github.com/selfsame-id/selfsame/internal/cli/terminal"

	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/selfsame-id/selfsame/internal/config"
)

// The exit codes; docs/cli.md lists them for people.
const (
	exitOK          = 0
	exitFailed      = 1   // it did not work, or verify found differences
	exitUsage       = 2   // the command line or the configuration is wrong
	exitInterrupted = 130 // ended by Ctrl-C or SIGTERM
)

// errUsage marks errors of the command line.
var errUsage = errors.New("usage")

// usage makes an error of the command line.
func usage(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errUsage, fmt.Sprintf(format, args...))
}

// failure is an outcome that was told already: only the exit code is left.
type failure struct{ code int }

func (f failure) Error() string { return fmt.Sprintf("exit code %d", f.code) }

// shell is what a command has of the world.
type shell struct {
	in       io.Reader
	out, err *terminal.Screen
	env      func(name string) (string, bool)
}

// Main runs a command line and returns the exit code. The first SIGINT or
// SIGTERM ends the command in order, the second ends it at once.
func Main(args []string) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		signal.Stop(signals) // from now on they do what they do by themselves
		cancel()
	}()
	sh := &shell{in: os.Stdin, out: terminal.NewScreen(os.Stdout), err: terminal.NewScreen(os.Stderr), env: os.LookupEnv}
	return sh.run(ctx, args)
}

func (sh *shell) run(ctx context.Context, args []string) int {
	root := sh.root()
	root.SetArgs(args)
	root.SetIn(sh.in)
	root.SetOut(sh.out)
	root.SetErr(sh.err)
	err := root.ExecuteContext(ctx)
	var told failure
	var mistakes *config.Mistakes
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &told):
		return told.code
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return exitInterrupted
	}
	text := err.Error()
	code := exitFailed
	switch {
	case errors.Is(err, errUsage):
		text = strings.TrimPrefix(text, errUsage.Error()+": ")
		code = exitUsage
	case errors.As(err, &mistakes), strings.HasPrefix(text, "unknown command"), client.IsRefusedInput(err):
		code = exitUsage
	}
	fmt.Fprintf(sh.err, "%s %s\n", sh.err.Paint(terminal.Red, "error:"), hanging(text))
	return code
}

// hanging indents the lines of a text after the first one, so that what it quotes
// cannot pass for a line of its own.
func hanging(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines[1:] {
		if line != "" && !strings.HasPrefix(line, "  ") {
			lines[i+1] = "  " + line
		}
	}
	return strings.Join(lines, "\n")
}

func (sh *shell) root() *cobra.Command {
	cobra.EnableCommandSorting = false // they come in the order in which one needs them
	root := &cobra.Command{
		Use:   "selfsame",
		Short: "Works out which events come from the same person",
		Long: `Selfsame takes the events that apps send to Segment, works out as each one
arrives which of them come from the same person, and keeps one live profile per
person. One binary, one data directory.`,
		Example: `  selfsame serve                                  start a server on http://127.0.0.1:8080
  selfsame import events.ndjson.gz                load events that you have
  selfsame profile email:janedoe@example.com      look at one person`,
		SilenceUsage:      true,
		SilenceErrors:     true,
		Version:           versionText(),
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.SetVersionTemplate(versionLine())
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		var unknown interface{ GetSpecifiedShortnames() string }
		if errors.As(err, &unknown) && len(unknown.GetSpecifiedShortnames()) > 1 {
			err = fmt.Errorf("%w; a flag that is a word begins with two dashes, such as --version", err)
		}
		return usage("%v; see: %s --help", err, cmd.CommandPath())
	})
	root.AddCommand(
		sh.serve(), sh.importEvents(), sh.export(),
		sh.profile(), sh.find(), sh.explain(), sh.same(), sh.duplicates(), sh.undo(),
		sh.insights(), sh.warnings(), sh.rejects(),
		sh.apply(), sh.traits(), sh.audiences(), sh.destinations(),
		sh.feed(),
		sh.space(), sh.source(), sh.token(),
		sh.rules(), sh.simulate(),
		sh.audit(), sh.verify(), sh.copyStore(), sh.version(),
	)
	argumentErrors(root)
	return root
}

// group makes a command of commands: by itself it says what they are.
func group(cmd *cobra.Command, commands ...*cobra.Command) *cobra.Command {
	cmd.AddCommand(commands...)
	cmd.Args = cobra.NoArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	return cmd
}

// exactly asks for one argument.
func exactly(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch len(args) {
		case 1:
			return nil
		case 0:
			return fmt.Errorf("%s is missing", what)
		}
		return fmt.Errorf("one %s at a time; %q is one too many", what, args[1])
	}
}

// argumentErrors makes wrong arguments of every command errors of the command
// line that say where help is.
func argumentErrors(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usage("%v; see: %s --help", err, cmd.CommandPath())
			}
			if slices.Contains(args, "") {
				return usage("an argument is empty (a variable that is not set?); see: %s --help", cmd.CommandPath())
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		argumentErrors(sub)
	}
}
