package importer

import (
	"bytes"
	"io"
)

// onlyReturns reports whether the lines of a text end with a carriage return
// alone, as programs on old Macs, and Excel for Mac, write them. A line break in
// quotes ends no line: cells have line feeds where rows end with returns.
func onlyReturns(head []byte) bool {
	end := lineEnd(head, true)
	if end < 0 {
		end = lineEnd(head, false)
	}
	return end >= 0 && head[end] == '\r' && (end+1 == len(head) || head[end+1] != '\n')
}

// lineEnd is where the first line of a text ends, -1 if it does not.
func lineEnd(head []byte, quotes bool) int {
	quoted := false
	for i, c := range head {
		switch {
		case c == '"' && quotes:
			quoted = !quoted
		case (c == '\r' || c == '\n') && !quoted:
			return i
		}
	}
	return -1
}

// returnsReader reads carriage returns as line feeds.
type returnsReader struct{ r io.Reader }

func (t *returnsReader) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	for rest := p[:n]; ; {
		i := bytes.IndexByte(rest, '\r')
		if i < 0 {
			return n, err
		}
		rest[i] = '\n'
		rest = rest[i+1:]
	}
}
