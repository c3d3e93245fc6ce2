package manage

import (
	"bytes"
	"context"
	"encoding/base64"
	"net/http"
	"sync"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/httpapi/refused"
	"github.com/selfsame-id/selfsame/internal/space"
)

// The headers of an import that carry a mark's values, in base64.
const (
	markHeader   = "Selfsame-Mark"        // what the mark becomes with this request
	expectHeader = "Selfsame-Mark-Expect" // what it must be before; empty: not set
)

// imported is the answer to one request of an import.
type imported struct {
	Stored     int            `json:"stored"`
	Repeats    int            `json:"repeats"`
	Unresolved int            `json:"unresolved"`
	Created    int            `json:"created"`
	Merged     int            `json:"merged"`
	Demoted    int            `json:"demoted"`
	Refused    int            `json:"refused"`
	ByCode     map[string]int `json:"refused_by_code,omitempty"`
	Reasons    []lineReason   `json:"reasons,omitempty"` // the first few
}

type lineReason struct {
	Line    int    `json:"line"` // of the request, from 1
	Code    string `json:"code"`
	Message string `json:"message"`
}

// importEvents takes events, one JSON object a line, and commits them together
// with the progress of the import: `POST …/import?source=ID&mark=NAME`. Both or
// neither are there afterwards, so an import that was interrupted reads the
// mark and goes on behind it. A message may bring its own receivedAt.
func (h *handler) importEvents(w http.ResponseWriter, r *http.Request) error {
	s, err := h.open(r)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	source := query.Get("source")
	if source == "" {
		return answer.BadParameter("source is missing; name the source that the events came from.")
	}
	if _, err := h.Catalog.Source(r.Context(), r.PathValue("space"), source); err != nil {
		return err
	}
	m, err := markOf(r)
	if err != nil {
		return err
	}
	buf, err := h.read(w, r, h.ImportBytes)
	if err != nil {
		return err
	}
	d := space.Delivery{Source: source, Mark: m}
	out := imported{ByCode: map[string]int{}}
	if err := h.parseLines(buf.Bytes(), &d, &out); err != nil {
		buf.Release()
		return err
	}
	receipt, err := h.ingestMarked(untilDone(r), s, r, d)
	if err != nil {
		buf.Abandon() // the space may still look into it
		return err
	}
	buf.Release()
	out.Stored, out.Repeats, out.Unresolved = receipt.Stored, receipt.Repeats, receipt.Unresolved
	out.Created, out.Merged, out.Demoted = receipt.Created, receipt.Merged, receipt.Demoted
	return ok(w, out)
}

// parseLines reads the messages of an import. Empty lines are nothing.
func (h *handler) parseLines(text []byte, d *space.Delivery, out *imported) error {
	env := event.Envelope{ReceivedAt: h.Now().UnixNano(), OwnReceipt: true, Limits: h.Limits}
	d.Messages = make([]event.Message, 0, min(h.ImportEvents, 1+len(text)/700))
	for line := 1; len(text) > 0; line++ {
		raw, rest, _ := bytes.Cut(text, []byte{'\n'})
		text = rest
		if raw = bytes.TrimSpace(raw); len(raw) == 0 {
			continue
		}
		if len(d.Messages)+len(d.Rejects) == h.ImportEvents {
			return answer.New(http.StatusRequestEntityTooLarge, answer.TooLarge, "The request has more than %d lines. Send less at a time.", h.ImportEvents)
		}
		m, err := event.Parse(raw, env)
		if err == nil {
			d.Messages = append(d.Messages, m)
			continue
		}
		rej := refused.New(raw, d.Source, "", env.ReceivedAt, err)
		d.Rejects = append(d.Rejects, rej)
		out.Refused++
		out.ByCode[rej.Code]++
		if len(out.Reasons) < mostReasons {
			out.Reasons = append(out.Reasons, lineReason{line, rej.Code, rej.Message})
		}
	}
	return nil
}

// markOf reads the mark that a request sets; nil when it sets none.
func markOf(r *http.Request) (*space.Mark, error) {
	name := r.URL.Query().Get("mark")
	if name == "" {
		return nil, nil
	}
	if len(name) > 200 {
		return nil, answer.BadParameter("mark has more than 200 characters.")
	}
	value, err := markValue(r, markHeader)
	if err != nil {
		return nil, err
	}
	if len(value) == 0 || len(value) > 4<<10 {
		return nil, answer.BadParameter("The header %s must have 1 to 4096 bytes when mark is given.", markHeader)
	}
	return &space.Mark{Name: name, Value: value}, nil
}

func markValue(r *http.Request, header string) ([]byte, error) {
	value, err := base64.StdEncoding.DecodeString(r.Header.Get(header))
	if err != nil {
		return nil, answer.BadParameter("The header %s is not base64.", header)
	}
	return value, nil
}

// ingestMarked delivers. Where the client says what the mark must be, a request
// that it sent twice, because the answer to the first was lost, counts once:
// requests with one mark go one after another.
func (h *handler) ingestMarked(ctx context.Context, s Space, r *http.Request, d space.Delivery) (space.Receipt, error) {
	if d.Mark == nil {
		return s.Ingest(ctx, d)
	}
	defer h.marks.lock(r.PathValue("space") + "/" + d.Mark.Name)()
	if len(r.Header.Values(expectHeader)) > 0 {
		want, err := markValue(r, expectHeader)
		if err != nil {
			return space.Receipt{}, err
		}
		have, err := mark(ctx, s, d.Mark.Name)
		if err != nil {
			return space.Receipt{}, err
		}
		if !bytes.Equal(have, want) {
			return space.Receipt{}, errMoved
		}
	}
	return s.Ingest(ctx, d)
}

var errMoved = answer.New(http.StatusConflict, answer.Conflict,
	"The mark is not what this request expects: the request was taken before, or another import moves the mark. Read the mark and go on behind it.")

// keyedLocks are locks by name, which are there as long as somebody holds or
// wants them.
type keyedLocks struct {
	mu    sync.Mutex
	locks map[string]*keyedLock
}

type keyedLock struct {
	sync.Mutex
	wanted int
}

// lock locks a name and returns what unlocks it.
func (k *keyedLocks) lock(name string) (unlock func()) {
	k.mu.Lock()
	l := k.locks[name]
	if l == nil {
		if k.locks == nil {
			k.locks = map[string]*keyedLock{}
		}
		l = &keyedLock{}
		k.locks[name] = l
	}
	l.wanted++
	k.mu.Unlock()
	l.Lock()
	return func() {
		l.Unlock()
		k.mu.Lock()
		defer k.mu.Unlock()
		if l.wanted--; l.wanted == 0 {
			delete(k.locks, name)
		}
	}
}
