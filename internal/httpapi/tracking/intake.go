package tracking

import (
	"errors"
	"net/http"
	"sync"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/httpapi/refused"
	"github.com/selfsame-id/selfsame/internal/space"
)

// intake is what was made of one request: good messages, and refused ones with
// their reasons.
type intake struct {
	env      event.Envelope
	endpoint string // the call that the address stands for, "" of a batch
	writeKey string // that the body named

	items    []event.Item
	messages []event.Message
	rejects  []space.Reject
	places   []int           // of the rejects in the batch
	whole    *answer.Problem // why the request as a whole is refused
}

// Messages are large, and one list of them serves many requests.
var intakes = sync.Pool{New: func() any { return new(intake) }}

func newIntake(now int64, t event.Type) *intake {
	in := intakes.Get().(*intake)
	in.env = event.Envelope{ReceivedAt: now, Type: t}
	if t != 0 {
		in.endpoint = t.String()
	}
	return in
}

// release gives the lists to the next request.
func (in *intake) release() {
	clear(in.items)
	clear(in.messages)
	clear(in.rejects)
	*in = intake{items: in.items[:0], messages: in.messages[:0], rejects: in.rejects[:0], places: in.places[:0]}
	if cap(in.messages) <= mostPooled {
		intakes.Put(in)
	}
}

// mostPooled keeps the lists of rare, huge requests out of the pool.
const mostPooled = 4096

// readOne reads the body of a single call.
func (in *intake) readOne(text []byte, lim event.Limits) {
	in.env.Limits = lim
	m, err := event.Parse(text, in.env)
	if err != nil {
		in.refuse(0, text, err)
		in.writeKey = looseKey(text, err)
		return
	}
	in.writeKey = m.WriteKey
	in.messages = append(in.messages, m)
}

// readBatch reads the body of a batch.
func (in *intake) readBatch(text []byte, lim event.Limits) {
	in.env.Limits = lim
	b, items, err := event.Read(text, in.env, true, in.items[:0])
	if err != nil {
		in.refuseAll(text, err)
		in.writeKey = looseKey(text, err)
		return
	}
	in.items = items
	in.writeKey, in.env.SentAt = b.WriteKey, b.SentAt
	for i := range items {
		m := &items[i].Message
		if items[i].Refusal != nil {
			in.refuse(i, m.Body, items[i].Refusal)
			continue
		}
		if in.writeKey == "" {
			in.writeKey = m.WriteKey
		}
		in.messages = append(in.messages, *m)
	}
}

// looseKey finds the write key in a body that was refused. Text that is not
// JSON has none.
func looseKey(text []byte, err error) string {
	var refusal *event.Refusal
	if errors.As(err, &refusal) && refusal.Offset < 0 {
		key, _ := event.Text(event.Lookup(text, "writeKey"))
		return key
	}
	return ""
}

// refuseAll refuses the request as a whole and keeps its body.
func (in *intake) refuseAll(text []byte, err error) {
	in.whole = answer.Of(err)
	in.refuse(0, text, err)
}

// refuse keeps one message with the reason of its refusal.
func (in *intake) refuse(place int, raw []byte, err error) {
	r := refused.New(raw, "", in.endpoint, in.env.ReceivedAt, err)
	r.SentAt = in.env.SentAt
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
