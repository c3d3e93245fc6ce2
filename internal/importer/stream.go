package importer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// magic numbers of the compressions.
var (
	gzipMagic = []byte{0x1f, 0x8b}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
)

// peekBytes is how far a stream can be looked into without reading it: a CSV
// header has to fit.
const peekBytes = 1 << 20

// stream is the unpacked content of an input.
type stream struct {
	*bufio.Reader
	rewind  func(offset int64) error // of a plain file
	release []func() error
}

// stream opens the unpacked content.
func (in *Input) stream() (*stream, error) {
	s := &stream{}
	raw := io.Reader(in.stdin)
	var file *os.File
	if in.path != "" {
		var err error
		if file, err = os.Open(in.path); err != nil {
			return nil, err
		}
		raw = file
		s.release = append(s.release, file.Close)
	}
	counted := &countingReader{r: raw, n: &in.read}
	plain := bufio.NewReaderSize(counted, peekBytes)
	head, err := plain.Peek(len(zstdMagic))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(err, s.Close())
	}
	switch {
	case bytes.HasPrefix(head, gzipMagic):
		z, err := gzip.NewReader(plain)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("this is no whole gzip file: %w", err), s.Close())
		}
		s.Reader = bufio.NewReaderSize(z, peekBytes)
	case bytes.HasPrefix(head, zstdMagic):
		z, err := zstd.NewReader(plain, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(512<<20))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("this is no whole zstd file: %w", err), s.Close())
		}
		s.Reader = bufio.NewReaderSize(z, peekBytes)
		s.release = append(s.release, func() error { z.Close(); return nil })
	default:
		s.Reader = plain
		if file != nil {
			s.rewind = func(offset int64) error {
				_, err := file.Seek(offset, io.SeekStart)
				in.read.Store(offset)
				plain.Reset(counted)
				return err
			}
		}
	}
	return s, nil
}

// seek goes from the start, where only peeking was done, to an offset.
func (s *stream) seek(offset int64) error {
	if offset == 0 {
		return nil
	}
	if s.rewind != nil {
		return s.rewind(offset)
	}
	_, err := io.CopyN(io.Discard, s.Reader, offset)
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Close gives back what the stream holds.
func (s *stream) Close() error {
	var wrong []error
	for i := len(s.release) - 1; i >= 0; i-- {
		wrong = append(wrong, s.release[i]())
	}
	return errors.Join(wrong...)
}

type countingReader struct {
	r io.Reader
	n *atomic.Int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}
