package manage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/catalog"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/httpapi/body"
	"github.com/selfsame-id/selfsame/internal/httpapi/profiles"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
)

// endpoint serves one request; its error becomes the answer.
type endpoint func(w http.ResponseWriter, r *http.Request) error

// admin lets a request pass that has the admin token.
func (h *handler) admin(serve endpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := h.admit(w, r)
		if err == nil {
			w.Header().Set("Cache-Control", "no-store")
			err = serve(w, actor(r))
		}
		if err != nil {
			answer.Error(w, r, h.Log, err)
		}
	}
}

func (h *handler) admit(w http.ResponseWriter, r *http.Request) error {
	if h.Admin == nil {
		return answer.New(http.StatusForbidden, answer.Forbidden,
			"The server has no admin token. Set admin_token in its configuration file, or SELFSAME_ADMIN_TOKEN in its environment, and restart it.")
	}
	secret := answer.Credential(r)
	ok, err := h.Admin.Check(r, secret)
	if err != nil {
		return err
	}
	if !ok {
		h.Admin.Wrong(r, secret)
		w.Header().Set("WWW-Authenticate", `Bearer realm="management"`)
		return answer.New(http.StatusUnauthorized, answer.Unauthenticated,
			"The admin token is missing or wrong. Send it as a bearer token, or as the user name of HTTP Basic.")
	}
	return nil
}

// nothing serves addresses that are none.
func (h *handler) nothing(http.ResponseWriter, *http.Request) error {
	return answer.New(http.StatusNotFound, answer.NotFound, "There is no such path, or it does not accept this method.")
}

// open finds the space of the path.
func (h *handler) open(r *http.Request) (Space, error) {
	id := r.PathValue("space")
	// The catalog says what there is; the space may have to be opened first.
	if _, err := h.Catalog.Space(r.Context(), id); err != nil {
		return nil, err
	}
	s, err := h.Space(r.Context(), id)
	if errors.Is(err, space.ErrNotFound) || errors.Is(err, catalog.ErrNotFound) {
		return nil, space.ErrClosed
	}
	return s, err
}

// openProfile finds the space of the path, and reads which profile of it the path and
// as_of name.
func (h *handler) openProfile(r *http.Request) (Space, space.Ref, error) {
	s, err := h.open(r)
	if err != nil {
		return nil, space.Ref{}, err
	}
	collection, known := identity.ParseCollection(r.PathValue("collection"))
	if !known {
		return nil, space.Ref{}, answer.BadParameter("The collection is neither users nor accounts.")
	}
	ref, err := profiles.ParseRef(collection, r.PathValue("profile"))
	if err == nil {
		ref.AsOf, err = profiles.AsOf(r.URL.Query())
	}
	return s, ref, err
}

// mostDocument bounds the documents that people write.
const mostDocument = 1 << 20

// document reads a JSON document. Unknown fields are mistakes.
func (h *handler) document(w http.ResponseWriter, r *http.Request, v any) error {
	buf, err := h.read(w, r, mostDocument)
	if err != nil {
		return err
	}
	defer buf.Release()
	d := json.NewDecoder(bytes.NewReader(buf.Bytes()))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		if errors.Is(err, io.EOF) {
			return answer.Invalid("the request has no body; send a JSON object")
		}
		return answer.Mistakes("the body is not the JSON expected here", err)
	}
	if d.More() {
		return answer.Invalid("the body has something after the JSON object")
	}
	return nil
}

// read reads a body of up to most bytes.
func (h *handler) read(w http.ResponseWriter, r *http.Request, most int) (*body.Buffer, error) {
	buf, err := body.Read(w, r, body.Limits{Bytes: most, Pause: h.BodyPause}, h.Budget.Known())
	if err == nil {
		return buf, nil
	}
	if buf != nil {
		buf.Release()
	}
	switch {
	case errors.Is(err, body.ErrTooLarge):
		w.Header().Set("Connection", "close")
		return nil, answer.New(http.StatusRequestEntityTooLarge, answer.TooLarge, "The body has more than %d bytes. Send less at a time.", most)
	case errors.Is(err, body.ErrEncoding):
		return nil, answer.New(http.StatusUnsupportedMediaType, answer.BadEncoding, "The Content-Encoding is not supported; send the body uncompressed, or compressed once with one of "+body.Encodings+".")
	case errors.Is(err, body.ErrUnpack):
		return nil, answer.Invalid("the body cannot be decompressed; it is not what its Content-Encoding says, or it was cut short")
	}
	return nil, err
}

// The sizes of pages.
const (
	pageStd  = 50
	pageMost = 1000
)

func limit(r *http.Request) (int, error) {
	text := r.URL.Query().Get("limit")
	if text == "" {
		return pageStd, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, answer.BadParameter("limit is not a number from 1 to %d.", pageMost)
	}
	return min(n, pageMost), nil
}

// asked is which page of a list is asked for.
type asked struct {
	limit int
	next  string // where the last one ended
}

func pageOf(r *http.Request) (asked, error) {
	n, err := limit(r)
	return asked{n, r.URL.Query().Get("next")}, err
}

// listed is the page that was asked for, of items that are shown by of.
func listed[T, A any](at asked, items []T, next string, of func(*T) A) api.Page[A] {
	out := make([]A, len(items))
	for i := range items {
		out[i] = of(&items[i])
	}
	return paged(out, api.Cursor{HasMore: next != "", Next: next, Limit: at.limit})
}

// paged is a page of a list.
func paged[T any](list []T, c api.Cursor) api.Page[T] { return api.Page[T]{Data: list, Cursor: c} }

// cut makes a page of a list that is in memory, in the order of its names. The
// token of the next page is the last name of this one.
func cut[T any](r *http.Request, all []T, name func(T) string) (api.Page[T], error) {
	n, err := limit(r)
	if err != nil {
		return api.Page[T]{}, err
	}
	after := r.URL.Query().Get("next")
	out := []T{}
	for _, item := range all {
		if name(item) <= after {
			continue
		}
		if len(out) == n {
			return paged(out, api.Cursor{HasMore: true, Next: name(out[n-1]), Limit: n}), nil
		}
		out = append(out, item)
	}
	return paged(out, api.Cursor{Limit: n}), nil
}

// ok answers with a value.
func ok(w http.ResponseWriter, v any) error {
	answer.JSON(w, http.StatusOK, v)
	return nil
}

// created answers with what was made.
func created(w http.ResponseWriter, v any) error {
	answer.JSON(w, http.StatusCreated, v)
	return nil
}

// untilDone is a context for work that a client's leaving must not tear in two.
func untilDone(r *http.Request) context.Context { return context.WithoutCancel(r.Context()) }
