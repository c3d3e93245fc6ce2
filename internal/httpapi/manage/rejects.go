package manage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/audit"
	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/rejects"
)

// Rejects reads refused messages.
type Rejects interface {
	Rejects(ctx context.Context, q rejects.Query) (rejects.Page, error)
	Reject(ctx context.Context, id string) (rejects.Reject, error)
	RejectCounts(ctx context.Context) ([]rejects.Count, error)
}

func rejectOf(r rejects.Reject, withBody bool) api.Reject {
	a := api.Reject{Reject: r, ReceivedAt: answer.TimeIfAny(r.ReceivedAt)}
	if a.Count = max(a.Count, 1); r.LastAt != 0 && a.Count > 1 {
		a.LastAt = answer.Time(r.LastAt)
	}
	switch {
	case !withBody:
	case utf8.Valid(r.Body):
		a.Body = string(r.Body)
	default:
		a.Binary = r.Body
	}
	return a
}

func isNotFound(err error) bool { return errors.Is(err, space.ErrNotFound) }

func (h *handler) listRejects(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	n, err := limit(r)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	p, err := s.Rejects(r.Context(), rejects.Query{
		Source: query.Get("source"), Code: query.Get("code"), Limit: n, Next: query.Get("next"),
	})
	if err != nil {
		return err
	}
	list := make([]api.Reject, 0, len(p.Rejects))
	for _, rej := range p.Rejects {
		list = append(list, rejectOf(rej, false))
	}
	return ok(w, paged(list, api.Cursor{HasMore: p.Next != "", Next: p.Next, Limit: n}))
}

func (h *handler) countRejects(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	counts, err := s.RejectCounts(r.Context())
	if err != nil {
		return err
	}
	return ok(w, paged(append([]rejects.Count{}, counts...), api.Cursor{Limit: len(counts)}))
}

func (h *handler) getReject(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	rej, err := findReject(r.Context(), s, r.PathValue("reject"))
	if err != nil {
		return err
	}
	return ok(w, rejectOf(rej, true))
}

// fullReject is how many characters the ID of a reject has, leastReject how many
// one has to give.
const (
	fullReject  = 32
	leastReject = 4
)

// findReject reads a reject by its ID, or by the beginning of it that is nobody
// else's.
func findReject(ctx context.Context, s Rejects, id string) (rejects.Reject, error) {
	id = strings.ToLower(strings.TrimRight(id, "…."))
	found, err := s.Reject(ctx, id)
	switch {
	case !isNotFound(err), id == "", len(id) >= fullReject, strings.Trim(id, "0123456789abcdef") != "":
		return found, err
	case len(id) < leastReject:
		return found, answer.BadParameter("the ID %q of a refused message is too short; give at least %d of its %d characters.", id, leastReject, fullReject)
	}
	// IDs sort: those that begin so come right before the highest of them.
	p, err := s.Rejects(ctx, rejects.Query{Limit: 2, Next: id + strings.Repeat("f", fullReject-len(id))})
	switch {
	case err != nil:
		return rejects.Reject{}, err
	case len(p.Rejects) == 0 || !strings.HasPrefix(p.Rejects[0].ID, id):
		return rejects.Reject{}, space.ErrNotFound
	case len(p.Rejects) > 1 && strings.HasPrefix(p.Rejects[1].ID, id):
		return rejects.Reject{}, answer.BadParameter("several refused messages have IDs that begin with %s; give more characters.", id)
	}
	return s.Reject(ctx, p.Rejects[0].ID)
}

// mostReasons bounds the reasons in an answer.
const mostReasons = 20

// mostMended bounds what takes the place of a refused body, which may be a whole
// request.
const mostMended = 8 << 20

// resendOne sends one refused message again: as it was kept, or, when the
// request has a body, as it is in there.
func (h *handler) resendOne(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	rej, err := findReject(r.Context(), s, r.PathValue("reject"))
	if err != nil {
		return err
	}
	buf, err := h.read(w, r, mostMended)
	if err != nil {
		return err
	}
	defer buf.Abandon()
	if text := bytes.TrimSpace(buf.Bytes()); len(text) > 0 {
		rej.Body = text
	}
	if isNote(rej) {
		return answer.New(http.StatusBadRequest, rej.Code, "This event was accepted with the time it was received; there is nothing to send again.")
	}
	var out api.Resent
	if err := h.resend(untilDone(r), s, rej.Source, []rejects.Reject{rej}, &out); err != nil {
		return err
	}
	if out.Resolved == 0 {
		still := out.Reasons[0]
		return answer.New(http.StatusBadRequest, still.Code, "still refused: %s", still.Message)
	}
	return ok(w, out)
}

