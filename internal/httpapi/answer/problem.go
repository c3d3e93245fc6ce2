package answer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/catalog"
	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// The codes of errors. The first five are Segment's and are part of the
// compatible API.
const (
	Unauthenticated = "authentication_error"
	InvalidRequest  = "invalid_request_error"
	Validation      = "validation_error"
	NotFound        = "not_found"
	RateLimit       = "rate_limit_error"

	Forbidden        = "forbidden"
	Misdirected      = "misdirected_request"
	MethodNotAllowed = "method_not_allowed"
	Timeout          = "request_timeout"
	Conflict         = "conflict"
	Changed          = "precondition_failed"
	Declared         = "declared"
	TooLarge         = "too_large"
	BadEncoding      = "unsupported_encoding"
	Overloaded       = "overloaded"
	Unavailable      = "unavailable"
	Internal         = "internal_error"
)

// StatusClientGone is what logs and metrics say when the client left before
// the answer. Nobody receives it.
const StatusClientGone = 499

// Problem is an error as a client sees it.
type Problem struct {
	Status     int
	Code       string
	Message    string        // what was wrong, where, and what to do
	Details    []string      // single mistakes, when there are several
	RetryAfter time.Duration // when to try again; 0: not said

	cause error // for the log
}

func (p *Problem) Error() string { return p.Message }

func (p *Problem) Unwrap() error { return p.cause }

