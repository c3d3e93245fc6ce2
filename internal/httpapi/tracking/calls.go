package tracking

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/selfsame-id/selfsame/internal/catalog"
	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/httpapi/body"
	"github.com/selfsame-id/selfsame/internal/httpapi/listen"
)

// batch serves the endpoints that take many messages.
func (h *handler) batch(w http.ResponseWriter, r *http.Request) {
	h.serve(w, r, 0)
}

// single serves the endpoint of one call.
func (h *handler) single(t event.Type) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { h.serve(w, r, t) }
}

// serve takes the request of a call, or of a batch when t is 0. Nothing is
// unpacked into memory or parsed before its write key is known.
func (h *handler) serve(w http.ResponseWriter, r *http.Request, t event.Type) {
	src, key, unsure := h.sourceOf(r)
	charge := h.Budget.Stranger()
	defer charge.Close()
	conn := listen.From(r.Context())
	if src != nil {
		charge.Admit()
	} else {
		conn.Wait() // it makes room for those who have a key
	}
	packed, err := body.Receive(w, r, body.Limits{Bytes: h.MaxBytes, Pause: h.BodyPause}, charge)
	if packed == nil {
		answer.Failure(w, r, h.Log, err)
		return
	}
	if err != nil {
		// The rest is not read; what follows on this connection cannot be found.
		w.Header().Set("Connection", "close")
	}
	if src == nil {
		if unsure == nil {
			src, unsure = h.sourceWithin(r, packed, key)
		}
		if unsure != nil {
			packed.Release()
			answer.Failure(w, r, h.Log, unsure)
			return
		}
		charge.Admit()
		conn.Work()
	}
	buf := packed.Buffer()
	if err == nil {
		if buf, err = packed.Unpack(); buf == nil {
			answer.Failure(w, r, h.Log, err)
			return
		}
	}
	in := newIntake(h.Now().UnixNano(), t, charge)
	if err = h.read(in, bytes.TrimPrefix(buf.Bytes(), byteOrderMark), err); err == nil {
		err = h.deliver(r.Context(), src, in)
	}
	if err != nil {
		answer.Failure(w, r, h.Log, err)
		// The space may still look into what it did not say yes to.
		buf.Abandon()
		return
	}
	in.answer(w)
	in.release()
	buf.Release()
}

// read reads the text of a request. wrong is what was wrong with its body as a
// whole, if anything. The error says that it cannot be read now.
func (h *handler) read(in *intake, text []byte, wrong error) error {
	switch {
	case errors.Is(wrong, body.ErrTooLarge):
		in.refuseAll(text, tooLarge(h.MaxBytes))
	case errors.Is(wrong, body.ErrUnpack):
		in.refuseAll(text, answer.New(http.StatusBadRequest, string(event.BadJSON), "the body cannot be decompressed; it is not what its Content-Encoding says, or it was cut short"))
	case errors.Is(wrong, body.ErrEncoding):
		in.refuseAll(text, answer.New(http.StatusUnsupportedMediaType, answer.BadEncoding, "the Content-Encoding is not supported; send the body uncompressed, or compressed once with one of "+body.Encodings))
	case in.env.Type == 0:
		return in.readBatch(text, h.limits)
	default:
		in.readOne(text, h.limits)
	}
	return nil
}

var byteOrderMark = []byte("\xef\xbb\xbf")

var noSource = answer.New(http.StatusUnauthorized, answer.Unauthenticated,
	"The write key is missing or belongs to no source here. Send it as the user name of HTTP Basic, or as writeKey in the body.")

func tooLarge(most int) error {
	return answer.New(http.StatusRequestEntityTooLarge, string(event.TooLarge), "the request has more than %d bytes; send smaller batches", most)
}

// authenticate finds the source of the first of several keys that is one's; the
// error is noSource if none is. Any other error says that it is not known now: to
// refuse the key would make an SDK drop what it has.
func (h *handler) authenticate(r *http.Request, keys ...string) (*catalog.Source, error) {
	for _, key := range keys {
		src, err := h.Sources.SourceByKey(r.Context(), key)
		if src != nil || err != nil {
			return src, err
		}
	}
	return nil, noSource
}

// sourceOf finds the source whose key stands in the header or the address, and
// returns the first key that is there. No source is no error yet: the body may
// have a key.
func (h *handler) sourceOf(r *http.Request) (src *catalog.Source, key string, err error) {
	keys := []string{answer.Credential(r)}
	if strings.Contains(r.URL.RawQuery, "writeKey=") {
		keys = append(keys, r.URL.Query().Get("writeKey"))
	}
	if src, err = h.authenticate(r, keys...); errors.Is(err, noSource) {
		err = nil
	}
	return src, firstOf(keys...), err
}

// sourceWithin finds the source whose key stands in the body. Where there is
// none it notes the key, or the first of the header's and the address's.
func (h *handler) sourceWithin(r *http.Request, packed *body.Packed, key string) (*catalog.Source, error) {
	var f keyFinder
	packed.Scan(h.MaxBytes, f.see)
	src, err := h.authenticate(r, f.found())
	if errors.Is(err, noSource) {
		h.unknown(r, firstOf(key, f.found()), f.library())
	}
	return src, err
}

// metrics takes what SDKs count about themselves. Nothing is done with it; an
// SDK that is refused would complain in the console of its user.
func (h *handler) metrics(w http.ResponseWriter, r *http.Request) {
	_, _ = io.CopyN(io.Discard, r.Body, 64<<10)
	answer.Raw(w, http.StatusOK, success)
}
