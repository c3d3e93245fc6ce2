package body

import (
	"errors"
	"io"
	"net/http"

	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
)

// unpack exchanges a packed body for what is in it, at most most bytes of it.
func (b *Buffer) unpack(said encoding, most int) (*Buffer, error) {
	list := openers(b.data, said)
	if len(list) > 0 {
		unpacking <- struct{}{}
		defer func() { <-unpacking }()
	}
	var partial *Buffer // the beginning of a body that was cut
	for _, open := range list {
		out, err := b.unpackBy(open, most)
		if err == nil || errors.Is(err, ErrTooLarge) {
			if partial != nil {
				partial.Release()
			}
			b.Release()
			return out, err
		}
		if out == nil {
			if partial != nil {
				partial.Release()
			}
			return b, err
		}
		if partial != nil || len(out.data) == 0 {
			out.Release()
		} else {
			partial = out
		}
	}
	if isPlain(b.data, said) && (len(list) == 0 || said != plain) {
		if partial != nil {
			partial.Release()
		}
		return b, nil
	}
	err := error(ErrUnpack)
	if said == unknown && len(list) == 0 {
		err = ErrEncoding
	}
	if partial != nil {
		b.Release()
		return partial, err
	}
	return b, err
}

// unpackBy unpacks one way. The buffer is nil when the budget is spent.
func (b *Buffer) unpackBy(open opener, most int) (*Buffer, error) {
	r, done, err := open(b.data)
	if done != nil {
		defer done()
	}
	out := newBuffer(4*len(b.data), b.charge)
	if out == nil {
		return nil, ErrFull
	}
	if err != nil {
		return out, ErrUnpack
	}
	out, err = out.fill(r, most)
	switch {
	case errors.Is(err, ErrFull):
		out.Release()
		return nil, err
	case err != nil && !errors.Is(err, ErrTooLarge):
		return out, ErrUnpack
	}
	return out, err
}

// Scan passes what is in the body to see, piece by piece, until see returns
// false: at most most bytes, and without keeping any of it. What cannot be
// unpacked ends it.
func (p *Packed) Scan(most int, see func(piece []byte) bool) {
	list := openers(p.buf.data, p.said)
	if len(list) == 0 {
		see(p.buf.data)
		return
	}
	unpacking <- struct{}{}
	defer func() { <-unpacking }()
	piece, ok := pieces.Get().(*[pieceBytes]byte)
	if !ok {
		piece = new([pieceBytes]byte)
	}
	defer pieces.Put(piece)
	for _, open := range list {
		if scanBy(open, p.buf.data, piece[:], most, see) {
			return
		}
	}
	if isPlain(p.buf.data, p.said) {
		see(p.buf.data)
	}
}

// scanBy reports whether see had enough, or the end came.
func scanBy(open opener, data, piece []byte, most int, see func([]byte) bool) bool {
	r, done, err := open(data)
	if done != nil {
		defer done()
	}
	if err != nil {
		return false
	}
	for most > 0 {
		n, err := r.Read(piece[:min(len(piece), most)])
		most -= n
		if n > 0 && !see(piece[:n]) {
			return true
		}
		if err != nil {
			return err == io.EOF
		}
	}
	return true
}

// ErrFull: the requests being served hold all the memory that they may have.
var ErrFull error = full()

func full() *answer.Problem {
	p := answer.New(http.StatusServiceUnavailable, answer.Overloaded, "The server has no memory left for more requests. Nothing in this one was accepted; send it again.")
	p.RetryAfter = retryAfter
	return p
}
