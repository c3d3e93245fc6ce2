package importer

import (
	"bytes"
	"errors"
)

// Reasons why a row cannot be read.
var (
	errOpenQuote  = errors.New("a quote is opened and never closed; double a quote that belongs to the text")
	errAfterQuote = errors.New("text follows a closing quote; double a quote that belongs to the text")
)

// rowEnd returns how many bytes the first row of data takes, its line break
// included; 0 when data ends inside a quoted field or without a line break.
func rowEnd(data []byte, comma byte) int {
	for i := 0; ; {
		if i < len(data) && data[i] == '"' {
			i++
			for {
				q := bytes.IndexByte(data[i:], '"')
				if q < 0 {
					return 0
				}
				i += q + 1
				if i >= len(data) || data[i] != '"' {
					break
				}
				i++
			}
		}
		// The rest of the field, in which a quote is a character like any other.
		for {
			if i >= len(data) {
				return 0
			}
			c := data[i]
			i++
			if c == '\n' {
				return i
			}
			if c == comma {
				break
			}
		}
	}
}

// wholeRows is the whole function of CSV.
func wholeRows(comma byte) func(data []byte) int {
	return func(data []byte) int {
		n := 0
		for {
			end := rowEnd(data[n:], comma)
			if end == 0 {
				return n
			}
			n += end
		}
	}
}

// appendFields takes a row apart and appends its fields to dst.
func appendFields(dst []string, row []byte, comma byte) ([]string, error) {
	row = bytes.TrimSuffix(bytes.TrimSuffix(row, []byte{'\n'}), []byte{'\r'})
	for {
		if len(row) == 0 || row[0] != '"' {
			field, rest, more := bytes.Cut(row, []byte{comma})
			dst = append(dst, string(field))
			if !more {
				return dst, nil
			}
			row = rest
			continue
		}
		var field []byte
		row = row[1:]
		for {
			q := bytes.IndexByte(row, '"')
			if q < 0 {
				return dst, errOpenQuote
			}
			field = append(field, row[:q]...)
			row = row[q+1:]
			if len(row) == 0 || row[0] != '"' {
				break
			}
			field = append(field, '"')
			row = row[1:]
		}
		dst = append(dst, string(field))
		if len(row) == 0 {
			return dst, nil
		}
		if row[0] != comma {
			return dst, errAfterQuote
		}
		row = row[1:]
	}
}
