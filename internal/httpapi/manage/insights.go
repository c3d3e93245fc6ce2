package manage

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/httpapi/profiles"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

// Insights reads what happened to identities.
type Insights interface {
	Insights(ctx context.Context, q query.InsightQuery) (query.InsightPage, error)
	Counts(ctx context.Context, q query.CountsQuery) ([]query.CountsAt, error)
}

// insightName is what a kind is called here.
func insightName(k feed.Kind) string { return strings.TrimPrefix(k.String(), "profile_") }

func insightKind(name string) (feed.Kind, bool) {
	i := slices.IndexFunc(query.InsightKinds, func(k feed.Kind) bool { return insightName(k) == name })
	if i < 0 {
		return 0, false
	}
	return query.InsightKinds[i], true
}

func insightOf(in *query.Insight) api.Insight {
	a := api.Insight{
		Kind: insightName(in.Kind), At: answer.Time(in.At), Time: eventTime(in.Time, in.MessageID != ""),
		Profile: in.Profile, From: in.From, Reason: in.Reason, MessageID: in.MessageID, Source: in.Source,
	}
	if in.IDType != "" {
		a.ID = in.IDType + ":" + in.IDValue
	}
	if in.Kind == feed.Unresolved && len(in.Change.Value) > 0 {
		_ = json.Unmarshal(in.Change.Value, &a.IDs) // what cannot be read is not shown
	}
	return a
}

// listInsights says what happened to identities, the newest first.
func (h *handler) listInsights(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	n, err := limit(r)
	if err != nil {
		return err
	}
	q, err := insightQuery(r)
	if err != nil {
		return err
	}
	q.Limit = n
	p, err := s.Insights(r.Context(), q)
	if err != nil {
		return err
	}
	list := make([]api.Insight, len(p.Insights))
	for i := range p.Insights {
		list[i] = insightOf(&p.Insights[i])
	}
	return ok(w, paged(list, api.Cursor{HasMore: p.Next != "", Next: p.Next, Limit: n}))
}

func insightQuery(r *http.Request) (q query.InsightQuery, err error) {
	asked := r.URL.Query()
	q.Reason, q.Source, q.Next = asked.Get("reason"), asked.Get("source"), asked.Get("next")
	for _, text := range asked["kind"] {
		for name := range strings.SplitSeq(text, ",") {
			if name = strings.TrimSpace(name); name == "" {
				continue
			}
			k, known := insightKind(name)
			if !known {
				names := make([]string, len(query.InsightKinds))
				for i, k := range query.InsightKinds {
					names[i] = insightName(k)
				}
				return q, answer.BadParameter("There is no kind %.40q; choose from %s.", name, strings.Join(names, ", "))
			}
			q.Kinds = append(q.Kinds, k)
		}
	}
	if id := asked.Get("id"); id != "" {
		t, v, both := strings.Cut(id, ":")
		q.IDType = strings.ToLower(strings.TrimSpace(t))
		if both {
			ref, err := profiles.ParseRef(identity.Users, id)
			if err != nil {
				return q, err
			}
			q.IDType, q.IDValue = ref.Type, ref.Value
		}
		if q.IDType == "" {
			return q, answer.BadParameter("id is %.100q; write type:value, such as email:jane@example.com, or a type alone.", t+":"+v)
		}
	}
	if text := asked.Get("profile"); text != "" {
		collection := identity.Users
		if strings.HasPrefix(text, "acc_") || asked.Get("collection") == identity.Accounts.String() {
			collection = identity.Accounts
		}
		ref, err := profiles.ParseRef(collection, text)
		if err != nil {
			return q, err
		}
		q.Profile = &ref
	}
	if q.Since, err = moment(r, "since"); err == nil {
		q.Until, err = moment(r, "until")
	}
	return q, err
}

// moment reads a time of the query; open without one.
func moment(r *http.Request, name string) (query.Bound, error) {
	return profiles.Moment(r.URL.Query(), name)
}

// countInsights counts what happened, for charts.
func (h *handler) countInsights(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	var q query.CountsQuery
	since, err := moment(r, "since")
	if err != nil {
		return err
	}
	until, err := moment(r, "until")
	if err != nil {
		return err
	}
	span := 24 * time.Hour
	switch every := r.URL.Query().Get("every"); every {
	case "", "hour":
	case "day":
		q.Daily, span = true, 30*24*time.Hour
	default:
		return answer.BadParameter("every is %.40q; choose hour or day.", every)
	}
	if !until.Set {
		until = query.BoundAt(h.Now().UnixNano())
	}
	if !since.Set {
		since = query.BoundAt(max(until.At, math.MinInt64+int64(span)) - int64(span))
	}
	q.Since, q.Until = since.At, until.At
	list, err := s.Counts(r.Context(), q)
	if err != nil {
		return err
	}
	out := make([]api.InsightCounts, len(list))
	for i := range list {
		t := &list[i]
		at := time.Unix(0, t.At).UTC()
		out[i] = api.InsightCounts{At: &at, Events: t.Events, Unresolved: t.Unresolved, Created: t.Created, Merged: t.Merged, Unmerged: t.Unmerged, Demoted: t.Demoted, DemotedByReason: t.ByReason, Rejected: t.Rejected}
		if out[i].DemotedByReason == nil {
			out[i].DemotedByReason = map[string]int64{}
		}
	}
	return ok(w, paged(out, api.Cursor{Limit: len(out)}))
}
