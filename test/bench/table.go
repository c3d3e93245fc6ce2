package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// tables are printed in the order in which they were begun.
type tables struct {
	all  []*table
	tell func(format string, args ...any)
}

// table has a row for each thing that is measured, and in it the figures of all
// rounds. The first column names the row.
type table struct {
	title   string
	columns []string
	rows    []*row
	remarks []string
	tell    func(format string, args ...any)
}

type row struct {
	name  string
	cells []samples
}

// at finds a table or begins it.
func (t *tables) at(title string, columns ...string) *table {
	if x := t.find(title); x != nil {
		return x
	}
	x := &table{title: title, columns: columns, tell: t.tell}
	t.all = append(t.all, x)
	return x
}

func (t *tables) find(title string) *table {
	for _, x := range t.all {
		if x.title == title {
			return x
		}
	}
	return nil
}

// add adds what one round measured, and says it at once to whoever waits.
func (t *table) add(name string, figures ...figure) {
	r := t.find(name)
	if r == nil {
		r = &row{name: name, cells: make([]samples, len(t.columns)-1)}
		t.rows = append(t.rows, r)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "  %s", name)
	for i, f := range figures {
		r.cells[i] = append(r.cells[i], f)
		fmt.Fprintf(&b, "; %s: %s", t.columns[i+1], f)
	}
	t.tell("%s", b.String())
}

func (t *table) find(name string) *row {
	for _, r := range t.rows {
		if r.name == name {
			return r
		}
	}
	return nil
}

// median is the figure of a row under a column.
func (t *tables) median(title, name, column string) figure {
	x := t.find(title)
	if x == nil {
		return missing
	}
	r, i := x.find(name), slices.Index(x.columns, column)
	if r == nil || i < 1 {
		return missing
	}
	return r.cells[i-1].median()
}

// remark says what the reader of a table must know, once.
func (t *table) remark(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !slices.Contains(t.remarks, text) {
		t.remarks = append(t.remarks, text)
		t.tell("  %s", text)
	}
}

// print writes Markdown: medians, and of what the first column measures the
// lowest and the highest if there was more than one round.
func (t *tables) print(w io.Writer) {
	for _, x := range t.all {
		several := slices.ContainsFunc(x.rows, func(r *row) bool { return len(r.cells[0]) > 1 })
		head := slices.Clone(x.columns)
		if several {
			head = append(head, "lowest–highest "+x.columns[1])
		}
		var rows [][]string
		for _, r := range x.rows {
			cells := []string{r.name}
			for _, s := range r.cells {
				cells = append(cells, s.median().String())
			}
			if several {
				cells = append(cells, r.cells[0].span())
			}
			rows = append(rows, cells)
		}
		fmt.Fprintf(w, "\n### %s\n\n", x.title)
		markdown(w, head, rows)
		for _, r := range x.remarks {
			fmt.Fprintf(w, "\n%s\n", r)
		}
	}
}

// markdown writes a table whose columns are aligned for readers of the text.
func markdown(w io.Writer, head []string, rows [][]string) {
	width := make([]int, len(head))
	for _, cells := range append([][]string{head}, rows...) {
		for i, c := range cells {
			width[i] = max(width[i], utf8.RuneCountInString(c))
		}
	}
	line := func(cells []string) {
		for i, c := range cells {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(c))
			if i == 0 {
				fmt.Fprintf(w, "| %s%s ", c, pad)
			} else {
				fmt.Fprintf(w, "| %s%s ", pad, c)
			}
		}
		fmt.Fprintln(w, "|")
	}
	line(head)
	rule := make([]string, len(head))
	for i := range rule {
		rule[i] = strings.Repeat("-", max(width[i]-1, 2)) + ":"
		if i == 0 {
			rule[i] = strings.Repeat("-", max(width[i], 3))
		}
	}
	line(rule)
	for _, cells := range rows {
		line(cells)
	}
}
