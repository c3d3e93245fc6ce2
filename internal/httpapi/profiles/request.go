package profiles

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/selfsame-id/selfsame/internal/catalog"
	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/httpapi/body"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

// request is one request to the Profile API, understood.
type request struct {
	space       Space
	spaceID     string
	collection  identity.Collection
	ref         space.Ref
	resource    string
	query       url.Values
	by          string // whose token it is
	provisional bool   // pending work may still change the answer
	strict      bool   // the answer went through event.Strict
}

// resource makes the JSON text of an answer, and says whether it is provisional. The text
// is not changed afterwards.
type resource func(ctx context.Context, q *request) (text []byte, provisional bool, err error)

// provisionalHeader marks answers that pending work may still change.
const provisionalHeader = "Selfsame-Provisional"

func (h *handler) serve(name string, serve resource) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		text, q, err := h.answer(w, r, name, serve)
		var early *query.NotYetError
		switch {
		case err == nil:
		case errors.As(err, &early):
			answer.Error(w, r, h.Log, early)
			return
		case errors.Is(err, space.ErrNotFound):
			answer.Error(w, r, h.Log, answer.New(http.StatusNotFound, answer.NotFound, "Profile was not found."))
			return
		default:
			answer.Error(w, r, h.Log, err)
			return
		}
		if q.provisional {
			w.Header().Set(provisionalHeader, "true")
		}
		// A client that reads slowly holds its answer as long as it reads.
		charge := h.Budget.Known()
		defer charge.Close()
		if len(text) > freeBytes && !charge.Take(len(text)) {
			answer.Error(w, r, h.Log, body.ErrFull)
			return
		}
		if !q.strict {
			text = event.Strict(text)
		}
		answer.Strict(w, http.StatusOK, text)
	}
}

// freeBytes is the size of answers that no budget knows.
const freeBytes = 64 << 10

func (h *handler) answer(w http.ResponseWriter, r *http.Request, name string, serve resource) ([]byte, *request, error) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		return nil, nil, answer.New(http.StatusMethodNotAllowed, answer.MethodNotAllowed, "This path accepts only GET.")
	}
	q, err := h.understand(w, r, name)
	if err != nil {
		return nil, nil, err
	}
	if q.ref.AsOf, err = AsOf(q.query); err != nil {
		return nil, nil, err
	}
	text, provisional, err := serve(r.Context(), q)
	q.provisional = provisional
	return text, q, err
}

// AsOf reads as_of: the time as of which a profile is asked for, in nanoseconds
// since 1970; 0 without one.
func AsOf(query url.Values) (int64, error) {
	if !query.Has("as_of") {
		return 0, nil
	}
	t, ok := event.ParseTime(strings.TrimSpace(query.Get("as_of")))
	if !ok {
		return 0, answer.BadParameter("as_of is not a time; send ISO 8601 such as 2019-11-15T14:00:05Z, or 2019-11-15 for the beginning of that day in UTC.")
	}
	if t == 0 {
		t = 1 // 0 would be now; an event of 1970 begins a nanosecond too late
	}
	return t, nil
}

// understand admits a request and reads what its address says.
func (h *handler) understand(w http.ResponseWriter, r *http.Request, name string) (*request, error) {
	q := &request{spaceID: r.PathValue("space"), resource: name}
	var err error
	if q.by, err = h.admit(w, r, q.spaceID); err != nil {
		return nil, err
	}
	var ok bool
	if q.collection, ok = identity.ParseCollection(r.PathValue("collection")); !ok {
		return nil, answer.BadParameter("The collection is neither users nor accounts.")
	}
	if q.ref, err = ParseRef(q.collection, r.PathValue("profile")); err != nil {
		return nil, err
	}
	if q.query, err = url.ParseQuery(r.URL.RawQuery); err != nil {
		return nil, answer.Invalid("The query cannot be read; escape it as in a URL.")
	}
	if q.space, err = h.Space(r.Context(), q.spaceID); err != nil {
		if errors.Is(err, space.ErrNotFound) || errors.Is(err, catalog.ErrNotFound) {
			err = noSpace
		}
		return nil, err
	}
	return q, nil
}

