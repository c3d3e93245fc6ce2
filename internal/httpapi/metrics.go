package httpapi

import (
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/httpapi/body"
	"github.com/selfsame-id/selfsame/internal/httpapi/guard"
	"github.com/selfsame-id/selfsame/internal/httpapi/peer"
)

// metrics are what /metrics shows.
type metrics struct {
	registry *prometheus.Registry
	inFlight prometheus.Gauge
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	accepted *prometheus.CounterVec
	refused  *prometheus.CounterVec

	observed sync.Map // routeStatus → observed, so that they need not be looked up by labels
}

func newMetrics(spaces Spaces, budget *body.Budget) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "selfsame_http_requests_in_flight", Help: "Requests being served."}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "selfsame_http_requests_total", Help: "Requests served, by route and status."}, []string{"route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "selfsame_http_request_seconds", Help: "How long requests took, by route.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .02, .04, .08, .16, .5, 1, 5, 30}}, []string{"route"}),
		accepted: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "selfsame_messages_accepted_total", Help: "Messages taken, repeats included, by source."}, []string{"source"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "selfsame_messages_refused_total", Help: "Messages refused and kept aside, by source and reason."}, []string{"source", "code"}),
	}
	m.registry.MustRegister(m.inFlight, m.requests, m.seconds, m.accepted, m.refused,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "selfsame_http_body_bytes", Help: "Bytes of request bodies in memory."},
			func() float64 { return float64(budget.Held()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "selfsame_http_body_bytes_limit", Help: "Bytes of request bodies that may be in memory."},
			func() float64 { return float64(budget.Most()) }),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		spaceCollector{spaces}, destinationCollector{spaces, time.Now})
	return m
}

func (m *metrics) handler(log *slog.Logger) http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelError), EnableOpenMetrics: true,
	})
}

// forMetrics lets a request see the metrics that comes from this machine, not
// through a proxy, or has a token for them: they name spaces and sources.
func (a *API) forMetrics(serve http.Handler, admin *guard.Admin, token string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if peer.Direct(r).IsLoopback() && !peer.Forwarded(r) {
			serve.ServeHTTP(w, r)
			return
		}
		secret := answer.Credential(r)
		if token != "" && sameAs(token)(secret) {
			serve.ServeHTTP(w, r)
			return
		}
		var ok bool
		var err error
		if admin != nil {
			if ok, err = admin.Check(r, secret); ok {
				serve.ServeHTTP(w, r)
				return
			}
		}
		if err == nil {
			if admin != nil {
				admin.Wrong(r, secret)
			}
			w.Header().Set("WWW-Authenticate", `Bearer realm="metrics"`)
			err = answer.New(http.StatusUnauthorized, answer.Unauthenticated,
				"From another machine, or through a proxy, /metrics needs a token. Send metrics_token of the configuration, or the admin token, as a bearer token.")
		}
		answer.Error(w, r, a.log, err)
	})
}

// observe counts a request under its route, never under its path: paths name
// people, and are without number.
func (m *metrics) observe(r *http.Request, status int, took time.Duration) {
	route := r.Pattern
	if route == "" {
		route = "none"
	}
	if status == 0 {
		status = http.StatusOK
	}
	key := routeStatus{route, status}
	found, ok := m.observed.Load(key)
	if !ok {
		found, _ = m.observed.LoadOrStore(key, observed{m.requests.WithLabelValues(route, strconv.Itoa(status)), m.seconds.WithLabelValues(route)})
	}
	o := found.(observed)
	o.requests.Inc()
	o.seconds.Observe(took.Seconds())
}

// routeStatus is what requests are counted by.
type routeStatus struct {
	route  string
	status int
}

// observed are the metrics of requests with one route and status.
type observed struct {
	requests prometheus.Counter
	seconds  prometheus.Observer
}

func (m *metrics) accept(source string, n int) { m.accepted.WithLabelValues(source).Add(float64(n)) }

func (m *metrics) refuse(source, code string, n int) {
	m.refused.WithLabelValues(source, code).Add(float64(n))
}
