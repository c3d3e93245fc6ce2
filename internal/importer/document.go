package importer

import (
	"bytes"
	"io"
)

// isDocument reports whether a text is JSON that is not written one event on a
// line: an array, or objects over several lines.
func isDocument(head []byte) bool {
	text := bytes.TrimSpace(bytes.TrimPrefix(head, byteOrderMark))
	if len(text) == 0 {
		return false
	}
	if text[0] == '[' {
		return true
	}
	if text[0] != '{' {
		return false
	}
	// The first line may be damaged; in an object over several lines the second
	// one is no object.
	for range 2 {
		line, rest, more := bytes.Cut(text, []byte{'\n'})
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] == '{' && (!more || whole(line)) {
			return false
		}
		text = bytes.TrimSpace(rest)
	}
	return true
}

// whole reports whether a text is one JSON object, at least by its braces.
func whole(text []byte) bool {
	d := documentReader{limit: len(text) + 1}
	d.feed(text)
	d.end()
	return d.clean && bytes.Count(d.out, []byte{'\n'}) == 1
}

// documentReader reads JSON, an array of events or one event behind the other,
// as one event on a line. Only one event is in memory at a time, and of one that
// is longer than limit its beginning, which is then longer than limit.
//
// What is wrong costs the event in which it is: a string ends with its line at
// the latest, and where an object begins that can be none of the event's values
// the next event begins.
type documentReader struct {
	r     io.Reader
	limit int
	err   error
	raw   []byte
	out   []byte // lines that are ready
	taken int    // of out

	now     []byte // the event that is being read
	stack   []byte // what is open in it: { and [
	array   bool   // events are in an array
	text    bool   // inside a string
	escaped bool
	last    byte // the last character that was no white space, outside strings
	clean   bool // nothing wrong was met with
}

func newDocumentReader(r io.Reader, limit int) *documentReader {
	return &documentReader{r: r, limit: limit, raw: make([]byte, 64<<10)}
}

// Read implements io.Reader.
func (d *documentReader) Read(p []byte) (int, error) {
	for d.taken == len(d.out) {
		if d.err != nil {
			return 0, d.err
		}
		d.out, d.taken = d.out[:0], 0
		n, err := d.r.Read(d.raw)
		d.feed(d.raw[:n])
		if d.err = err; err != nil && len(d.now) > 0 {
			d.end()
		}
	}
	n := copy(p, d.out[d.taken:])
	d.taken += n
	return n, nil
}

// end takes what is left as an event.
func (d *documentReader) end() {
	if len(d.now) > 0 {
		d.clean = false
		d.flush()
	}
}

// flush ends the event that is being read.
func (d *documentReader) flush() {
	d.out = append(append(d.out, bytes.TrimSpace(d.now)...), '\n')
	d.now, d.stack = d.now[:0], d.stack[:0]
	d.text, d.escaped, d.last = false, false, 0
	if cap(d.now) > 1<<20 {
		d.now = nil
	}
}

func (d *documentReader) keep(c byte) {
	if len(d.now) <= d.limit {
		d.now = append(d.now, c)
	}
}

// mostOpen bounds what is remembered of what is open. An event that is so deep
// is refused.
const mostOpen = 10_000

func (d *documentReader) open(c byte) {
	if len(d.stack) < mostOpen {
		d.stack = append(d.stack, c)
	}
	d.last = c
	d.keep(c)
}

// close closes an object or array, and what was left open inside it. It reports
// false when none is open.
func (d *documentReader) close(c, opener byte) bool {
	at := bytes.LastIndexByte(d.stack, opener)
	if at < 0 {
		return false
	}
	d.clean = d.clean && at == len(d.stack)-1
	d.stack = d.stack[:at]
	d.last = c
	d.keep(c)
	if len(d.stack) == 0 {
		d.flush()
	}
	return true
}

func (d *documentReader) feed(data []byte) {
	for _, c := range data {
		if d.text {
			d.inText(c)
		} else if len(d.now) == 0 {
			d.between(c)
		} else {
			d.inEvent(c)
		}
	}
}

// between reads what is not in an event.
func (d *documentReader) between(c byte) {
	switch c {
	case ' ', '\t', '\r', '\n', ',':
	case '[':
		if d.array {
			d.open(c) // an element that is no event
		}
		d.array = true
	case ']':
		d.array = false
	case '{':
		d.clean = true
		d.open(c)
	default:
		if c == '"' {
			d.text = true
		}
		if bytes.IndexByte(byteOrderMark, c) < 0 {
			d.last = c
			d.keep(c)
		}
	}
}

func (d *documentReader) inText(c byte) {
	switch {
	case c == '\n' || c == '\r': // no string goes on behind its line
		d.text, d.escaped, d.clean = false, false, false
		d.last = '"'
		d.keep(' ')
		return
	case d.escaped:
		d.escaped = false
	case c == '\\':
		d.escaped = true
	case c == '"':
		d.text, d.last = false, '"'
	}
	d.keep(c)
}

func (d *documentReader) inEvent(c byte) {
	top := byte(0)
	if n := len(d.stack); n > 0 {
		top = d.stack[n-1]
	}
	switch c {
	case ' ', '\t', '\r':
		d.keep(c)
	case '\n':
		if top == 0 {
			d.flush() // what is no object ends with its line
			return
		}
		d.keep(' ')
	case '"':
		d.text = true
		d.keep(c)
	case '{':
		if top == 0 || top == '{' && d.last != ':' {
			d.clean = false
			d.flush()
		}
		d.open(c)
	case '[':
		d.open(c)
	case '}':
		if !d.close(c, '{') {
			d.last = c
			d.keep(c)
		}
	case ']':
		if !d.close(c, '[') { // the end of the array of events
			d.clean = false
			d.flush()
			d.array = false
		}
	case ',':
		if top == 0 {
			d.flush()
			return
		}
		d.last = c
		d.keep(c)
	default:
		d.last = c
		d.keep(c)
	}
}
