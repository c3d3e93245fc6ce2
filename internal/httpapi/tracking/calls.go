package tracking

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/selfsame-id/selfsame/internal/catalog"
	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/httpapi/body"
)

// batch serves the endpoints that take many messages.
func (h *handler) batch(w http.ResponseWriter, r *http.Request) {
	h.serve(w, r, 0)
}

// single serves the endpoint of one call.
func (h *handler) single(t event.Type) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { h.serve(w, r, t) }
}

// serve takes the request of a call, or of a batch when t is 0.
func (h *handler) serve(w http.ResponseWriter, r *http.Request, t event.Type) {
	src := h.authenticate(r, answer.Credential(r))
	buf, err := body.Read(w, r, body.Limits{Bytes: h.MaxBytes, Timeout: h.BodyTimeout}, h.Budget)
	if buf == nil {
		answer.Failure(w, r, h.Log, err)
		return
	}
	in := newIntake(h.Now().UnixNano(), t)
	text := bytes.TrimPrefix(buf.Bytes(), byteOrderMark)
	switch {
	case errors.Is(err, body.ErrTooLarge):
		in.refuseAll(text, tooLarge(h.MaxBytes))
		// The rest is not read; what follows on this connection cannot be found.
		w.Header().Set("Connection", "close")
	case errors.Is(err, body.ErrUnpack):
		in.refuseAll(text, answer.New(http.StatusBadRequest, string(event.BadJSON), "the body cannot be unpacked; it is not what gzip makes, or it was cut"))
	case t == 0:
		in.readBatch(text, h.limits)
	default:
		in.readOne(text, h.limits)
	}
	if src == nil {
		src = h.authenticate(r, in.writeKey)
	}
	if h.finish(w, r, src, in) {
		in.release()
		buf.Release()
	} else {
		// The space may still look into what it did not say yes to.
		buf.Abandon()
	}
}

// finish delivers what was read and answers. It reports whether the memory of
// the request is free again.
func (h *handler) finish(w http.ResponseWriter, r *http.Request, src *catalog.Source, in *intake) bool {
	if src == nil {
		h.unknown(r, firstOf(answer.Credential(r), in.writeKey), in.library())
		answer.Failure(w, r, h.Log, noSource)
		return true
	}
	if err := h.deliver(r.Context(), src, in); err != nil {
		answer.Failure(w, r, h.Log, err)
		return false
	}
	in.answer(w)
	return true
}

var byteOrderMark = []byte("\xef\xbb\xbf")

var noSource = answer.New(http.StatusUnauthorized, answer.Unauthenticated,
	"The write key is missing or belongs to no source here. Send it as the user name of HTTP Basic, or as writeKey in the body.")

func tooLarge(most int) error {
	return answer.New(http.StatusRequestEntityTooLarge, string(event.TooLarge), "the request has more than %d bytes; send smaller batches", most)
}

// authenticate finds the source of a write key.
func (h *handler) authenticate(r *http.Request, key string) *catalog.Source {
	if src, ok := h.Sources.SourceByKey(r.Context(), key); ok {
		return src
	}
	return nil
}

// metrics takes what SDKs count about themselves. Nothing is done with it; an
// SDK that is refused would complain in the console of its user.
func (h *handler) metrics(w http.ResponseWriter, r *http.Request) {
	// Whoever sends a byte a minute shall not keep a connection for ever.
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(h.BodyTimeout))
	_, _ = io.CopyN(io.Discard, r.Body, 64<<10)
	_ = control.SetReadDeadline(time.Time{})
	answer.Raw(w, http.StatusOK, success)
}
