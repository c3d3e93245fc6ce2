package importer

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// columnKind says what a column of a table is for.
type columnKind uint8

const (
	fieldColumn columnKind = iota // a trait of an identify call, a property of a track call
	userIDColumn
	anonymousIDColumn
	groupIDColumn
	emailColumn
	messageIDColumn
	timestampColumn
	eventColumn
	externalIDColumn // id:TYPE
	unusedColumn     // one that is to be left out
	namelessColumn   // at the end of a header; nothing may stand below it
)

// known columns, by their names in lower case without _, - and spaces.
var knownColumns = map[string]columnKind{
	"userid":       userIDColumn,
	"anonymousid":  anonymousIDColumn,
	"groupid":      groupIDColumn,
	"email":        emailColumn,
	"emailaddress": emailColumn,
	"messageid":    messageIDColumn,
	"timestamp":    timestampColumn,
	"event":        eventColumn,
}

// valueKind says how the cells of a column are read.
type valueKind uint8

const (
	sensible valueKind = iota // numbers and booleans as such, everything else as text
	text
	number
	boolean
	rawJSON
)

var valueKinds = map[string]valueKind{"string": text, "number": number, "boolean": boolean, "json": rawJSON}

// column is one column of a table.
type column struct {
	kind  columnKind
	value valueKind
	name  string // of the trait or property, or the ID type
	key   []byte // name as a JSON string
}

// table is the header of a CSV file and what it makes of the rows.
type table struct {
	comma   byte
	columns []column
	names   []string // as written, for messages
	dates   Dates
}

// unknownKinds are what people write for a kind of value that has another name.
// Anything else behind a colon belongs to the name of the column.
var unknownKinds = map[string]bool{
	"int": true, "integer": true, "long": true, "float": true, "double": true, "decimal": true, "num": true,
	"bool": true, "str": true, "text": true, "date": true, "time": true, "datetime": true, "object": true, "array": true,
}

// readHeader understands the header row.
func readHeader(row []byte, comma byte, how Reading) (*table, error) {
	names, err := appendFields(nil, row, comma)
	if err != nil {
		return nil, fmt.Errorf("the header: %w", err)
	}
	t := &table{comma: comma, names: names, dates: how.Dates}
	used := len(names) // without the empty ones that a separator at the end makes
	for used > 1 && strings.TrimSpace(names[used-1]) == "" {
		used--
	}
	seen, mapped := map[string]string{}, map[string]bool{}
	var wrong []error
	identifies := false
	for i, written := range names {
		name := strings.TrimSpace(written)
		if to, ok := how.Map[columnName(written)]; ok {
			mapped[columnName(written)] = true
			if name = to; to == "" {
				t.columns = append(t.columns, column{kind: unusedColumn})
				continue
			}
		} else if i >= used {
			t.columns = append(t.columns, column{kind: namelessColumn})
			continue
		}
		c, err := columnOf(name)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("column %d of the header: %w", i+1, err))
			continue
		}
		what := fmt.Sprint(c.kind, c.name)
		if first, twice := seen[what]; twice {
			wrong = append(wrong, fmt.Errorf("columns %q and %q of the header are the same; rename one, or say what it is with --map %q", first, written, written+"=NAME"))
		}
		seen[what] = written
		switch c.kind {
		case userIDColumn, anonymousIDColumn, groupIDColumn, emailColumn, externalIDColumn:
			identifies = true
		}
		t.columns = append(t.columns, c)
	}
	for _, from := range slices.Sorted(maps.Keys(how.Map)) {
		if !mapped[from] {
			wrong = append(wrong, fmt.Errorf("the header (%s) has no column %q, which --map names", t.header(), from))
		}
	}
	if !identifies && len(wrong) == 0 {
		wrong = append(wrong, fmt.Errorf("the header (%s) has no column that says who: name one user_id, anonymous_id, email, group_id or id:TYPE, such as id:crm_id, or say which one it is with --map, such as --map %q", t.header(), strings.TrimSpace(names[0])+"=user_id"))
	}
	return t, errors.Join(wrong...)
}

// header is the header as it is written, for messages.
func (t *table) header() string {
	return shorten(strings.ToValidUTF8(strings.Join(t.names, string(rune(t.comma))), "?"), 120)
}

func columnOf(name string) (column, error) {
	if name == "" {
		return column{}, errors.New("it has no name")
	}
	if !utf8.ValidString(name) {
		return column{}, errors.New("its name is not UTF-8; save the file as UTF-8")
	}
	if idType, ok := strings.CutPrefix(name, "id:"); ok {
		if idType = strings.ToLower(strings.TrimSpace(idType)); idType == "" {
			return column{}, errors.New("id: names no type; write id:TYPE, such as id:crm_id")
		}
		return column{kind: externalIDColumn, name: idType, key: quoted(idType)}, nil
	}
	plain := strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(name))
	if kind, ok := knownColumns[plain]; ok {
		return column{kind: kind}, nil
	}
	c := column{name: name}
	if at := strings.LastIndexByte(name, ':'); at > 0 {
		behind := strings.ToLower(name[at+1:])
		if kind, ok := valueKinds[behind]; ok {
			c.value, c.name = kind, name[:at]
		} else if unknownKinds[behind] {
			return column{}, fmt.Errorf("%q: %q is not a kind of value; write string, number, boolean or json after the colon", name, name[at+1:])
		}
	}
	c.key = quoted(c.name)
	return c, nil
}

