package httpapi

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/selfsame-id/selfsame/internal/catalog"
	"github.com/selfsame-id/selfsame/internal/deliver"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/httpapi/body"
	"github.com/selfsame-id/selfsame/internal/httpapi/guard"
	"github.com/selfsame-id/selfsame/internal/httpapi/manage"
	"github.com/selfsame-id/selfsame/internal/httpapi/openapi"
	"github.com/selfsame-id/selfsame/internal/httpapi/profiles"
	"github.com/selfsame-id/selfsame/internal/httpapi/session"
	"github.com/selfsame-id/selfsame/internal/httpapi/tracking"
)

// Space is a space as the API uses it: *space.Space with the rooms above it.
type Space interface {
	ID() string
	tracking.Space
	profiles.Space
	manage.Space
	// DestinationFigures gives the figures of its destinations, for /metrics.
	DestinationFigures(ctx context.Context) ([]deliver.Figures, error)
}

// Spaces finds spaces.
type Spaces interface {
	// Space returns the space with that ID, and opens it if the catalog has it
	// and it is not open yet. The error is space.ErrNotFound or
	// catalog.ErrNotFound if there is none.
	Space(ctx context.Context, id string) (Space, error)
	// Opened lists the spaces that are open.
	Opened() []Space
}

// Deps are what the API stands on.
type Deps struct {
	Spaces  Spaces
	Catalog *catalog.Catalog

	// Ready says why the server cannot serve, or nil; a nil Ready is always
	// ready once the API is there.
	Ready func(ctx context.Context) error
	// Admin reports whether a secret is the admin token, for servers whose
	// Settings have none; nil: then /api/ is shut.
	Admin func(secret string) bool
	// Console serves the pages that people look at: "/", what is under "/assets/", and
	// other paths that are not the API's when HTML is asked for; nil: nothing does.
	Console http.Handler
	// Unsubscribe serves the pages that mails lead to, under "/unsubscribe/"; nil:
	// nothing does.
	Unsubscribe http.Handler
	// Store shows figures of the store on /metrics; nil: there are none.
	Store prometheus.Collector
	// Lost knows what starts found missing in the store; nil: nothing can be.
	Lost manage.Losses
	// Erased says how many rows of a deleted space are erased so far, false if that has
	// not begun or is over; nil: it is not known.
	Erased func(ctx context.Context, space string) (int64, bool, error)

	Log *slog.Logger     // nil: slog.Default
	Now func() time.Time // nil: time.Now
}

// API is the handler of the whole HTTP API.
type API struct {
	mux     *http.ServeMux
	log     *slog.Logger
	metrics *metrics
	pause   time.Duration // how long a body may bring nothing
	browser *guard.Browsers
	routes  []string // of the management API and the Profile API
}

// New makes the API.
func New(d Deps, s Settings) *API {
	s = s.orDefaults()
	if d.Log == nil {
		d.Log = slog.Default()
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	budget := body.NewBudget(s.BodyBudget)
	a := &API{mux: http.NewServeMux(), log: d.Log, metrics: newMetrics(d.Spaces, budget), pause: s.BodyPause,
		browser: guard.NewBrowsers(s.PublicURL, s.Hosts)}
	if d.Store != nil {
		a.metrics.registry.MustRegister(d.Store)
	}
	is := d.Admin
	if s.AdminToken != "" {
		is = sameAs(s.AdminToken)
	}
	var admin *guard.Admin
	if is != nil {
		admin = guard.NewAdmin(is, s.Proxies, d.Now, d.Log)
	}
	sessions := session.NewStore(d.Now, s.Proxies)
	if d.Catalog != nil {
		sessions.Keep(d.Catalog, func(ctx context.Context) []byte {
			if s.AdminToken != "" {
				sum := sha256.Sum256([]byte(s.AdminToken))
				return sum[:]
			}
			return d.Catalog.AdminMark(ctx)
		})
	}
	if admin != nil {
		admin.Sessions(sessions.Has)
	}

	tracking.Register(a.mux, tracking.Config{
		Sources: d.Catalog,
		Space: func(ctx context.Context, id string) (tracking.Space, error) {
			return d.Spaces.Space(ctx, id)
		},
		Now: d.Now, Log: d.Log, Budget: budget,
		Limits: s.Limits, MaxBytes: s.MaxRequestBytes, MaxMessages: s.MaxRequestMessages, BodyPause: s.BodyPause,
		PublicURL: s.PublicURL, Proxies: s.Proxies, Batching: s.Batching,
		Accepted: a.metrics.accept, Refused: a.metrics.refuse,
	})
	a.routes = profiles.Register(a.mux, profiles.Config{
		Tokens: d.Catalog,
		Space: func(ctx context.Context, id string) (profiles.Space, error) {
			return d.Spaces.Space(ctx, id)
		},
		Log: d.Log, Admin: admin, Rate: s.ProfileRate, Budget: budget,
	})
	imports := s.Limits
	imports.MessageBytes = max(s.ImportMessageBytes, s.Limits.MessageBytes)
	imports.BatchBytes, imports.BatchMessages = s.MaxRequestBytes, s.MaxRequestMessages
	managed := manage.Register(a.mux, manage.Config{
		Catalog: d.Catalog,
		Space: func(ctx context.Context, id string) (manage.Space, error) {
			return d.Spaces.Space(ctx, id)
		},
		Now: d.Now, Log: d.Log, Budget: budget, Lost: d.Lost, Erased: d.Erased, Admin: admin,
		Limits: imports, ImportBytes: s.ImportBytes, ImportEvents: importEvents, BodyPause: s.BodyPause,
	})
	a.mux.HandleFunc("GET "+documentPath, openapi.Serve)
	a.routes = append(append(a.routes, managed...), "GET "+documentPath)
	a.routes = append(a.routes, session.Register(a.mux, session.Config{Store: sessions, Admin: admin, Log: d.Log})...)
	a.health(d.Ready)
	a.mux.Handle("GET /metrics", a.forMetrics(a.metrics.handler(d.Log), admin, s.MetricsToken))
	if d.Unsubscribe != nil {
		a.mux.Handle(deliver.UnsubscribePath, d.Unsubscribe)
	}
	a.mux.HandleFunc("/v1/", a.nothing)
	a.mux.HandleFunc("/", a.orConsole(d.Console))
	return a
}

// orConsole gives the console what people look at, and answers the rest.
func (a *API) orConsole(console http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		read := r.Method == http.MethodGet || r.Method == http.MethodHead
		if console == nil || !read || r.URL.Path != "/" && !strings.HasPrefix(r.URL.Path, "/assets/") &&
			!strings.Contains(r.Header.Get("Accept"), "text/html") {
			a.nothing(w, r)
			return
		}
		console.ServeHTTP(w, r)
	}
}

// documentPath is where the description of the API is.
const documentPath = "/api/openapi.yaml"

// importEvents bounds the events in one request of an import, whose bytes are
// bounded as well: a smallest event has some fifty.
const importEvents = 100_000

// nothing answers for addresses that are none.
func (a *API) nothing(w http.ResponseWriter, r *http.Request) {
	answer.Error(w, r, a.log, answer.New(http.StatusNotFound, answer.NotFound, "There is nothing at this path."))
}

// sameAs returns the check for a token.
func sameAs(token string) func(string) bool {
	want := sha256.Sum256([]byte(token))
	return func(secret string) bool {
		got := sha256.Sum256([]byte(secret))
		return subtle.ConstantTimeCompare(got[:], want[:]) == 1
	}
}