var noSpace = answer.New(http.StatusNotFound, answer.NotFound, "Space was not found.")

// ParseRef reads how a path names a profile: type:value, where the type ends at
// the first colon, or a profile's own ID.
func ParseRef(c identity.Collection, text string) (space.Ref, error) {
	kind, value, found := strings.Cut(text, ":")
	if !found {
		kind, value = "", text
		if !strings.HasPrefix(value, "use_") && !strings.HasPrefix(value, "acc_") {
			return space.Ref{}, answer.BadParameter("The profile is neither type:value, such as user_id:123, nor a profile ID.")
		}
	}
	kind = strings.ToLower(event.TrimID(kind))
	value = identity.Normal(kind, value) // as it is matched
	switch {
	case found && kind == "":
		return space.Ref{}, answer.BadParameter("The external ID has no type before the colon.")
	case value == "":
		return space.Ref{}, answer.BadParameter("The external ID has no value after the colon.")
	}
	if kind == "segment_id" {
		kind = ""
	}
	return space.Ref{Collection: c, Type: kind, Value: value}, nil
}

// limit reads how many entries a page has. More than most is taken as most.
func (q *request) limit(std, most int) (int, error) {
	text := q.query.Get("limit")
	if text == "" {
		return std, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, answer.BadParameter("limit is not a number from 1 to %d.", most)
	}
	return min(n, most), nil
}

// list reads names. In one parameter they are separated by commas; a parameter
// that is given several times has one name in each, which may have commas.
func (q *request) list(name string) []string {
	given := q.query[name]
	var out []string
	add := func(item string) {
		if item = strings.TrimSpace(item); item != "" {
			out = append(out, item)
		}
	}
	if len(given) != 1 {
		for _, text := range given {
			add(text)
		}
		return out
	}
	for item := range strings.SplitSeq(given[0], ",") {
		add(item)
	}
	if len(out) > 1 {
		add(given[0]) // the whole of it may be the name that is meant
	}
	return out
}

// words reads names that have no commas, separated by commas, in one or several
// parameters.
func (q *request) words(name string) []string {
	return strings.FieldsFunc(strings.Join(q.query[name], ","), func(r rune) bool { return r == ',' || r == ' ' })
}

// only reports whether the query has no other parameter.
func (q *request) only(name string) bool {
	return len(q.query) == 0 || len(q.query) == 1 && q.query.Has(name)
}

// set is list as a set; nil when the parameter is not there.
func (q *request) set(name string) map[string]bool {
	var out map[string]bool
	for _, item := range q.list(name) {
		if out == nil {
			out = map[string]bool{}
		}
		out[item] = true
	}
	return out
}

func (q *request) flag(name string) (bool, error) {
	switch strings.ToLower(q.query.Get(name)) {
	case "", "false", "0":
		return false, nil
	case "true", "1":
		return true, nil
	}
	return false, answer.BadParameter("%s is neither true nor false.", name)
}

// Moment reads a time of a query; open where there is none.
func Moment(values url.Values, name string) (query.Bound, error) {
	text := strings.TrimSpace(values.Get(name))
	if text == "" {
		return query.Bound{}, nil
	}
	t, ok := event.ParseTime(text)
	if !ok {
		return query.Bound{}, answer.BadParameter("%s is not a time; send ISO 8601 such as 2019-11-15T14:00:05Z, or 2019-11-15 for the beginning of that day in UTC.", name)
	}
	return query.BoundAt(t), nil
}

// cursor appends the member that ends a list.
func (q *request) cursor(b []byte, profile, next string, limit int) []byte {
	b = append(b, `"cursor":{"url":`...)
	b = answer.AppendString(b, "/v1/spaces/"+url.PathEscape(q.spaceID)+"/collections/"+q.collection.String()+"/profiles/"+profile+"/"+q.resource)
	b = append(b, `,"has_more":`...)
	b = strconv.AppendBool(b, next != "")
	b = append(b, `,"next":`...)
	b = answer.AppendString(b, next)
	b = append(b, `,"limit":`...)
	b = strconv.AppendInt(b, int64(limit), 10)
	return append(b, '}')
}
