package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/client"

	"github.com/selfsame-id/selfsame/internal/cli/terminal"

	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/selfsame-id/selfsame/internal/app"
	"github.com/selfsame-id/selfsame/internal/catalog"
	"github.com/selfsame-id/selfsame/internal/config"
	"github.com/selfsame-id/selfsame/internal/kv"
)

// where says which data a command works on.
type where struct {
	sh     *shell
	server string
	data   string
	store  string
	config string
	space  string

	// making lets --data name a directory that has nothing in it yet.
	making bool
}

// flags adds the flags that say where to a command.
func (sh *shell) where(cmd *cobra.Command, withSpace bool) *where {
	w := &where{sh: sh}
	f := cmd.Flags()
	f.StringVar(&w.server, "server", "", "a running server's `URL` (or SELFSAME_SERVER; default http://127.0.0.1:8080)")
	f.StringVar(&w.data, "data", "", "work on the data `DIR` of a stopped server instead")
	f.StringVar(&w.store, "store", "", "work on the shared store at this `URL` directly, beside its servers")
	f.StringVar(&w.config, "config", "", "the server's configuration `FILE`: where it listens and its admin token")
	if withSpace {
		f.StringVar(&w.space, "space", "", "the space's `ID` (or SELFSAME_SPACE; not needed when there is only one)")
	}
	return w
}

// connection is an open way to the data.
type connection struct {
	*client.Client
	engine *app.Engine // nil when a server has the data
	close  func() error
}

// open connects to the server or opens the directory.
func (w *where) open(ctx context.Context) (*connection, error) {
	if w.server != "" && w.data != "" {
		return nil, usage("--server and --data cannot be used together: choose a running server, or a stopped one's directory")
	}
	if w.store != "" && (w.server != "" || w.data != "") {
		return nil, usage("--store cannot be used with --server or --data: choose a shared store, a running server, or a stopped one's directory")
	}
	cfg, err := w.configuration()
	if err != nil {
		return nil, err
	}
	if w.data != "" || w.store != "" {
		return w.openData(ctx, cfg)
	}
	base := w.server
	if base == "" {
		base, _ = w.sh.env("SELFSAME_SERVER")
	}
	if base == "" {
		base = serverOf(cfg.Listen)
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, usage("the server %q is not an address; write it like http://127.0.0.1:8080", base)
	}
	return &connection{
		Client: &client.Client{Base: strings.TrimSuffix(base, "/"), Token: cfg.AdminToken, User: w.user(), HTTP: &http.Client{}},
		close:  func() error { return nil },
	}, nil
}

// user is who gives the command.
func (w *where) user() string {
	name, _ := w.sh.env("USER")
	return name
}

// configuration reads what the file and the environment say.
func (w *where) configuration() (config.Config, error) {
	from := config.Origins{File: w.config, Env: w.sh.env}
	if w.data != "" {
		from.Flags = map[string]string{"data": w.data}
	}
	if w.store != "" {
		from.Flags = map[string]string{"store": w.store}
		w.sh.remarkPassword("--store", w.store)
	}
	return config.Load(from)
}

// remarkPassword warns of a password that stands in a command line, where
// everybody on the machine can read it for as long as the command runs.
func (sh *shell) remarkPassword(flag, url string) {
	if !config.StoreURL(url).HasPassword() {
		return
	}
	fmt.Fprintf(sh.err, "%s everybody on this machine can read the password in %s, with ps for example; leave it out there, and give it in PGPASSWORD, in a password file (~/.pgpass, or PGPASSFILE), or as part of SELFSAME_STORE or of store in the configuration file\n",
		sh.err.Paint(terminal.Yellow, "warning:"), flag)
}

// serverOf is how this machine reaches a server that listens on an address.
func serverOf(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "http://" + listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

func (w *where) openData(ctx context.Context, cfg config.Config) (*connection, error) {
	if w.data != "" && !w.making && !app.HasData(w.data) {
		if _, err := os.Stat(w.data); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("there is no directory %s; name the one that the server was started with", w.data)
		}
		return nil, fmt.Errorf("%s is not the data directory of a Selfsame server; name the one that the server was started with", w.data)
	}
	declaring := app.Leave
	if w.config != "" {
		declaring = app.Declare
	}
	log := app.NewLogger(w.sh.err.Log(), slog.LevelWarn, w.sh.err.Terminal, w.sh.err.Colour)
	e, err := app.Open(ctx, cfg, log, declaring)
	if errors.Is(err, kv.ErrLocked) {
		return nil, fmt.Errorf("a running server has %s open: leave --data out to ask that server (--server says where it is, SELFSAME_ADMIN_TOKEN has its admin token), or stop it first", w.data)
	}
	if err != nil {
		return nil, err
	}
	const token = "this-process" // nobody else reaches this API
	return &connection{
		Client: &client.Client{Base: "http://data-directory", Token: token, User: w.user(), Local: true,
			HTTP: &http.Client{Transport: client.InProcess{Handler: e.Handler(token)}}},
		engine: e,
		close:  func() error { return e.Close(context.WithoutCancel(ctx)) },
	}, nil
}

// with opens, runs fn and closes.
func (w *where) with(ctx context.Context, fn func(c *connection) error) error {
	c, err := w.open(ctx)
	if err != nil {
		return err
	}
	err = fn(c)
	return errors.Join(err, c.close())
}

// inSpace is with, and finds out which space is meant.
func (w *where) inSpace(ctx context.Context, fn func(c *connection, space string) error) error {
	return w.with(ctx, func(c *connection) error {
		return w.chosenSpace(ctx, c, func(space string) error { return fn(c, space) })
	})
}

// chosenSpace finds out which space is meant.
func (w *where) chosenSpace(ctx context.Context, c *connection, fn func(space string) error) error {
	id := w.space
	if id == "" {
		id, _ = w.sh.env("SELFSAME_SPACE")
	}
	if id != "" {
		return fn(id)
	}
	spaces, err := client.List[catalog.Space](ctx, c.Client, "/api/spaces")
	if err != nil {
		return err
	}
	spaces = slices.DeleteFunc(spaces, func(s catalog.Space) bool { return s.DeletedAt != nil })
	switch len(spaces) {
	case 0:
		return errors.New("there is no space yet; make one with `selfsame space create ID`")
	case 1:
		return fn(spaces[0].ID)
	}
	ids := make([]string, len(spaces))
	for i, s := range spaces {
		ids[i] = s.ID
	}
	return usage("there are several spaces; choose one with --space: %s", strings.Join(ids, ", "))
}
