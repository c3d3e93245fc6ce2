package tracking

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/selfsame-id/selfsame/internal/catalog"
	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/httpapi/body"
	"github.com/selfsame-id/selfsame/internal/httpapi/peer"
	"github.com/selfsame-id/selfsame/internal/space"
)

// Sources knows write keys.
type Sources interface {
	// SourceByKey finds the source of a key; nil without an error: there is none.
	SourceByKey(ctx context.Context, writeKey string) (*catalog.Source, error)
	// NoteUnknownKey keeps that a request came whose write key is no source's. It
	// keeps no reference to the texts.
	NoteUnknownKey(k catalog.Knock)
}

// Space takes events.
type Space interface {
	// Ingest keeps nothing of the delivery after it has returned nil.
	Ingest(ctx context.Context, d space.Delivery) (space.Receipt, error)
}

// Batching makes browsers send batches: analytics.js then waits for Size
// messages or for Timeout.
type Batching struct {
	Size    int
	Timeout time.Duration
}

// Config is what the Tracking API needs.
type Config struct {
	Sources Sources
	Space   func(ctx context.Context, id string) (Space, error)
	Now     func() time.Time
	Log     *slog.Logger
	Budget  *body.Budget

	// Limits are the sizes that clients are told. A request that is over the
	// sizes of a batch is taken all the same up to MaxBytes and MaxMessages: to
	// refuse it would throw good messages away.
	Limits      event.Limits
	MaxBytes    int
	MaxMessages int
	BodyPause   time.Duration // see body.Limits

	PublicURL string // where clients reach the server; "": as they asked for it
	Proxies   peer.Proxies
	Batching  *Batching // nil: browsers send each message at once

	Accepted func(source string, n int)       // counts good messages; may be nil
	Refused  func(source, code string, n int) // counts refused messages; may be nil
}

// handler serves the Tracking API.
type handler struct {
	Config
	limits event.Limits // of Split and Parse: as taken, not as told
}

// Register adds the Tracking API to mux.
func Register(mux *http.ServeMux, cfg Config) {
	h := &handler{Config: cfg, limits: cfg.Limits}
	if h.Accepted == nil {
		h.Accepted = func(string, int) {}
	}
	if h.Refused == nil {
		h.Refused = func(string, string, int) {}
	}
	h.limits.BatchBytes, h.limits.BatchMessages = cfg.MaxBytes, cfg.MaxMessages

	both := func(path string, serve http.HandlerFunc) {
		mux.HandleFunc(path, serve)
		mux.HandleFunc(path+"/{$}", serve)
	}
	for _, path := range []string{"batch", "b", "import"} {
		both("/v1/"+path, h.post(h.batch))
	}
	for t := event.Identify; t <= event.Alias; t++ {
		name := t.String()
		for _, path := range []string{name, name[:1]} {
			both("/v1/"+path, h.post(h.single(t)))
			both("/v1/pixel/"+path, h.get(h.pixel(t)))
		}
	}
	both("/v1/projects/{writeKey}/settings", h.get(h.settings))
	both("/v1/m", h.post(h.metrics))
}