// New makes a problem in the words of the API.
func New(status int, code, format string, args ...any) *Problem {
	return &Problem{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Invalid is a request that cannot be understood.
func Invalid(format string, args ...any) *Problem {
	return New(http.StatusBadRequest, InvalidRequest, format, args...)
}

// BadParameter is a parameter whose value cannot be.
func BadParameter(format string, args ...any) *Problem {
	return New(http.StatusBadRequest, Validation, format, args...)
}

// Mistakes is a document with one or more mistakes: err's own words, or those
// of the errors that it joins.
func Mistakes(what string, err error) *Problem {
	p := &Problem{Status: http.StatusBadRequest, Code: Validation, cause: err}
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		for _, e := range joined.Unwrap() {
			p.Details = append(p.Details, e.Error())
		}
	} else {
		p.Details = []string{err.Error()}
	}
	p.Message = fmt.Sprintf("%s: %s", what, p.Details[0])
	if n := len(p.Details); n > 1 {
		p.Message += fmt.Sprintf(" (and %d more)", n-1)
	}
	return p
}

// Of turns any error into a problem. What it does not know is an internal
// error, whose cause goes to the log and never to the client.
func Of(err error) *Problem {
	p := of(err)
	if p.cause == nil && p != err {
		p.cause = err
	}
	return p
}

func of(err error) *Problem {
	var known *Problem
	var refusal *event.Refusal
	later := func(code string, wait time.Duration, message string) *Problem {
		return &Problem{Status: http.StatusServiceUnavailable, Code: code, Message: message, RetryAfter: wait}
	}
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &refusal):
		status := http.StatusBadRequest
		if refusal.Code == event.TooLarge {
			status = http.StatusRequestEntityTooLarge
		}
		return &Problem{Status: status, Code: string(refusal.Code), Message: refusal.Reason}
	case errors.Is(err, catalog.ErrDeclared):
		return &Problem{Status: http.StatusConflict, Code: Declared, Message: err.Error()}
	case errors.Is(err, catalog.ErrExists), errors.Is(err, catalog.ErrDeleting):
		return &Problem{Status: http.StatusConflict, Code: Conflict, Message: err.Error()}
	case errors.Is(err, catalog.ErrInvalid):
		return &Problem{Status: http.StatusBadRequest, Code: Validation, Message: strings.TrimPrefix(err.Error(), catalog.ErrInvalid.Error()+": ")}
	case errors.Is(err, catalog.ErrNotFound):
		return &Problem{Status: http.StatusNotFound, Code: NotFound, Message: err.Error()}
	case errors.Is(err, space.ErrChanged):
		return &Problem{Status: http.StatusPreconditionFailed, Code: Changed, Message: err.Error() + ". Read it again, and try again."}
	case errors.Is(err, space.ErrExists), errors.Is(err, space.ErrConflict):
		return &Problem{Status: http.StatusConflict, Code: Conflict, Message: err.Error()}
	case errors.Is(err, space.ErrInvalid):
		return &Problem{Status: http.StatusBadRequest, Code: Validation, Message: strings.TrimPrefix(err.Error(), space.ErrInvalid.Error()+": ")}
	case errors.Is(err, space.ErrTooLarge):
		return &Problem{Status: http.StatusUnprocessableEntity, Code: TooLarge, Message: strings.TrimPrefix(err.Error(), space.ErrTooLarge.Error()+": ")}
	case errors.Is(err, space.ErrApplying):
		return later(Unavailable, 5*time.Second, err.Error())
	case errors.Is(err, space.ErrNotFound) && err != space.ErrNotFound:
		return &Problem{Status: http.StatusNotFound, Code: NotFound, Message: err.Error()}
	case errors.Is(err, space.ErrNotFound):
		return &Problem{Status: http.StatusNotFound, Code: NotFound, Message: "Nothing with that name exists here."}
	case errors.Is(err, space.ErrBadCursor):
		return BadParameter("next is not a page token of this list; leave it out to begin at the first page")
	case errors.Is(err, space.ErrOverloaded):
		return later(Overloaded, time.Second, "The server is overloaded. Nothing in this request was accepted; send it again.")
	case errors.Is(err, space.ErrBusy):
		return later(Overloaded, time.Second, "Other nodes keep changing the same profiles. Send the whole request again; what is already stored counts once.")
	case errors.Is(err, space.ErrClosed), errors.Is(err, kv.ErrClosed):
		return later(Unavailable, 2*time.Second, "The server is stopping. Send the request again.")
	case errors.Is(err, kv.ErrNoSpace):
		return later(Unavailable, 30*time.Second, "The server's disk is full; its operator has to free some space. Nothing in this request was accepted; send it again later.")
	case errors.Is(err, kv.ErrReadOnly):
		return later(Unavailable, 10*time.Second, "The store does not accept writes now. Nothing in this request was accepted; send it again later.")
	case errors.Is(err, kv.ErrCorrupt):
		return &Problem{Status: http.StatusInternalServerError, Code: Internal,
			Message: "A file of the store is damaged; the log says which. Keep a copy of the data directory, check the disk, and restore the last backup."}
	case errors.Is(err, kv.ErrTooNew), errors.Is(err, codec.ErrTooNew):
		return &Problem{Status: http.StatusInternalServerError, Code: Internal,
			Message: "The store was written by a newer version of Selfsame; run that version or a newer one."}
	case errors.Is(err, space.ErrTooOld):
		return &Problem{Status: http.StatusInternalServerError, Code: Internal,
			Message: "The store was written by an older version of Selfsame, which this one cannot read; import the events into an empty store, or run the older version."}
	case errors.Is(err, catalog.ErrSlow):
		return later(Overloaded, time.Second, "The store is responding too slowly. Nothing in this request was accepted; send it again.")
	case errors.Is(err, kv.ErrUnavailable):
		return later(Unavailable, 2*time.Second, "The store cannot be reached. Send the request again.")
	case errors.Is(err, kv.ErrUnknown):
		return later(Unavailable, 2*time.Second, "The connection to the store was cut during the write. Send the request again; repeats of a messageId count once.")
	case errors.Is(err, context.Canceled):
		return &Problem{Status: StatusClientGone, Code: Unavailable, Message: "The client disconnected."}
	case errors.Is(err, context.DeadlineExceeded):
		return later(Unavailable, 2*time.Second, "This took too long. Send the request again.")
	}
	return &Problem{Status: http.StatusInternalServerError, Code: Internal,
		Message: "Something went wrong on the server. Its log has the cause under the Request-Id of this answer."}
}
