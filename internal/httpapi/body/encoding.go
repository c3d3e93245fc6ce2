package body

import (
	"bytes"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// Encodings are the values of Content-Encoding that are read, for messages.
const Encodings = "gzip, deflate, br, zstd"

// encoding is what a request says about how its body is packed.
type encoding int

const (
	plain encoding = iota
	gzipped
	deflated // zlib, or raw, as clients disagree
	brotlied
	zstded
	unknown // no name that is known here, or several
)

func encodingOf(r *http.Request) encoding {
	given := r.Header["Content-Encoding"]
	if len(given) == 0 {
		return plain
	}
	found := plain
	for _, line := range given {
		for name := range strings.SplitSeq(line, ",") {
			e := unknown
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "", "identity":
				continue
			case "gzip", "x-gzip":
				e = gzipped
			case "deflate":
				e = deflated
			case "br":
				e = brotlied
			case "zstd":
				e = zstded
			}
			if found != plain {
				return unknown // packed twice
			}
			found = e
		}
	}
	return found
}

// opener starts to unpack. done gives back what the reader used.
type opener func(data []byte) (r io.Reader, done func(), err error)

// openers are the ways to unpack a body, the likeliest first. What the bytes
// are counts for more than what the request says: some clients name what they
// don't do, and some don't name what they do. None of gzip, zstd and JSON begins
// like another; deflate and brotli have no marks, so they are tried by name.
func openers(data []byte, said encoding) []opener {
	var list []opener
	switch said {
	case deflated:
		if isZlib(data) {
			list = append(list, openZlib)
		}
		list = append(list, openFlate)
	case brotlied:
		list = append(list, openBrotli)
	}
	switch {
	case bytes.HasPrefix(data, gzipMagic):
		list = append(list, openGzip)
	case bytes.HasPrefix(data, zstdMagic):
		list = append(list, openZstd)
	}
	return list
}

// isPlain reports whether a body is to be taken as it is if nothing unpacks it:
// nothing was said of packing, or it is visibly JSON.
func isPlain(data []byte, said encoding) bool {
	if said == plain {
		return true
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(data, byteOrderMark), " \t\r\n")
	return len(text) == 0 || text[0] == '{' || text[0] == '['
}

var (
	byteOrderMark = []byte("\xef\xbb\xbf")
	gzipMagic     = []byte{0x1f, 0x8b}
	zstdMagic     = []byte{0x28, 0xb5, 0x2f, 0xfd}

	gzipReaders, flateReaders, brotliReaders, zstdReaders sync.Pool
)

func isZlib(b []byte) bool {
	return len(b) >= 2 && b[0]&0x0f == 8 && (uint(b[0])<<8|uint(b[1]))%31 == 0
}

// unpacking bounds how many bodies are unpacked at once. It works on bytes that
// are here and waits for nobody, so more at once would be no faster, and a
// decoder's window may have megabytes that no budget knows.
var unpacking = make(chan struct{}, max(2, runtime.GOMAXPROCS(0)))

// members reads the members of a gzip file one after another, and lets them be
// followed by zeros, with which tapes and some clients fill up.
type members struct {
	z    *gzip.Reader
	data *bytes.Reader
}

func openGzip(data []byte) (io.Reader, func(), error) {
	m := &members{data: bytes.NewReader(data)}
	z, ok := gzipReaders.Get().(*gzip.Reader)
	if !ok {
		z = new(gzip.Reader)
	}
	m.z = z
	err := m.next()
	return m, func() { gzipReaders.Put(z) }, err
}

func (m *members) next() error {
	if err := m.z.Reset(m.data); err != nil {
		return err
	}
	m.z.Multistream(false)
	return nil
}

func (m *members) Read(p []byte) (int, error) {
	for {
		n, err := m.z.Read(p)
		if err != io.EOF || n > 0 {
			if err == io.EOF {
				err = nil // it is said again
			}
			return n, err
		}
		for {
			c, err := m.data.ReadByte()
			if err != nil {
				return 0, io.EOF
			}
			if c != 0 {
				_ = m.data.UnreadByte()
				break
			}
		}
		if err := m.next(); err != nil {
			return 0, err
		}
	}
}

func openZlib(data []byte) (io.Reader, func(), error) {
	z, err := zlib.NewReader(bytes.NewReader(data))
	return z, func() {}, err
}

func openFlate(data []byte) (io.Reader, func(), error) {
	r := bytes.NewReader(data)
	z, ok := flateReaders.Get().(io.ReadCloser)
	if !ok {
		z = flate.NewReader(r)
	} else if err := z.(flate.Resetter).Reset(r, nil); err != nil {
		return nil, nil, err
	}
	return z, func() { flateReaders.Put(z) }, nil
}

func openBrotli(data []byte) (io.Reader, func(), error) {
	r := bytes.NewReader(data)
	z, ok := brotliReaders.Get().(*brotli.Reader)
	if !ok {
		z = brotli.NewReader(r)
	} else if err := z.Reset(r); err != nil {
		return nil, nil, err
	}
	return z, func() { brotliReaders.Put(z) }, nil
}

func openZstd(data []byte) (io.Reader, func(), error) {
	r := bytes.NewReader(data)
	z, ok := zstdReaders.Get().(*zstd.Decoder)
	if !ok {
		var err error
		z, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxMemory(64<<20), zstd.WithDecoderMaxWindow(8<<20))
		if err != nil {
			return nil, nil, err
		}
	}
	done := func() { _ = z.Reset(nil); zstdReaders.Put(z) }
	return z, done, z.Reset(r)
}
