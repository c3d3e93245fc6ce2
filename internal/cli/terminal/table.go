package terminal

import (
	"io"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/selfsame-id/selfsame/internal/safetext"
)

// Table writes rows whose columns align. The first row is the header, unless it
// is nil. Cells are made safe for one line here. On a terminal that is too narrow
// a row takes several lines, of which the first ones align.
type Table struct {
	Header []string
	Rows   [][]string
	Styles []Style // by column
	Indent string
}

// Add adds a row.
func (t *Table) Add(cells ...string) {
	for i := range cells {
		cells[i] = Clean(cells[i])
	}
	t.Rows = append(t.Rows, cells)
}

// gap is how many columns are between two cells, and how far the lines of a row
// that needs several are indented.
const gap = 2

// Write writes the table.
func (t *Table) Write(s *Screen) {
	widths := t.widths()
	whole := len(widths)
	if s.Terminal {
		whole = t.fit(widths, s.Width())
	}
	var b strings.Builder
	line := func(row []string, st func(i int) Style) {
		for len(row) > 0 && row[len(row)-1] == "" {
			row = row[:len(row)-1]
		}
		paint := func(i int, cell string) {
			if st := st(i); st != "" {
				cell = s.Paint(st, cell)
			}
			b.WriteString(cell)
		}
		b.WriteString(t.Indent)
		first := row[:min(whole, len(row))]
		for i, cell := range first {
			cell = Shorten(cell, widths[i])
			paint(i, cell)
			if i < len(first)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-Columns(cell)+gap))
			}
		}
		b.WriteByte('\n')
		t.flow(&b, row, len(first), s.Width(), paint)
	}
	if t.Header != nil {
		line(t.Header, func(int) Style { return Dim })
	}
	for _, row := range t.Rows {
		line(row, func(i int) Style {
			if i < len(t.Styles) {
				return t.Styles[i]
			}
			return ""
		})
	}
	_, _ = io.WriteString(s, b.String())
}

// flow writes the cells of a row that are not beside the first ones on lines of
// their own, as many on each as there is room for.
func (t *Table) flow(b *strings.Builder, row []string, from, width int, paint func(i int, cell string)) {
	margin := t.Indent + strings.Repeat(" ", 2*gap)
	at := 0 // 0: the line has not begun
	for i := from; i < len(row); i++ {
		cell := row[i]
		if cell == "" {
			continue
		}
		n := Columns(cell)
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
func (t *Table) widths() []int {
	var widths []int
	measure := func(row []string) {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], Columns(cell))
		}
	}
	measure(t.Header)
	for _, row := range t.Rows {
		measure(row)
	}
	return widths
}

// leastCell is how narrow the last column of a line becomes at most.
const leastCell = 24

// fit finds out how many columns are beside each other on the first line of a
// row. Where one more would be too wide only by a little it is cut.
func (t *Table) fit(widths []int, width int) int {
	at := len(t.Indent)
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

// Columns is how many columns of a terminal text takes: wide characters take
// two, accents none.
func Columns(s string) int { return condition.StringWidth(s) }

// condition measures alike everywhere: what Unicode calls ambiguous is narrow.
var condition = &runewidth.Condition{StrictEmojiNeutral: true}

// Clean makes text that somebody sent safe for one line.
func Clean(s string) string { return safetext.Line(s) }

// Shorten cuts text to a number of columns.
func Shorten(s string, most int) string {
	if Columns(s) <= most {
		return s
	}
	return condition.Truncate(s, max(most, 1), "…")
}
