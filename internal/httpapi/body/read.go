package body

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/httpapi/listen"
)

// Limits bound one body.
type Limits struct {
	Bytes int // on the wire, and unpacked
	// Pause is how long a body may bring nothing, and how far it may be behind
	// leastRate; 0: for ever.
	Pause time.Duration
}

// ErrTooLarge: the body has more bytes than it may have.
var ErrTooLarge = errors.New("the body is too large")

// ErrUnpack: the body is not what its Content-Encoding says.
var ErrUnpack = errors.New("the body cannot be unpacked")

// ErrEncoding: the Content-Encoding is not known here.
var ErrEncoding = errors.New("the content encoding is not known")

const (
	retryAfter = time.Second

	// leastRate is the least number of bytes that a body has to bring in a
	// second, on average. A phone at the edge of a network brings more.
	leastRate = 2 << 10

	// firstBytes is how much memory a body gets before any of it is here.
	firstBytes = 4 << 10

	pieceBytes = 32 << 10
)

var pieces sync.Pool

// Read reads the body of a request, unpacked. The caller releases the buffer,
// which is there with ErrTooLarge, ErrUnpack and ErrEncoding as well and then
// holds the beginning of the body; with other errors it is nil.
func Read(w http.ResponseWriter, r *http.Request, lim Limits, charge *Charge) (*Buffer, error) {
	p, err := Receive(w, r, lim, charge)
	if p == nil {
		return nil, err
	}
	if err != nil {
		return p.buf, err
	}
	return p.Unpack()
}

// Packed is a body as it came.
type Packed struct {
	buf  *Buffer
	said encoding
	most int
}

// Receive reads the body of a request as it comes. With ErrTooLarge it is the
// beginning of the body; with other errors it is nil.
func Receive(w http.ResponseWriter, r *http.Request, lim Limits, charge *Charge) (*Packed, error) {
	wire := &wire{r: r.Body}
	conn := listen.From(r.Context())
	conn.Receive()
	if lim.Pause > 0 {
		// Set after Receive, which a stop has to see first.
		wire.control, wire.pause = http.NewResponseController(w), lim.Pause
		defer wire.finish()
		wire.hurry()
	}
	defer conn.Received()
	buf := newBuffer(firstBytes, charge)
	if buf == nil {
		return nil, ErrFull
	}
	buf, err := buf.fill(wire, lim.Bytes)
	if err == nil || errors.Is(err, ErrTooLarge) {
		return &Packed{buf, encodingOf(r), lim.Bytes}, err
	}
	buf.Release()
	return nil, wire.explain(err)
}

// Unpack gives what is in the body. The buffer is there with ErrTooLarge,
// ErrUnpack and ErrEncoding as well; with other errors it is nil. The Packed must
// not be used afterwards.
func (p *Packed) Unpack() (*Buffer, error) {
	buf, err := p.buf.unpack(p.said, p.most)
	if err == nil || errors.Is(err, ErrTooLarge) || errors.Is(err, ErrUnpack) || errors.Is(err, ErrEncoding) {
		return buf, err
	}
	buf.Release()
	return nil, err
}

// Buffer is the body as it came. The Packed must not be used afterwards.
func (p *Packed) Buffer() *Buffer { return p.buf }

// Release gives the memory to the next request.
func (p *Packed) Release() { p.buf.Release() }

// wire reads from the network as long as something comes. It remembers how
// reading failed.
type wire struct {
	r     io.Reader
	ended bool
	err   error

	control *http.ResponseController // nil: nobody hurries
	pause   time.Duration
	began   time.Time
	set     time.Time // when the deadline was set last
	total   int64
}

func (w *wire) Read(p []byte) (int, error) {
	w.hurry()
	n, err := w.r.Read(p)
	w.total += int64(n)
	switch err {
	case nil:
	case io.EOF:
		w.ended = true
	default:
		w.err = err
	}
	return n, err
}

// hurry sets the deadline of the next read: something has to come within the
// pause, and all in all at leastRate. Not every writer has deadlines; the
// server's own then have to do.
func (w *wire) hurry() {
	if w.control == nil {
		return
	}
	now := time.Now()
	if w.began.IsZero() {
		w.began = now
	} else if now.Sub(w.set) < w.pause/16 {
		return
	}
	w.set = now
	deadline := now.Add(w.pause)
	if last := w.began.Add(w.pause + time.Duration(w.total)*(time.Second/leastRate)); last.Before(deadline) {
		deadline = last
	}
	if w.control.SetReadDeadline(deadline) != nil {
		w.control = nil
	}
}

// finish clears the deadline when all of the body came, for the connection goes
// on. What was left unread the HTTP server throws away before it answers, for
// which the deadline still holds.
func (w *wire) finish() {
	if w.control != nil && w.ended {
		_ = w.control.SetReadDeadline(time.Time{})
	}
}

// explain says what a client is to be told when its body did not arrive.
func (w *wire) explain(err error) error {
	switch {
	case w.err == nil:
		return err
	case errors.Is(w.err, os.ErrDeadlineExceeded):
		return answer.New(http.StatusRequestTimeout, answer.Timeout, "The body did not arrive in time. Send the request again.")
	}
	return answer.New(answer.StatusClientGone, answer.Unavailable, "The body is incomplete. Send the request again.")
}