// message makes the JSON message that a row stands for. buf is overwritten.
func (t *table) message(buf []byte, cells []string) ([]byte, error) {
	cells, err := t.fit(cells)
	if err != nil {
		return nil, err
	}
	track := false
	for i, c := range t.columns {
		if !utf8.ValidString(cells[i]) {
			return nil, fmt.Errorf("cell %q is not UTF-8; save the file as UTF-8", t.names[i])
		}
		if c.kind == eventColumn && strings.TrimSpace(cells[i]) != "" {
			track = true
		}
	}
	w := rowWriter{buf: buf[:0], track: track}
	if track {
		w.buf = append(w.buf, `{"type":"track"`...)
	} else {
		w.buf = append(w.buf, `{"type":"identify"`...)
	}
	for i, c := range t.columns {
		cell := strings.TrimSpace(cells[i])
		if cell == "" {
			continue
		}
		switch c.kind {
		case userIDColumn:
			w.member("userId", cell)
		case anonymousIDColumn:
			w.member("anonymousId", cell)
		case messageIDColumn:
			w.member("messageId", cell)
		case timestampColumn:
			iso, err := t.dates.iso(cell)
			if err != nil {
				return nil, err
			}
			w.member("timestamp", iso)
		case eventColumn:
			w.member("event", cell)
		case groupIDColumn:
			w.group = cell
		case emailColumn:
			w.email = cell
		case externalIDColumn:
			w.ids = append(w.ids, externalID{c.key, cell})
		case fieldColumn:
			value, err := c.read(cell)
			if err != nil {
				return nil, err
			}
			w.fields = append(w.fields, field{c.key, value})
		}
	}
	return w.finish(), nil
}

// fit makes a row as long as the header: programs leave out empty cells at its
// end, or write more of them.
func (t *table) fit(cells []string) ([]string, error) {
	for n := len(cells); n > len(t.columns); n-- {
		if strings.TrimSpace(cells[n-1]) != "" {
			return nil, fmt.Errorf("the row has %d cells and the header %d columns; quote cells that have a %q in them", n, len(t.columns), string(rune(t.comma)))
		}
	}
	cells = cells[:min(len(cells), len(t.columns))]
	for i := range cells {
		if t.columns[i].kind == namelessColumn && strings.TrimSpace(cells[i]) != "" {
			return nil, fmt.Errorf("column %d has no name in the header, and %q stands below it; name it, or quote cells that have a %q in them", i+1, shorten(strings.ToValidUTF8(cells[i], "?"), 40), string(rune(t.comma)))
		}
	}
	for len(cells) < len(t.columns) {
		cells = append(cells, "")
	}
	return cells, nil
}

// blank reports whether there is nothing in a row.
func blank(cells []string) bool {
	for _, c := range cells {
		if strings.TrimSpace(c) != "" {
			return false
		}
	}
	return true
}

// read gives a cell as JSON.
func (c *column) read(cell string) ([]byte, error) {
	switch c.value {
	case sensible:
		if isNumber(cell) {
			return []byte(cell), nil
		}
		if b, ok := booleanOf(cell); ok {
			return []byte(b), nil
		}
	case number:
		if !json.Valid([]byte(cell)) || cell[0] != '-' && (cell[0] < '0' || cell[0] > '9') {
			return nil, fmt.Errorf("%q in column %s is not a number; write it like 1234.5", shorten(cell, 40), c.name)
		}
		return []byte(cell), nil
	case boolean:
		b, ok := booleanOf(cell)
		if !ok {
			return nil, fmt.Errorf("%q in column %s is not a boolean; write true or false", shorten(cell, 40), c.name)
		}
		return []byte(b), nil
	case rawJSON:
		if !json.Valid([]byte(cell)) {
			return nil, fmt.Errorf("%q in column %s is not JSON", shorten(cell, 40), c.name)
		}
		return []byte(cell), nil
	}
	return quoted(cell), nil
}

func booleanOf(cell string) (string, bool) {
	switch strings.ToLower(cell) {
	case "true":
		return "true", true
	case "false":
		return "false", true
	}
	return "", false
}

// isNumber reports whether a cell is surely meant as a number: no leading zero,
// as in a postal code, and no more digits than a number keeps exactly.
func isNumber(s string) bool {
	rest := strings.TrimPrefix(s, "-")
	whole, fraction, point := strings.Cut(rest, ".")
	digits := func(s string) bool {
		return s != "" && strings.Trim(s, "0123456789") == ""
	}
	return digits(whole) && (!point || digits(fraction)) && len(whole)+len(fraction) <= 15 &&
		(len(whole) == 1 || whole[0] != '0')
}

func shorten(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most] + "…"
}
