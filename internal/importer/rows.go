package importer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// blockBytes is how much is read at once.
const blockBytes = 4 << 20

// rows reads the blocks of one input.
type rows struct {
	*stream
	cutter
	table *table // nil for JSON
}

// open begins to read an input, which was looked at, at a place where an earlier
// run stopped.
func (in *Input) open(from Position, size int) (_ *rows, err error) {
	s, err := in.unpack(&in.read)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", in.Name, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("%s: %w", in.Name, err), s.Close())
		}
	}()
	if in.text.decoder != nil {
		s.through(in.text.decoder.NewDecoder().Reader(s.Reader))
	}
	head, err := peek(s)
	if err != nil {
		return nil, err
	}
	if onlyReturns(head) {
		s.through(&returnsReader{s.Reader})
		if head, err = peek(s); err != nil {
			return nil, err
		}
	}
	format := in.formatOf(head)
	in.lines = byLine
	if format == NDJSON && isDocument(head) {
		in.lines = byEvent
		s.through(newDocumentReader(s.Reader, size))
	}
	r := &rows{stream: s, cutter: cutter{r: s, size: size, whole: wholeLines, spare: make(chan []byte, 16)}}
	if format == CSV {
		header, err := r.header(head, in.how)
		if err != nil {
			return nil, err
		}
		if from.Offset < header.Offset {
			from = header
		}
	}
	if err := s.seek(from.Offset); err != nil {
		return nil, err
	}
	r.at = from
	return r, nil
}

// peek looks at the beginning of a stream.
func peek(s *stream) ([]byte, error) {
	head, err := s.Peek(headBytes)
	if errors.Is(err, io.EOF) || s.packed && len(head) > 0 {
		err = nil // what is damaged behind it is said when it is read
	}
	return head, err
}

// formatOf is what was said, or what the name says, or what the text looks like.
func (in *Input) formatOf(head []byte) Format {
	if in.how.Format != Auto {
		return in.how.Format
	}
	if f := formatOf(in.path); f != Auto {
		return f
	}
	text := bytes.TrimSpace(bytes.TrimPrefix(head, byteOrderMark))
	if len(text) > 0 && text[0] != '{' && text[0] != '[' {
		r := &rows{}
		if _, err := r.header(head, in.how); err == nil && r.table != nil {
			return CSV
		}
	}
	return NDJSON
}

// header understands the header of a table and returns where it ends. A text
// without one has no table, and nothing is wrong with it.
func (r *rows) header(head []byte, how Reading) (Position, error) {
	text := bytes.TrimPrefix(head, byteOrderMark)
	mark := len(head) - len(text)
	if len(bytes.TrimSpace(text)) == 0 {
		return Position{}, nil
	}
	at, comma := tableStart(text)
	if len(bytes.TrimSpace(text[at:])) == 0 {
		return Position{}, nil
	}
	switch {
	case how.Delimiter != 0:
		comma = how.Delimiter
	case comma == 0:
		comma = commaOf(text[at:])
	}
	end := rowEnd(text[at:], comma)
	if end == 0 {
		end = len(text) - at // a file that is only a header, or the header has an open quote
	}
	end += at
	t, err := readHeader(text[at:end], comma, how)
	if err != nil {
		return Position{}, err
	}
	r.table, r.whole = t, wholeRows(comma)
	lines := bytes.Count(text[:end], []byte{'\n'})
	if !strings.HasSuffix(string(text[:end]), "\n") {
		lines++
	}
	return Position{Offset: int64(mark + end), Line: int64(lines)}, nil
}
