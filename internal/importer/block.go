package importer

import (
	"bytes"
	"errors"
	"io"
)

// Position is a place between two lines.
type Position struct {
	Offset int64 `json:"offset"` // bytes of the unpacked content before it
	Line   int64 `json:"line"`   // lines before it
}

// block is a run of whole lines (or of whole rows, which may have line breaks in
// quotes).
type block struct {
	data  []byte
	start Position
	end   Position
	long  bool   // data is the beginning of one line that is longer than any may be
	buf   []byte // memory of data
}

// cutter cuts a stream into blocks.
type cutter struct {
	r    io.Reader
	size int      // of a block
	at   Position // of the next block
	tail []byte   // read, and not yet in a block
	eof  bool
	err  error // of the stream: what was read before it still counts

	// spare has buffers that nobody looks into any more. Only the cutter writes
	// to buffers, so one may come back here while its tail is still to be read.
	spare chan []byte

	// whole returns how much of data are whole rows.
	whole func(data []byte) int
}

// next returns the next block, or io.EOF.
func (c *cutter) next() (block, error) {
	if c.err != nil {
		return block{}, c.err
	}
	buf := c.buffer()[:len(c.tail)]
	copy(buf, c.tail) // they may overlap
	c.tail = nil
	for !c.eof && c.err == nil && len(buf) < cap(buf) {
		n, err := c.r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if errors.Is(err, io.EOF) {
			c.eof = true
		} else {
			c.err = err
		}
	}
	if c.err != nil {
		if buf = buf[:c.whole(buf)]; len(buf) == 0 {
			return block{}, c.err
		}
	}
	if len(buf) == 0 {
		return block{}, io.EOF
	}
	n := len(buf)
	if !c.eof {
		n = c.whole(buf)
		if n == 0 {
			// One row fills the buffer. If it has lines, its first one is what is
			// wrong with it: a quote that is opened and never closed.
			if n = bytes.IndexByte(buf, '\n') + 1; n == 0 {
				return c.skip(buf)
			}
		}
		c.tail = buf[n:]
	}
	b := block{data: buf[:n:n], start: c.at, buf: buf}
	c.at.Offset += int64(n)
	c.at.Line += int64(bytes.Count(b.data, []byte{'\n'}))
	if n > 0 && b.data[n-1] != '\n' {
		c.at.Line++ // the last line of a file that has no line break at its end
	}
	b.end = c.at
	return b, nil
}

// buffer returns memory for a block.
func (c *cutter) buffer() []byte {
	select {
	case buf := <-c.spare:
		return buf[:0]
	default:
		return make([]byte, 0, c.size)
	}
}

// skip passes over a line that is longer than the buffer, whose beginning it
// returns.
func (c *cutter) skip(buf []byte) (block, error) {
	b := block{data: buf, start: c.at, long: true}
	c.at.Offset += int64(len(buf))
	chunk := make([]byte, 256<<10)
	for {
		n, err := c.r.Read(chunk)
		if i := bytes.IndexByte(chunk[:n], '\n'); i >= 0 {
			c.tail = chunk[i+1 : n]
			n = i + 1
			err = nil
		} else if err == nil {
			c.at.Offset += int64(n)
			continue
		}
		c.at.Offset += int64(n)
		if errors.Is(err, io.EOF) {
			c.eof, err = true, nil
		}
		c.at.Line++
		b.end = c.at
		return b, err
	}
}

// wholeLines is the whole function of NDJSON.
func wholeLines(data []byte) int { return bytes.LastIndexByte(data, '\n') + 1 }
