package importer

import (
	"bytes"
	"strings"
)

// separators are what may stand between the cells of a table.
var separators = []byte{',', ';', '\t', '|'}

// tableStart finds where the header of a table begins, and what separates its
// cells; 0 when that is to be guessed. In front of the header may be lines of
// nothing but empty cells, and the line "sep=;" by which Excel says what it separates with.
func tableStart(text []byte) (at int, comma byte) {
	for {
		line, _, more := bytes.Cut(text[at:], []byte{'\n'})
		plain := strings.Trim(string(bytes.TrimSpace(line)), `"`)
		if sep, ok := cutPrefixFold(plain, "sep="); ok && len(plain) <= len("sep=")+1 && more {
			if line = bytes.TrimRight(line, "\r"); sep == "" && bytes.HasSuffix(line, []byte{'\t'}) {
				sep = "\t" // which was trimmed
			}
			if sep != "" {
				comma = sep[0]
			}
		} else if strings.Trim(plain, ",;|\t \"") != "" || !more {
			return at, comma
		}
		at += bytes.IndexByte(text[at:], '\n') + 1
	}
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// guessRows is how many rows say what separates the cells.
const guessRows = 20

// commaOf guesses what separates the cells of a table: what makes the most of its
// first rows as long as the header; of several, what makes most columns.
func commaOf(text []byte) byte {
	best, most, columns := byte(','), 0, 1
	for _, c := range separators {
		width, alike := 0, 0
		for rest, n := text, 0; len(rest) > 0 && n < guessRows; {
			end := rowEnd(rest, c)
			last := end == 0
			if last {
				end = len(rest)
			}
			row := rest[:end]
			rest = rest[end:]
			if len(bytes.TrimSpace(row)) == 0 {
				continue
			}
			cells, err := appendFields(nil, row, c)
			if n++; n == 1 {
				if width = len(cells); err != nil || width == 1 {
					break
				}
			}
			if err == nil && len(cells) == width {
				alike++
			} else if last {
				break // the text was cut there
			}
		}
		if width > 1 && (alike > most || alike == most && width > columns) {
			best, most, columns = c, alike, width
		}
	}
	return best
}
