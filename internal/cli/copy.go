package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/terminal"

	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/selfsame-id/selfsame/internal/app"
	"github.com/selfsame-id/selfsame/internal/config"
)

func (sh *shell) copyStore() *cobra.Command {
	var from, to string
	cmd := &cobra.Command{
		Use:   "copy --from DIR|URL --to DIR|URL",
		Short: "Copy everything to another store",
		Long: `Copies everything from one store to another, empty one: from a data directory
to a database that several nodes share, or back. At the end the copy is read
again and compared with what was read: rows, bytes and a checksum.

Stop the servers of the source first: what they accept during a copy is not in it.
The source is not changed. A server refuses a copy that was interrupted; the same
command starts it over.`,
		Example: `  selfsame copy --from ./selfsame-data --to postgres://selfsame@db.internal/selfsame
  selfsame copy --from postgres://selfsame@db.internal/selfsame --to /var/lib/selfsame`,
		Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	f.StringVar(&from, "from", "", "data `DIR` or `URL` of the store that is copied")
	f.StringVar(&to, "to", "", "data `DIR` or `URL` of an empty store")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if from == "" || to == "" {
			return usage("--from and --to say what is copied where; see: %s --help", cmd.CommandPath())
		}
		if from == to {
			return usage("--from and --to are the same store")
		}
		source, err := sh.storeAt("--from", from)
		if err != nil {
			return err
		}
		if source.Store == "" && !app.HasData(source.Data) {
			return fmt.Errorf("%s is not the data directory of a Selfsame server; name the one that the server was started with", terminal.Clean(from))
		}
		target, err := sh.storeAt("--to", to)
		if err != nil {
			return err
		}
		log := app.NewLogger(sh.err.Log(), slog.LevelWarn, sh.err.Terminal, sh.err.Colour)
		b, began := terminal.NewBar(sh.err), time.Now()
		t, err := app.Copy(cmd.Context(), source, target, log, func(stage app.CopyStage, done app.Tally, total int64) {
			text := terminal.Many(done.Rows, "row") + " " + string(stage)
			if done.Bytes > 0 {
				text += ", " + terminal.Count(done.Bytes>>20) + " MiB"
			}
			b.Show(done.Rows, total, text)
		})
		b.Done()
		if err != nil {
			return err
		}
		fmt.Fprintf(sh.out, "%s in %s: %s\n", sh.out.Paint(terminal.Bold, "Copied "+terminal.Many(t.Rows, "row")), terminal.Span(time.Since(began)), terminal.Many(t.Bytes, "byte"))
		fmt.Fprintf(sh.out, "%s\n", sh.out.Paint(terminal.Green, "Both stores have the checksum "+t.String()+"."))
		return nil
	}
	return cmd
}

// storeAt is the configuration of a store that was named by itself. What the
// environment says about where the data is does not matter here.
func (sh *shell) storeAt(flag, name string) (config.Config, error) {
	key := "data"
	if strings.Contains(name, "://") || strings.HasPrefix(name, "postgres:") || strings.HasPrefix(name, "postgresql:") {
		key = "store"
		sh.remarkPassword(flag, name)
	}
	return config.Load(config.Origins{Env: sh.env, Flags: map[string]string{key: name}})
}
