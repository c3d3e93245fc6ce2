package manage

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/httpapi/refused"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/rejects"
)

// Ingester takes events, and remembers how far an import came.
type Ingester interface {
	Ingest(ctx context.Context, d space.Delivery) (space.Receipt, error)
	Mark(ctx context.Context, name string) ([]byte, error)
}

// The headers of an import. Those of a mark carry its values in base64.
const (
	markHeader   = "Selfsame-Mark"        // what the mark becomes with this request
	expectHeader = "Selfsame-Mark-Expect" // what it must be before; empty: not set
	// refusedHeader is how many lines at the end of the request are no events but
	// what the client refused itself, each a refusedLine.
	refusedHeader = "Selfsame-Refused"
)

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
	dedupe, known := space.DedupeOld, 0
	if name := query.Get("dedupe"); name != "" {
		var valid bool
		if dedupe, valid = space.ParseDedupe(name); !valid {
			return answer.BadParameter("dedupe is not auto, all or window.")
		}
	}
	if text := r.Header.Get(refusedHeader); text != "" {
		if known, err = strconv.Atoi(text); err != nil || known < 0 || known > h.ImportEvents {
			return answer.BadParameter("The header %s is not a number from 0 to %d.", refusedHeader, h.ImportEvents)
		}
	}
	buf, err := h.read(w, r, h.ImportBytes)
	if err != nil {
		return err
	}
	d := space.Delivery{Source: source, Mark: m, Dedupe: dedupe}
	out := api.Imported{ByCode: map[string]int{}}
	if err := h.parseLines(buf.Bytes(), known, &d, &out); err != nil {
		buf.Release()
		return err
	}
	receipt, err := h.ingestMarked(untilDone(r), s, r, d)
	if err != nil {
		buf.Abandon() // the space may still look into it
		return err
	}
	buf.Release()
	out.Stored, out.Repeats, out.Compared, out.Unresolved = receipt.Stored, receipt.Repeats, receipt.Compared, receipt.Unresolved
	if n := receipt.IDUsed; n > 0 {
		out.IDUsed, out.ByCode[string(event.IDUsed)] = n, n
		out.Refused += n
	}
	out.Created, out.Merged, out.Demoted = receipt.Created, receipt.Merged, receipt.Demoted
	return ok(w, out)
}

// parseLines reads the messages of an import, and at their end the known lines
// that the client refused. Empty lines are nothing, and a byte order mark in
// front of a line is none of it.
func (h *handler) parseLines(text []byte, known int, d *space.Delivery, out *api.Imported) error {
	text, refusals, err := h.refusedLines(text, known, d.Source)
	if err != nil {
		return err
	}
	env := event.Envelope{ReceivedAt: h.Now().UnixNano(), OwnReceipt: true, Limits: h.Limits}
	d.Messages = make([]event.Message, 0, min(h.ImportEvents, 1+len(text)/700))
	refuse := func(line int, rej rejects.Reject) {
		d.Rejects = append(d.Rejects, rej)
		out.Refused++
		out.ByCode[rej.Code]++
		if len(out.Reasons) < mostReasons {
			out.Reasons = append(out.Reasons, api.LineReason{Line: line, Code: rej.Code, Message: rej.Message})
		}
	}
	line := 1
	for ; len(text) > 0; line++ {
		raw, rest, _ := bytes.Cut(text, []byte{'\n'})
		text = rest
		for bytes.HasPrefix(raw, byteOrderMark) {
			raw = raw[len(byteOrderMark):]
		}
		if raw = bytes.TrimSpace(raw); len(raw) == 0 {
			continue
		}
		if len(d.Messages)+len(d.Rejects)+known == h.ImportEvents {
			return answer.New(http.StatusRequestEntityTooLarge, answer.TooLarge, "The request has more than %d lines. Send fewer at a time.", h.ImportEvents)
		}
		m, err := event.Parse(raw, env)
		if err == nil {
			d.Messages = append(d.Messages, m)
			continue
		}
		refuse(line, refused.New(raw, d.Source, "", env.ReceivedAt, err))
	}
	for i, rej := range refusals {
		rej.ReceivedAt = env.ReceivedAt
		refuse(line+i, rej)
	}
	return nil
}

// byteOrderMark is what some programs write before UTF-8.
var byteOrderMark = []byte("\xef\xbb\xbf")

// Of what a client refused itself so much is kept, in bytes.
const (
	mostRefusedCode    = 50
	mostRefusedMessage = 2000
	mostRefusedText    = 200
)

// refusedLines takes the lines at the end that the client refused from the text.
func (h *handler) refusedLines(text []byte, known int, source string) (rest []byte, refusals []rejects.Reject, err error) {
	if known == 0 {
		return text, nil, nil
	}
	rest = bytes.TrimSuffix(text, []byte{'\n'})
	refusals = make([]rejects.Reject, known)
	for i := known - 1; i >= 0; i-- {
		at := bytes.LastIndexByte(rest, '\n') + 1
		var l api.RefusedLine
		if err := json.Unmarshal(rest[at:], &l); err != nil || l.Code == "" || l.Message == "" {
			return nil, nil, answer.Invalid("The header %s says that the last %d lines are refusals, and one of them is not: each has code, message and body (base64).", refusedHeader, known)
		}
		if len(l.Code) > mostRefusedCode || strings.Trim(l.Code, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
			return nil, nil, answer.Invalid("%q is not a code of a refusal: at most %d small letters, digits and _.", l.Code[:min(len(l.Code), mostRefusedCode)], mostRefusedCode)
		}
		refusals[i] = rejects.New(l.Body, rejects.Reject{Source: source, Code: l.Code, Message: shortened(l.Message, mostRefusedMessage)})
		refusals[i].MessageID, refusals[i].Type = shortened(l.MessageID, mostRefusedText), shortened(l.Type, mostRefusedText)
		if rest = rest[:max(at-1, 0)]; at == 0 && i > 0 {
			return nil, nil, answer.Invalid("The header %s counts more lines than the request has.", refusedHeader)
		}
	}
	return rest, refusals, nil
}

// shortened cuts text to a number of bytes, between characters.
func shortened(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "")
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
func (h *handler) ingestMarked(ctx context.Context, s Ingester, r *http.Request, d space.Delivery) (space.Receipt, error) {
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
	"The mark is not what this request expects: the request was taken before, or another import moves the mark. Read the mark and continue after it.")

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
