package body

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
)

// Limits bound one body.
type Limits struct {
	Bytes   int           // on the wire, and unpacked
	Timeout time.Duration // for the whole body to arrive
	Zstd    bool          // zstd is taken besides gzip
}

// ErrTooLarge: the body has more bytes than it may have.
var ErrTooLarge = errors.New("the body is too large")

// ErrUnpack: the body is not what its Content-Encoding says.
var ErrUnpack = errors.New("the body cannot be unpacked")

// trusted is up to which Content-Length memory is taken before the bytes come.
const trusted = 256 << 10

// Read reads the body of a request. The caller releases the buffer, which is
// there with ErrTooLarge and ErrUnpack as well and then holds the beginning of
// the body; with other errors it is nil.
func Read(w http.ResponseWriter, r *http.Request, lim Limits, budget *Budget) (*Buffer, error) {
	if err := checkEncoding(r, lim); err != nil {
		return nil, err
	}
	size := 4 << 10
	if n := r.ContentLength; n >= 0 {
		// One byte more, to see the end without growing.
		size = int(min(n+1, trusted))
	}
	buf := newBuffer(size, budget)
	if buf == nil {
		return nil, overBudget()
	}
	if lim.Timeout > 0 {
		// Not every writer has deadlines; the server's own then have to do. It is
		// cleared afterwards, for the connection goes on.
		control := http.NewResponseController(w)
		if control.SetReadDeadline(time.Now().Add(lim.Timeout)) == nil {
			defer func() { _ = control.SetReadDeadline(time.Time{}) }()
		}
	}
	wire := &wire{r: r.Body}
	buf, err := buf.fill(wire, lim.Bytes)
	if err == nil {
		buf, err = buf.unpack(lim, budget)
	}
	switch {
	case err == nil:
		return buf, nil
	case errors.Is(err, ErrTooLarge), errors.Is(err, ErrUnpack):
		return buf, err
	}
	if buf != nil {
		buf.Release()
	}
	return nil, wire.explain(err)
}

func overBudget() error {
	p := answer.New(http.StatusServiceUnavailable, answer.Overloaded, "The server holds as many requests as it has memory for. Nothing of this one was taken; send it again.")
	p.RetryAfter = time.Second
	return p
}

// checkEncoding knows the encodings by name. What the bytes are is seen by
// their first ones: some clients name what they don't send.
func checkEncoding(r *http.Request, lim Limits) error {
	given := r.Header["Content-Encoding"]
	if len(given) == 0 {
		return nil
	}
	switch strings.ToLower(strings.TrimSpace(given[0])) {
	case "", "identity", "gzip", "x-gzip":
		return nil
	case "zstd":
		if lim.Zstd {
			return nil
		}
	}
	return answer.New(http.StatusUnsupportedMediaType, answer.BadEncoding, "The Content-Encoding is not known here; send the body as it is, or with gzip.")
}

// fill reads r to its end. The buffer may be exchanged for a larger one.
func (b *Buffer) fill(r io.Reader, most int) (*Buffer, error) {
	for {
		if len(b.data) > most {
			b.data = b.data[:most]
			return b, ErrTooLarge
		}
		if len(b.data) == cap(b.data) {
			larger := newBuffer(2*cap(b.data), b.budget)
			if larger == nil {
				return b, overBudget()
			}
			larger.data = append(larger.data, b.data...)
			b.Release()
			b = larger
		}
		n, err := r.Read(b.data[len(b.data):cap(b.data)])
		b.data = b.data[:len(b.data)+n]
		if err == io.EOF {
			if len(b.data) > most {
				continue
			}
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
}

var (
	gzipMagic = []byte{0x1f, 0x8b}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}

	gzipReaders sync.Pool
	zstdReaders sync.Pool
)

// unpack exchanges a packed body for what is in it. JSON starts with neither
// magic number.
func (b *Buffer) unpack(lim Limits, budget *Budget) (*Buffer, error) {
	var reader io.Reader
	var done func()
	switch {
	case bytes.HasPrefix(b.data, gzipMagic):
		z, err := openGzip(bytes.NewReader(b.data))
		if err != nil {
			return b, ErrUnpack
		}
		reader, done = z, func() { gzipReaders.Put(z) }
	case lim.Zstd && bytes.HasPrefix(b.data, zstdMagic):
		z, err := openZstd(bytes.NewReader(b.data))
		if err != nil {
			return b, ErrUnpack
		}
		reader, done = z, func() { _ = z.Reset(nil); zstdReaders.Put(z) }
	default:
		return b, nil
	}
	defer done()
	out := newBuffer(min(4*len(b.data), trusted), budget)
	if out == nil {
		return b, overBudget()
	}
	out, err := out.fill(reader, lim.Bytes)
	b.Release()
	var busy *answer.Problem
	if err != nil && !errors.Is(err, ErrTooLarge) && !errors.As(err, &busy) {
		err = ErrUnpack
	}
	return out, err
}

func openGzip(r io.Reader) (*gzip.Reader, error) {
	if z, ok := gzipReaders.Get().(*gzip.Reader); ok {
		return z, z.Reset(r)
	}
	return gzip.NewReader(r)
}

func openZstd(r io.Reader) (*zstd.Decoder, error) {
	if z, ok := zstdReaders.Get().(*zstd.Decoder); ok {
		return z, z.Reset(r)
	}
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20), zstd.WithDecoderMaxWindow(8<<20))
}

// wire remembers how reading from the network failed.
type wire struct {
	r   io.Reader
	err error
}

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if err != nil && err != io.EOF {
		w.err = err
	}
	return n, err
}

// explain says what a client is to be told when its body did not arrive.
func (w *wire) explain(err error) error {
	switch {
	case w.err == nil:
		return err
	case errors.Is(w.err, os.ErrDeadlineExceeded):
		return answer.New(http.StatusRequestTimeout, answer.Timeout, "The body did not arrive in time. Send the request again.")
	}
	return answer.New(answer.StatusClientGone, answer.Unavailable, "The body did not arrive whole. Send the request again.")
}
