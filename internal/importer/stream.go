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

// stream is the unpacked content of an input.
type stream struct {
	*bufio.Reader
	packed  bool
	rewind  func(offset int64) error // of what is read as it lies on the disk
	release []func() error
}

// unpack opens the unpacked content from its beginning. The bytes that are taken
// from the disk are counted in n.
func (in *Input) unpack(n *atomic.Int64) (*stream, error) {
	if in.path == "" {
		return unpacked(&countingReader{r: in.stdin, n: n})
	}
	file, err := os.Open(in.path)
	if err != nil {
		return nil, err
	}
	n.Store(0)
	counted := &countingReader{r: file, n: n}
	s, err := unpacked(counted)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	s.release = append([]func() error{file.Close}, s.release...)
	if !s.packed {
		s.rewind = func(offset int64) error {
			_, err := file.Seek(offset, io.SeekStart)
			n.Store(offset)
			s.Reset(counted)
			return err
		}
	}
	return s, nil
}

// unpacked unpacks what is packed.
func unpacked(raw io.Reader) (*stream, error) {
	plain := bufio.NewReaderSize(raw, headBytes)
	head, err := plain.Peek(len(zstdMagic))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head, gzipMagic):
		z, err := gzip.NewReader(plain)
		if err != nil {
			return nil, fmt.Errorf("this gzip file is incomplete or damaged: %w", err)
		}
		return &stream{Reader: bufio.NewReaderSize(z, headBytes), packed: true}, nil
	case bytes.HasPrefix(head, zstdMagic):
		z, err := zstd.NewReader(plain, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(512<<20))
		if err != nil {
			return nil, fmt.Errorf("this zstd file is incomplete or damaged: %w", err)
		}
		return &stream{
			Reader: bufio.NewReaderSize(z, headBytes), packed: true,
			release: []func() error{func() error { z.Close(); return nil }},
		}, nil
	}
	return &stream{Reader: plain}, nil
}

// through reads the content by way of another reader.
func (s *stream) through(r io.Reader) {
	s.Reader, s.rewind = bufio.NewReaderSize(r, headBytes), nil
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
