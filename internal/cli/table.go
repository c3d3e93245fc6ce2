package cli

import (
	"io"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/selfsame-id/selfsame/internal/safetext"
)

// table writes rows whose columns align. The first row is the header, unless it
// is nil. Cells are made safe for one line here. On a terminal that is too narrow
// a row takes several lines, of which the first ones align.
type table struct {
	header []string
	rows   [][]string
	styles []style // by column
	indent string
}

func (t *table) add(cells ...string) {
	for i := range cells {
		cells[i] = clean(cells[i])
	}
	t.rows = append(t.rows, cells)
}

// gap is how many columns are between two cells, and how far the lines of a row
// that needs several are indented.
const gap = 2

func (t *table) write(s *screen) {
	widths := t.widths()
	whole := len(widths)
	if s.terminal {
		whole = t.fit(widths, s.width())
	}
	var b strings.Builder
	line := func(row []string, st func(i int) style) {
		for len(row) > 0 && row[len(row)-1] == "" {
			row = row[:len(row)-1]
		}
		paint := func(i int, cell string) {
			if st := st(i); st != "" {
				cell = s.paint(st, cell)
			}
			b.WriteString(cell)
		}
		b.WriteString(t.indent)
		first := row[:min(whole, len(row))]
		for i, cell := range first {
			cell = shorten(cell, widths[i])
			paint(i, cell)
			if i < len(first)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-columns(cell)+gap))
			}
		}
		b.WriteByte('\n')
		t.flow(&b, row, len(first), s.width(), paint)
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

// flow writes the cells of a row that are not beside the first ones on lines of
// their own, as many on each as there is room for.
func (t *table) flow(b *strings.Builder, row []string, from, width int, paint func(i int, cell string)) {
	margin := t.indent + strings.Repeat(" ", 2*gap)
	at := 0 // 0: the line has not begun
	for i := from; i < len(row); i++ {
		cell := row[i]
		if cell == "" {
			continue
		}
		n := columns(cell)
		switch {
		case at == 0:
			b.WriteString(margin)
			at = len(margin)
		case at+gap+n > width:
			b.WriteString("\n" + margin)
			at = len(margin)
		default:
			b.WriteString(strings.Repeat(" ", gap))
			at += gap
		}
		paint(i, cell)
		at += n
	}
	if at > 0 {
		b.WriteByte('\n')
	}
}

// widths measures the columns.
func (t *table) widths() []int {
	var widths []int
	measure := func(row []string) {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], columns(cell))
		}
	}
	measure(t.header)
	for _, row := range t.rows {
		measure(row)
	}
	return widths
}

// leastCell is how narrow the last column of a line becomes at most.
const leastCell = 24

// fit finds out how many columns are beside each other on the first line of a
// row. Where one more would be too wide only by a little it is cut.
func (t *table) fit(widths []int, width int) int {
	at := len(t.indent)
	for i, w := range widths {
		if i > 0 {
			at += gap
		}
		if at+w <= width || i == 0 {
			at += w
			continue
		}
		if room := width - at; i == len(widths)-1 && room >= leastCell {
			widths[i] = room
			return len(widths)
		}
		return i
	}
	return len(widths)
}

// columns is how many columns of a terminal text takes: wide characters take
// two, accents none.
func columns(s string) int { return condition.StringWidth(s) }

// condition measures alike everywhere: what Unicode calls ambiguous is narrow.
var condition = &runewidth.Condition{StrictEmojiNeutral: true}

// clean makes text that somebody sent safe for one line.
func clean(s string) string { return safetext.Line(s) }

// shorten cuts text to a number of columns.
func shorten(s string, most int) string {
	if columns(s) <= most {
		return s
	}
	return condition.Truncate(s, max(most, 1), "…")
}
