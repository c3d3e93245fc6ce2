package tracking

import (
	"bytes"

	"github.com/selfsame-id/selfsame/internal/event"
)

// keyFinder looks for the write key in the text of a request without reading it
// as JSON: nothing is parsed, and nothing is kept but one short string, before
// it is known that somebody has the right to it. It is shown the text piece by
// piece.
//
// The key is writeKey of the object itself, wherever it stands in it; without
// one, that of the first message in `batch` that has one. A text that is broken
// somewhere still has its key in front of the break.
type keyFinder struct {
	depth    int
	inString bool
	escaped  bool
	text     []byte // of a string that matters
	collects bool

	levels  [4]level // of depths 1 to 3
	inBatch bool     // the value of `batch` is being read

	head  []byte // the beginning of the text
	key   string // of the object
	other string // of the first message
}

// level is an object or array that is open.
type level struct {
	object   bool
	wantName bool // the next string is a name
	name     string
}

// mostKey is more than a write key may have.
const mostKey = 512

// mostHead is how much of the text is kept to tell which SDK made it.
const mostHead = 4 << 10

// see looks through a piece of the text, and reports whether it wants more.
func (f *keyFinder) see(piece []byte) bool {
	f.head = append(f.head, piece[:min(len(piece), mostHead-len(f.head))]...)
	for i := 0; i < len(piece); i++ {
		c := piece[i]
		if f.inString {
			if f.escaped {
				f.escaped = false
			} else if c == '"' {
				f.inString = false
				if f.collects && f.string() {
					return false
				}
				continue
			} else if c == '\\' {
				f.escaped = true
			} else if !f.collects {
				// Most of a text is inside strings.
				next := bytes.IndexAny(piece[i:], `"\`)
				if next < 0 {
					return true
				}
				i += next - 1
				continue
			}
			if f.collects {
				if len(f.text) == mostKey {
					f.collects = false
				} else {
					f.text = append(f.text, c)
				}
			}
			continue
		}
		switch c {
		case '"':
			f.inString = true
			f.collects = f.depth == 1 && f.levels[1].object || f.depth == 3 && f.inBatch && f.levels[3].object
			f.text = f.text[:0]
		case '{', '[':
			f.depth++
			if f.depth < len(f.levels) {
				f.levels[f.depth] = level{object: c == '{', wantName: true}
			}
			if f.depth == 2 {
				f.inBatch = c == '[' && f.levels[1].name == "batch"
			}
		case '}', ']':
			if f.depth--; f.depth == 1 {
				f.inBatch = false
			}
			if f.depth <= 0 {
				return false
			}
		case ',':
			if f.depth < len(f.levels) {
				f.levels[f.depth].wantName = true
			}
		}
	}
	return true
}

// string takes a string at its end, and reports whether it was the key.
func (f *keyFinder) string() bool {
	l := &f.levels[f.depth]
	value := string(f.text)
	if bytes.IndexByte(f.text, '\\') >= 0 {
		value, _ = event.Text([]byte(`"` + value + `"`))
	}
	if l.wantName {
		l.wantName, l.name = false, value
		return false
	}
	if l.name != "writeKey" || value == "" {
		return false
	}
	if f.depth == 1 {
		f.key = value
		return true
	}
	if f.other == "" {
		f.other = value
	}
	return false
}

// found is the key, "" when there is none.
func (f *keyFinder) found() string {
	if f.key != "" {
		return f.key
	}
	return f.other
}
