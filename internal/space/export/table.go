package export

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// form is what the cells of a column are.
type form uint8

const (
	text    form = iota
	moment       // nanoseconds since 1970
	boolean      // 0 or 1
	raw          // JSON
	value        // JSON, of which tables show texts and numbers as they are
)

// column is a column of an export. The forms of all rows are the same.
type column struct {
	name string
	form form
}

// cell is a cell of a row: by the column's form n counts or text. The zero cell is
// empty.
type cell struct {
	text string
	n    int64
	set  bool
}

func textCell(s string) cell { return cell{text: s, set: s != ""} }

// rawCell is JSON, which is not copied.
func rawCell(b []byte) cell { return cell{text: string(b), set: len(b) > 0} }

// momentCell is a time; 0 is none.
func momentCell(ns int64) cell { return cell{n: ns, set: ns != 0} }

func boolCell(b bool) cell {
	if b {
		return cell{n: 1, set: true}
	}
	return cell{set: true}
}

// row is one row: its cells, or, of events as NDJSON, its line.
type row struct {
	cells []cell
	line  []byte
}

// timeText is a time as exports write it, to the nanosecond.
func timeText(ns int64) string { return time.Unix(0, ns).UTC().Format(time.RFC3339Nano) }

// plainText is a cell as a table shows it.
func (c *cell) plainText(f form) string {
	switch {
	case !c.set:
		return ""
	case f == moment:
		return timeText(c.n)
	case f == boolean:
		return strconv.FormatBool(c.n != 0)
	case f == value && c.text[0] == '"':
		var s string
		if json.Unmarshal([]byte(c.text), &s) == nil {
			return s
		}
	}
	return c.text
}

// appendJSON appends a row as a JSON object on one line. Empty cells are left out.
func appendJSON(b []byte, columns []column, cells []cell) []byte {
	b = append(b, '{')
	first := true
	for i := range columns {
		c := &cells[i]
		if !c.set {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(appendQuoted(b, columns[i].name), ':')
		switch columns[i].form {
		case raw, value:
			b = appendLine(b, c.text)
		case boolean:
			b = strconv.AppendBool(b, c.n != 0)
		default:
			b = appendQuoted(b, c.plainText(columns[i].form))
		}
	}
	return append(b, '}', '\n')
}

// appendLine appends JSON, which has line ends only between its tokens, on one line.
func appendLine[T string | []byte](b []byte, json T) []byte {
	from := len(b)
	b = append(b, json...)
	for i, c := range b[from:] {
		if c == '\n' || c == '\r' {
			b[from+i] = ' '
		}
	}
	return b
}

// appendQuoted appends a text as JSON.
func appendQuoted(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			quoted, _ := json.Marshal(s) // a text always can
			return append(b, quoted...)
		}
	}
	b = append(slices.Grow(b, len(s)+2), '"')
	return append(append(b, s...), '"')
}
