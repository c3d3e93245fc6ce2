package cli

import (
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// style is an ANSI code.
type style string

const (
	bold   style = "1"
	dim    style = "2"
	red    style = "1;31"
	green  style = "32"
	yellow style = "33"
	cyan   style = "36"
)

// screen is where a command writes: a terminal, or a file or pipe that wants
// plain text.
type screen struct {
	io.Writer
	terminal bool
	colour   bool
	fd       int
}

// newScreen finds out what a file is. NO_COLOR and TERM=dumb ask for no colour.
func newScreen(f *os.File) *screen {
	s := &screen{Writer: f, fd: int(f.Fd())}
	s.terminal = term.IsTerminal(s.fd)
	s.colour = s.terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	return s
}

// width is how many columns there are.
func (s *screen) width() int {
	if s.terminal {
		if w, _, err := term.GetSize(s.fd); err == nil && w > 20 {
			return w
		}
	}
	return 80
}

func (s *screen) paint(st style, text string) string {
	if !s.colour || text == "" {
		return text
	}
	return "\x1b[" + string(st) + "m" + text + "\x1b[0m"
}

// table writes rows whose columns align. The first row is the header, unless it
// is nil.
type table struct {
	header []string
	rows   [][]string
	styles []style // by column
	indent string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) write(s *screen) {
	var widths []int
	measure := func(row []string) {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	measure(t.header)
	for _, row := range t.rows {
		measure(row)
	}
	var b strings.Builder
	line := func(row []string, st func(i int) style) {
		last := len(row) - 1
		for last >= 0 && row[last] == "" {
			last--
		}
		b.WriteString(t.indent)
		for i := 0; i <= last; i++ {
			cell := row[i]
			if st := st(i); st != "" {
				b.WriteString(s.paint(st, cell))
			} else {
				b.WriteString(cell)
			}
			if i < last {
				b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
			}
		}
		b.WriteByte('\n')
	}
	if t.header != nil {
		line(t.header, func(int) style { return dim })
	}
	for _, row := range t.rows {
		line(row, func(i int) style {
			if i < len(t.styles) {
				return t.styles[i]
			}
			return ""
		})
	}
	_, _ = io.WriteString(s, b.String())
}

// clean makes text that somebody sent safe for a terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == utf8.RuneError {
			return '·'
		}
		return r
	}, s)
}

// shorten cuts text to a number of characters.
func shorten(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:max(most-1, 0)]) + "…"
}
