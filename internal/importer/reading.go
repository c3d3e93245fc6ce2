package importer

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Format is how events are written in a file.
type Format string

// The formats. Auto looks at the name of the file and into it: .csv and .tsv,
// with or without a .gz or .zst behind it, are tables; so is what has another
// name and begins with a header that says who. Everything else is JSON.
const (
	Auto Format = ""
	// NDJSON is one JSON object on a line; a JSON array, and objects over several
	// lines, are known by their beginning.
	NDJSON Format = "ndjson"
	CSV    Format = "csv"
)

// ParseFormat reads the name of a format.
func ParseFormat(s string) (Format, bool) {
	switch f := Format(strings.ToLower(s)); f {
	case Auto, NDJSON, CSV:
		return f, true
	case "tsv":
		return CSV, true
	case "json", "jsonl":
		return NDJSON, true
	}
	return "", false
}

// Reading is how files are to be read, where that is not left to what is found
// in them. The zero Reading leaves everything to that.
type Reading struct {
	Format    Format
	Delimiter byte              // between the cells of a table; 0: guessed
	Encoding  string            // a WHATWG name, such as windows-1252; "": guessed
	Dates     Dates             // of days written as three numbers
	Map       map[string]string // from a column's name in the file to the name it should have; "": left out
}

// ParseDelimiter reads a delimiter: one character, or "tab", or "\t".
func ParseDelimiter(s string) (byte, error) {
	switch strings.ToLower(s) {
	case "tab", `\t`:
		return '\t', nil
	case "comma":
		return ',', nil
	case "semicolon":
		return ';', nil
	case "pipe":
		return '|', nil
	}
	if len(s) != 1 || s[0] >= utf8.RuneSelf || strings.ContainsAny(s, "\"\r\n") {
		return 0, fmt.Errorf("%q is not a delimiter; write one character such as , ; | or tab", s)
	}
	return s[0], nil
}

// ParseMap reads "Email Address=email" into m.
func ParseMap(m map[string]string, s string) error {
	at := strings.LastIndexByte(s, '=')
	if at <= 0 {
		return fmt.Errorf("%q maps nothing; write the name of a column, =, and what it is, such as \"Email Address=email\"", s)
	}
	from, to := columnName(s[:at]), strings.TrimSpace(s[at+1:])
	if _, twice := m[from]; twice {
		return fmt.Errorf("column %q is mapped twice", s[:at])
	}
	if to != "" {
		if _, err := columnOf(to); err != nil {
			return fmt.Errorf("%q: %w", s, err)
		}
	}
	m[from] = to
	return nil
}

// columnName is a column's name as it is compared: without white space around
// it, in any case.
func columnName(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// key tells readings apart that make other events of a file, "" is the zero
// Reading's.
func (r Reading) key() string {
	said := ""
	if r.Format != Auto {
		said += "format " + string(r.Format) + "\n"
	}
	if r.Delimiter != 0 {
		said += fmt.Sprintf("delimiter %q\n", r.Delimiter)
	}
	if r.Encoding != "" {
		said += "encoding " + strings.ToLower(r.Encoding) + "\n"
	}
	if r.Dates != "" {
		said += "dates " + string(r.Dates) + "\n"
	}
	for _, from := range slices.Sorted(maps.Keys(r.Map)) {
		said += fmt.Sprintf("map %q %q\n", from, r.Map[from])
	}
	if said == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(said))
	return ":" + hex.EncodeToString(sum[:4])
}
