package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/terminal"

	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/selfsame-id/selfsame/internal/app"
	"github.com/selfsame-id/selfsame/internal/config"
)

func (sh *shell) serve() *cobra.Command {
	var file, data, store, listen string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Start the server",
		Long: `Starts the server: the Segment Tracking API, the Profile API and the management
API on one address. Without a configuration file the first start makes a space
"dev" with a source and a token, and shows their secrets once.

Ctrl-C or SIGTERM stops it in order: what was accepted is finished. A second
one ends it at once; nothing that was acknowledged is lost.`,
		Example: `  selfsame serve
  selfsame serve --config selfsame.yaml --data /var/lib/selfsame --listen :8080
  selfsame serve --store postgres://selfsame@db.internal/selfsame --listen :8080
  SELFSAME_ADMIN_TOKEN=… selfsame serve`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			flags := map[string]string{}
			if cmd.Flags().Changed("data") {
				flags["data"] = data
			}
			if cmd.Flags().Changed("store") {
				flags["store"] = store
				sh.remarkPassword("--store", store)
			}
			if cmd.Flags().Changed("listen") {
				flags["listen"] = listen
			}
			if file == "" {
				file, _ = sh.env("SELFSAME_CONFIG")
			}
			cfg, err := config.Load(config.Origins{File: file, Env: sh.env, Flags: flags})
			if err != nil {
				return err
			}
			log := app.NewLogger(sh.err.Log(), slog.Level(cfg.LogLevel), sh.err.Terminal, sh.err.Colour)
			return app.Serve(cmd.Context(), cfg, log, func(s app.Started) { sh.started(s, log) })
		},
	}
	std := config.Default()
	f := cmd.Flags()
	f.StringVar(&file, "config", "", "configuration `FILE` (or SELFSAME_CONFIG); docs/configuration.md lists its keys")
	f.StringVar(&data, "data", std.Data, "`DIR` that keeps the data (or SELFSAME_DATA)")
	f.StringVar(&store, "store", "", "`URL` of a database that several nodes share, instead of a directory (or SELFSAME_STORE)")
	f.StringVar(&listen, "listen", std.Listen, "`ADDR` to listen on (or SELFSAME_LISTEN)")
	return cmd
}

// started tells that requests are taken, and the secrets that were made.
func (sh *shell) started(s app.Started, log *slog.Logger) {
	if sh.err.Terminal {
		fmt.Fprintf(sh.out, "%s %s  data in %s, ready in %s; Ctrl-C stops it\n",
			sh.out.Paint(terminal.Bold, "Selfsame listens on"), sh.out.Paint(terminal.Cyan, s.URL), s.Data, terminal.Span(s.Took))
	} else {
		log.Info("listening", "url", s.URL, "data", s.Data, "version", versionText(), "took", s.Took)
	}
	if s.First == nil && s.AdminToken == "" {
		return
	}
	t := terminal.Table{Indent: "  ", Styles: []terminal.Style{"", terminal.Bold}}
	if s.First != nil {
		t.Add("space", s.First.Space)
		t.Add("write key", s.First.WriteKey, "for SDKs: source "+s.First.Source)
		t.Add("access token", s.First.Token, "for the Profile API")
	}
	if s.AdminToken != "" {
		t.Add("admin token", s.AdminToken, "for selfsame commands (SELFSAME_ADMIN_TOKEN) and /api/")
	}
	fmt.Fprintf(sh.out, "\nThe first start made these. They are shown now and never again:\n\n")
	t.Write(sh.out)
	if s.First != nil {
		fmt.Fprintf(sh.out, "\n%s\n", strings.TrimRight(fmt.Sprintf(`Send an event and look at who it was:

  curl -u %[1]s: %[2]s/v1/track -d '{"userId":"u1","event":"Hello"}'
  curl -u %[3]s: %[2]s/v1/spaces/%[4]s/collections/users/profiles/user_id:u1/external_ids
`, s.First.WriteKey, s.URL, s.First.Token, s.First.Space), "\n"))
	}
	fmt.Fprintln(sh.out)
}
