package tracking

import (
	"errors"
	"net/http"
	"sync"
	"unsafe"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/httpapi/body"
	"github.com/selfsame-id/selfsame/internal/httpapi/refused"
	"github.com/selfsame-id/selfsame/internal/space/rejects"
)

// intake is what was made of one request: good messages, and refused ones with
// their reasons.
type intake struct {
	env      event.Envelope
	sent     event.Sent // of the batch
	endpoint string     // the call that the address stands for, "" of a batch
	charge   *body.Charge

	items    []event.Item
	messages []event.Message
	rejects  []rejects.Reject
	notes    []rejects.Reject // of messages that were taken
	places   []int            // of the rejects in the batch
	whole    *answer.Problem  // why the request as a whole is refused
}

// Messages are large, and one list of them serves many requests.
var intakes = sync.Pool{New: func() any { return new(intake) }}

func newIntake(now int64, t event.Type, charge *body.Charge) *intake {
	in := intakes.Get().(*intake)
	if !charge.Take(in.bytes()) {
		in = new(intake)
	}
	in.charge = charge
	in.env = event.Envelope{ReceivedAt: now, Type: t, Live: true, Room: charge.Take}
	if t != 0 {
		in.endpoint = t.String()
	}
	return in
}

// bytes is what the lists take in memory.
func (in *intake) bytes() int {
	return cap(in.items)*int(unsafe.Sizeof(event.Item{})) + cap(in.messages)*int(unsafe.Sizeof(event.Message{}))
}

// workBytes is what a space needs for one message while it decides whose it is.
const workBytes = 1 << 10

// release gives the lists to the next request. The charge is closed by whoever
// opened it.
func (in *intake) release() {
	clear(in.items)
	clear(in.messages)
	clear(in.rejects)
	clear(in.notes)
	*in = intake{items: in.items[:0], messages: in.messages[:0], rejects: in.rejects[:0], notes: in.notes[:0], places: in.places[:0]}
	if cap(in.messages) <= mostPooled {
		intakes.Put(in)
	}
}

// mostPooled keeps the lists of rare, huge requests out of the pool.
const mostPooled = 1024

// readOne reads the body of a single call.
func (in *intake) readOne(text []byte, lim event.Limits) {
	in.env.Limits = lim
	m, err := event.Parse(text, in.env)
	if err != nil {
		in.refuse(0, text, err)
		return
	}
	in.take(m)
}

// take takes a message.
func (in *intake) take(m event.Message) {
	if m.Unread != nil {
		in.notes = append(in.notes, refused.Note(&m, in.endpoint))
	}
	in.messages = append(in.messages, m)
}

// readBatch reads the body of a batch. An error says that there is no memory
// for its messages now.
func (in *intake) readBatch(text []byte, lim event.Limits) error {
	in.env.Limits = lim
	b, items, err := event.Read(text, in.env, true, in.items[:0])
	if errors.Is(err, event.ErrNoRoom) {
		return body.ErrFull
	}
	if err != nil {
		in.refuseAll(text, err)
		return nil
	}
	in.items = items
	in.env.SetSent(b.Sent())
	in.sent = b.Sent()
	if more := len(items) - cap(in.messages); more > 0 {
		if !in.charge.Take(more * int(unsafe.Sizeof(event.Message{}))) {
			return body.ErrFull
		}
		in.messages = make([]event.Message, 0, len(items))
	}
	if !in.charge.Take(len(items) * workBytes) {
		return body.ErrFull
	}
	for i := range items {
		m := &items[i].Message
		if items[i].Refusal != nil {
			in.refuse(i, in.kept(&b, m.Body, items[i].Refusal), items[i].Refusal)
			continue
		}
		in.take(*m)
	}
	return nil
}

// kept is the text that is kept of a refused message of a batch: with what it
// inherits, so that it is whole when it is sent again, unless it is no JSON or there
// is no memory for it now.
func (in *intake) kept(b *event.Batch, raw []byte, why *event.Refusal) []byte {
	more := len(b.Context) + len(b.Integrations)
	if why.Code == event.BadJSON || more == 0 || !in.charge.Take(more) {
		return raw
	}
	return b.Inherit(raw)
}

// refuseAll refuses the request as a whole and keeps its body.
func (in *intake) refuseAll(text []byte, err error) {
	in.whole = answer.Of(err)
	in.refuse(0, text, err)
}

// refuse keeps one message with the reason of its refusal.
func (in *intake) refuse(place int, raw []byte, err error) {
	r := refused.New(raw, "", in.endpoint, in.env.ReceivedAt, err)
	r.Sent = in.sent
	in.rejects = append(in.rejects, r)
	in.places = append(in.places, place)
}

var success = []byte(`{"success":true}`)

// mostReasons bounds the reasons in an answer. All of them are kept.
const mostReasons = 20

// report is the answer to a request with refused messages.
type report struct {
	Success  bool     `json:"success"`
	Error    any      `json:"error,omitempty"`
	Accepted int      `json:"accepted"`
	Refused  int      `json:"refused"`
	Reasons  []reason `json:"reasons,omitempty"` // the first few
}

type reason struct {
	Index   int    `json:"index"` // in the batch
	Code    string `json:"code"`
	Message string `json:"message"`
}

// answer says what became of the request: bad only when nothing in it was good.
func (in *intake) answer(w http.ResponseWriter) {
	if len(in.rejects) == 0 {
		answer.Raw(w, http.StatusOK, success)
		return
	}
	rep := report{Success: true, Accepted: len(in.messages), Refused: len(in.rejects)}
	status := http.StatusOK
	if len(in.messages) == 0 {
		rep.Success, status = false, http.StatusBadRequest
		p := in.whole
		if p == nil {
			p = answer.New(status, in.rejects[0].Code, "%s", in.rejects[0].Message)
		} else {
			status = p.Status
		}
		rep.Error = p.Line()
	}
	if in.whole == nil && in.endpoint == "" {
		for i := range in.rejects[:min(len(in.rejects), mostReasons)] {
			r := &in.rejects[i]
			rep.Reasons = append(rep.Reasons, reason{in.places[i], r.Code, r.Message})
		}
	}
	answer.JSON(w, status, rep)
}
