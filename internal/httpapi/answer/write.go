package answer

import (
	"encoding/json"
	"io"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/selfsame-id/selfsame/internal/event"
)

// RequestID is the header that names every request in answers and in the log.
const RequestID = "Request-Id"

// JSON answers with a value.
func JSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // answers are plain structs
	}
	Raw(w, status, append(b, '\n'))
}

// Raw answers with JSON text, which may hold parts of bodies as they were sent.
func Raw(w http.ResponseWriter, status int, text []byte) { Strict(w, status, event.Strict(text)) }

// Strict answers with JSON text that every decoder accepts, see event.Strict.
func Strict(w http.ResponseWriter, status int, text []byte) {
	h := w.Header()
	h["Content-Type"] = jsonType
	h["X-Content-Type-Options"] = noSniff
	h["Content-Length"] = []string{strconv.Itoa(len(text))}
	w.WriteHeader(status)
	_, _ = w.Write(text) // a client that left needs no answer
}

// Lines returns an encoder of lines of JSON, which flushes nothing.
func Lines(w io.Writer) *json.Encoder { return json.NewEncoder(strictWriter{w}) }

// strictWriter is given one JSON text at a time, as json.Encoder does.
type strictWriter struct{ to io.Writer }

func (s strictWriter) Write(text []byte) (int, error) {
	if _, err := s.to.Write(event.Strict(text)); err != nil {
		return 0, err
	}
	return len(text), nil
}

var (
	jsonType = []string{"application/json"}
	noSniff  = []string{"nosniff"}
)

// errorBody is Segment's shape of an error.
type errorBody struct {
	Success *bool      `json:"success,omitempty"`
	Error   errorWords `json:"error"`
}

type errorWords struct {
	Code    string   `json:"code"`
	Message string   `json:"message"`
	Details []string `json:"details,omitempty"`
}

// Error answers with an error and logs it when it is the server's fault.
func Error(w http.ResponseWriter, r *http.Request, log *slog.Logger, err error) {
	p := Prepare(w, r, log, err)
	JSON(w, p.Status, errorBody{Error: p.words()})
}

// Failure is Error in the shape of the Tracking API, which says besides that
// there was no success.
func Failure(w http.ResponseWriter, r *http.Request, log *slog.Logger, err error) {
	p := Prepare(w, r, log, err)
	JSON(w, p.Status, errorBody{Success: new(bool), Error: p.words()})
}

// Prepare sets the headers of an error, logs it when it is the server's fault,
// and leaves the body to the caller.
func Prepare(w http.ResponseWriter, r *http.Request, log *slog.Logger, err error) *Problem {
	p := Of(err)
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(p.RetryAfter.Seconds()))))
	}
	if p.Status >= 500 && p.Code != Overloaded {
		// The route and not the path: paths name people.
		log.LogAttrs(r.Context(), slog.LevelError, "request failed",
			slog.String("request_id", w.Header().Get(RequestID)), slog.String("route", r.Pattern),
			slog.Int("status", p.Status), slog.Any("error", p.cause))
	}
	return p
}

func (p *Problem) words() errorWords {
	w := errorWords{Code: p.Code, Message: clip(p.Message)}
	for _, d := range p.Details {
		w.Details = append(w.Details, clip(d))
	}
	return w
}

// mostWords bounds a sentence of an error, which may quote what was sent.
const mostWords = 1000

func clip(s string) string {
	if len(s) <= mostWords {
		return s
	}
	return strings.ToValidUTF8(s[:mostWords], "") + "…"
}

// Line is the error as a value inside another document.
func (p *Problem) Line() any { return p.words() }
