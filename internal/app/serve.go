package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/selfsame-id/selfsame/internal/catalog"
	"github.com/selfsame-id/selfsame/internal/config"
	"github.com/selfsame-id/selfsame/internal/console"
	"github.com/selfsame-id/selfsame/internal/httpapi"
	"github.com/selfsame-id/selfsame/internal/httpapi/listen"
	"github.com/selfsame-id/selfsame/internal/httpapi/peer"
)

// stopTime is how long requests that were accepted may take to finish when the
// server stops.
const stopTime = 30 * time.Second

// bodyStopTime is how long bodies that are on their way have to arrive.
const bodyStopTime = 2 * time.Second

// Started is what a server has to say when it is ready. The secrets were made
// by this start and are nowhere else.
type Started struct {
	URL        string         // where it listens
	Data       string         // the directory, or the database without its password
	AdminToken string         // "" unless made now
	First      *catalog.First // nil unless made now
	Spaces     []catalog.Space
	Took       time.Duration
}

// Serve runs a server until ctx ends, and then ends it in order: no new
// connections, accepted requests are finished, spaces are closed, then the
// store. started is called once, when requests are taken.
func Serve(ctx context.Context, cfg config.Config, log *slog.Logger, started func(Started)) error {
	began := time.Now()
	for _, m := range cfg.Remarks {
		log.Warn(m.What, "at", m.Where)
	}
	e, err := Open(ctx, cfg, log, Declare)
	if err != nil {
		return err
	}
	say := Started{Data: e.place.String()}
	server, listener, err := e.start(ctx, &say)
	if err != nil {
		return errors.Join(err, e.Close(context.WithoutCancel(ctx)))
	}
	say.Took = time.Since(began)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	started(say)

	select {
	case err = <-ended:
		err = fmt.Errorf("the server ended: %w", err)
	case <-ctx.Done():
		log.Info("stopping: requests that were accepted are finished first")
	}
	return errors.Join(err, e.stop(context.WithoutCancel(ctx), server, listener, log))
}

// start opens what a server needs and listens.
func (e *Engine) start(ctx context.Context, say *Started) (*http.Server, *listen.Listener, error) {
	var err error
	if say.First, err = e.catalog.Bootstrap(ctx); err != nil {
		return nil, nil, e.place.explain(err)
	}
	if e.cfg.AdminToken == "" {
		if say.AdminToken, err = e.catalog.BootstrapAdmin(ctx); err != nil {
			return nil, nil, e.place.explain(err)
		}
	}
	e.serving = true
	if err := e.OpenAll(ctx); err != nil {
		return nil, nil, e.place.explain(err)
	}
	say.Spaces = e.catalog.Spaces(ctx)

	e.erasing.start(e)
	stopping := &atomic.Bool{}
	taken, err := net.Listen("tcp", e.cfg.Listen)
	if err != nil {
		return nil, nil, listenError(e.cfg.Listen, err)
	}
	say.URL = urlOf(taken.Addr())
	e.listening.Store(&say.URL)
	server, listener := httpapi.NewServer(e.api(stopping), taken, connections())
	server.RegisterOnShutdown(func() { stopping.Store(true) })
	server.ErrorLog = slog.NewLogLogger(e.log.Handler(), slog.LevelDebug)
	return server, listener, nil
}

// api is the HTTP API over the engine.
func (e *Engine) api(stopping *atomic.Bool) http.Handler {
	rate := float64(e.cfg.ProfileRate)
	if rate == 0 {
		rate = -1 // no limit, as httpapi says it
	}
	return httpapi.New(httpapi.Deps{
		Spaces:  rooms{e},
		Catalog: e.catalog,
		Log:     e.log,
		Admin:   func(secret string) bool { return e.catalog.IsAdmin(context.Background(), secret) },
		Ready:   func(ctx context.Context) error { return e.ready(ctx, stopping) },
		Store:   storeMetrics(e.store),
		Lost:    lossesOf(e.store),
		Erased:  e.erased,
		Console: console.Handler(),

		Unsubscribe: e.unsubscribe(),
	}, httpapi.Settings{AdminToken: e.cfg.AdminToken, PublicURL: e.cfg.PublicURL, ProfileRate: rate,
		Hosts: e.cfg.Hosts, Proxies: peer.Proxies(e.cfg.TrustedProxies), MetricsToken: e.cfg.MetricsToken})
}

// Handler is the HTTP API for this process alone, under an admin token of its
// own: commands that work on a stopped server's directory speak it too.
func (e *Engine) Handler(adminToken string) http.Handler {
	return httpapi.New(httpapi.Deps{Spaces: rooms{e}, Catalog: e.catalog, Log: e.log, Lost: lossesOf(e.store), Erased: e.erased},
		httpapi.Settings{AdminToken: adminToken, ProfileRate: -1})
}

// ready says why the server should not be sent requests.
func (e *Engine) ready(ctx context.Context, stopping *atomic.Bool) error {
	if stopping.Load() {
		return errors.New("the server is stopping")
	}
	return e.healthy(ctx)
}

// stop ends the server in order.
func (e *Engine) stop(ctx context.Context, server *http.Server, listener *listen.Listener, log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(ctx, stopTime)
	defer cancel()
	var wrong []error
	listener.EndReading(bodyStopTime)
	if err := server.Shutdown(ctx); err != nil {
		// Whoever has no answer sends the request again.
		log.Warn("requests were still running and are cut off", "after", stopTime, "error", err)
		_ = server.Close()
		var more context.CancelFunc
		ctx, more = context.WithTimeout(context.WithoutCancel(ctx), stopTime/3)
		defer more()
	}
	if err := e.Close(ctx); err != nil {
		wrong = append(wrong, err)
	}
	if len(wrong) == 0 {
		log.Info("stopped")
	}
	return errors.Join(wrong...)
}

// listenError says what to do when the address cannot be had.
func listenError(address string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s is in use by another program, perhaps another Selfsame: stop it, or choose another address with --listen (%w)", address, err)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("no permission to listen on %s: ports below 1024 need privileges; choose another with --listen (%w)", address, err)
	}
	return fmt.Errorf("cannot listen on %s: %w", address, err)
}

// urlOf is how a person on this machine reaches an address.
func urlOf(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return "http://" + addr.String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// rooms shows the engine's spaces to the API.
type rooms struct{ e *Engine }

func (r rooms) Space(ctx context.Context, id string) (httpapi.Space, error) {
	s, err := r.e.Space(ctx, id)
	if err != nil {
		return nil, err
	}
	return r.e.roomsOf(s)
}

func (r rooms) Opened() []httpapi.Space {
	open := r.e.open()
	out := make([]httpapi.Space, len(open))
	for i, s := range open {
		out[i] = s
	}
	return out
}
