package httpapi

import (
	"encoding/binary"
	"encoding/hex"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"path"
	"runtime/debug"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/httpapi/listen"
)

// ServeHTTP names the request, serves it and counts it.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	rec := recorder{ResponseWriter: w}
	rec.Header()[answer.RequestID] = []string{newRequestID()}
	a.metrics.inFlight.Inc()
	conn := listen.From(r.Context())
	conn.Work()
	if r.ContentLength != 0 {
		// A body that nobody reads is read by the HTTP server before it answers.
		_ = http.NewResponseController(w).SetReadDeadline(started.Add(a.pause))
	}
	defer func() {
		a.metrics.inFlight.Dec()
		if v := recover(); v != nil {
			if v == http.ErrAbortHandler {
				panic(v)
			}
			a.panicked(&rec, r, v)
		}
		a.metrics.observe(r, rec.status, time.Since(started))
	}()
	if conn.Extra() && !isHealth(r) {
		rec.Header().Set("Connection", "close")
		answer.Error(&rec, r, a.log, tooMany)
		return
	}
	if guarded(r.URL.Path) {
		if err := a.browser.Check(r); err != nil {
			answer.Error(&rec, r, a.log, err)
			return
		}
	}
	if roundabout(r.URL.EscapedPath()) {
		a.nothing(&rec, r)
		return
	}
	a.mux.ServeHTTP(&rec, r)
}

// roundabout reports whether a path leads to the management or the Profile API
// only once empty and dotted steps are taken out of it. The mux would redirect to
// what is left, which is something else: without its ID, `rejects//resend` sends
// everything again.
func roundabout(escaped string) bool {
	if !strings.Contains(escaped, "//") && !strings.Contains(escaped, "/.") {
		return false
	}
	straight := path.Clean(escaped)
	if straight == escaped || straight+"/" == escaped {
		return false
	}
	return strings.HasPrefix(straight, "/api/") || strings.HasPrefix(straight, "/v1/spaces/")
}

// guarded reports whether browsers may hold credentials for a path, or should
// not be led to it by another site. The Tracking API is for every page.
func guarded(p string) bool {
	return strings.HasPrefix(p, "/v1/spaces/") || !strings.HasPrefix(p, "/v1/") && p != "/healthz" && p != "/readyz"
}

var tooMany = func() *answer.Problem {
	p := answer.New(http.StatusServiceUnavailable, answer.Overloaded, "The server has reached its limit of connections. Nothing in this request was accepted; send it again.")
	p.RetryAfter = time.Second
	return p
}()

// panicked answers for a handler that broke down. The request fails; the server
// goes on.
func (a *API) panicked(rec *recorder, r *http.Request, v any) {
	a.log.LogAttrs(r.Context(), slog.LevelError, "panic while serving a request",
		slog.String("request_id", rec.Header().Get(answer.RequestID)), slog.String("route", r.Pattern),
		slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
	if rec.status == 0 {
		answer.Error(rec, r, a.log, answer.New(http.StatusInternalServerError, answer.Internal,
			"Something went wrong on the server. Its log has the cause under the Request-Id of this answer."))
	}
}

// recorder remembers the status for the metrics.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	if status == answer.StatusClientGone {
		return // nobody is there, and it is no status of HTTP
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach what is beneath.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// newRequestID draws a name for a request. Nothing depends on its being hard
// to guess.
func newRequestID() string {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(b[8:], rand.Uint64())
	return hex.EncodeToString(b[:])
}

// mostPause is how long a client may read nothing of its answer.
const mostPause = 10 * time.Second

// NewServer wraps the API in a server that waits for nobody for ever. Bodies and
// answers may take as long as something of them goes on coming and going. l is
// where it takes its connections from, most of them at once.
func NewServer(handler http.Handler, l net.Listener, most int) (*http.Server, *listen.Listener) {
	s := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10, // a pixel carries its message in the address
	}
	listen.Serve(s)
	return s, listen.New(l, most, mostPause)
}