// resendAll sends all refused messages of a source or code again. One page of
// them is committed at a time; what was sent stays sent if a later page fails.
func (h *handler) resendAll(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	q := rejects.Query{Source: query.Get("source"), Code: query.Get("code"), Limit: 500, Bodies: true}
	var out api.Resent
	for {
		p, err := s.Rejects(r.Context(), q)
		if err != nil {
			return err
		}
		bySource := map[string][]rejects.Reject{}
		for _, rej := range p.Rejects {
			if isNote(rej) {
				continue
			}
			bySource[rej.Source] = append(bySource[rej.Source], rej)
		}
		for source, list := range bySource {
			if err := h.resend(untilDone(r), s, source, list, &out); err != nil {
				return err
			}
		}
		if q.Next = p.Next; q.Next == "" {
			return ok(w, out)
		}
	}
}

// isNote reports whether a record is no refusal but a note on an event that was
// taken.
func isNote(rej rejects.Reject) bool { return rej.Code == string(event.TimestampUnread) }

// resender is a space to which refused messages are sent again.
type resender interface {
	Rejects
	Ingester
}

// resend parses refused messages of one source again and delivers the good
// ones, which removes them from the refused. One that stands for a whole
// request goes through message by message, and only if all of it is good.
func (h *handler) resend(ctx context.Context, s resender, source string, list []rejects.Reject, out *api.Resent) error {
	d := space.Delivery{Source: source}
	for _, rej := range list {
		if rej.Body == nil {
			full, err := s.Reject(ctx, rej.ID)
			if isNotFound(err) {
				continue // somebody else was quicker
			}
			if err != nil {
				return err
			}
			rej = full
		}
		messages, err := h.parseAgain(rej)
		if err != nil {
			if out.Refused++; len(out.Reasons) < mostReasons {
				p := answer.Of(err)
				out.Reasons = append(out.Reasons, api.StillRefused{ID: rej.ID, Code: p.Code, Message: p.Message})
			}
			continue
		}
		d.Messages = append(d.Messages, messages...)
		d.Resolves = append(d.Resolves, rej.ID)
	}
	if len(d.Resolves) == 0 {
		return nil
	}
	subject := fmt.Sprintf("%d messages", len(d.Resolves))
	if len(d.Resolves) == 1 {
		subject = d.Resolves[0]
	}
	e := audit.New(ctx, h.Now().UnixNano(), "rejects.resend", subject, map[string]any{"source": source, "rejects": len(d.Resolves), "messages": len(d.Messages)})
	d.Audit = &e
	receipt, err := s.Ingest(ctx, d)
	if err != nil {
		return err
	}
	out.Resolved += len(d.Resolves)
	out.Stored += receipt.Stored
	out.Repeats += receipt.Repeats
	out.Refused += receipt.IDUsed
	return nil
}

// parseAgain reads a refused message as if it had just come, except that it
// came when it came.
func (h *handler) parseAgain(rej rejects.Reject) ([]event.Message, error) {
	env := event.Envelope{ReceivedAt: rej.ReceivedAt, Type: event.TypeOf(rej.Endpoint), Limits: h.Limits}
	env.SetSent(rej.Sent)
	m, err := event.Parse(rej.Body, env)
	if err == nil {
		return named([]event.Message{m}, &rej), nil
	}
	if env.Type != 0 || event.Lookup(rej.Body, "batch") == nil {
		return nil, err
	}
	// It was small enough to be received.
	env.Limits.BatchBytes, env.Limits.BatchMessages = len(rej.Body), len(rej.Body)
	_, items, err := event.Read(rej.Body, env, true, nil)
	if err != nil {
		return nil, err
	}
	out := make([]event.Message, len(items))
	for i := range items {
		if items[i].Refusal != nil {
			return nil, items[i].Refusal
		}
		out[i] = items[i].Message
	}
	return named(out, &rej), nil
}

// named gives messages without a messageId one that follows from the reject, so
// that a reject that is sent again twice counts once. One whose messageId another
// event had before gets such a one too.
func named(ms []event.Message, reject *rejects.Reject) []event.Message {
	for i := range ms {
		if ms[i].MessageID == "" || reject.Code == string(event.IDUsed) {
			ms[i].Give(fmt.Sprintf("reject-%s-%d", reject.ID, i))
		}
	}
	return ms
}
