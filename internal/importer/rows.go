package importer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// blockBytes is how much is parsed and delivered at once: some thousands of
// events.
const blockBytes = 4 << 20

// rows reads the blocks of one input.
type rows struct {
	*stream
	cutter
	table *table // nil for NDJSON
}

// open begins to read an input at a place where an earlier run stopped.
func (in *Input) open(from Position, size int) (_ *rows, err error) {
	s, err := in.stream()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", in.Name, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("%s: %w", in.Name, err), s.Close())
		}
	}()
	r := &rows{stream: s, cutter: cutter{r: s, size: size, whole: wholeLines, spare: make(chan []byte, 16)}}
	if in.Format == CSV {
		header, err := r.header()
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

// header understands the first row of a table and returns where it ends.
func (r *rows) header() (Position, error) {
	head, err := r.Peek(peekBytes)
	if err != nil && !errors.Is(err, io.EOF) {
		return Position{}, err
	}
	first, _, _ := bytes.Cut(head, []byte{'\n'})
	text := bytes.TrimPrefix(head, byteOrderMark)
	mark := len(head) - len(text)
	comma := commaOf(first)
	end := rowEnd(text, comma)
	if end == 0 {
		end = len(text) // a file that is only a header, or the header has an open quote
	}
	if r.table, err = readHeader(text[:end], comma); err != nil {
		return Position{}, err
	}
	r.whole = wholeRows(comma)
	lines := bytes.Count(text[:end], []byte{'\n'})
	return Position{Offset: int64(mark + end), Line: int64(max(lines, 1))}, nil
}
