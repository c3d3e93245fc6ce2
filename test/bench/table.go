package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// tables are printed in the order in which they were begun.
type tables struct {
	all []*table
}

type table struct {
	title   string
	columns []string
	rows    [][]string
	remarks []string
}

// at finds a table or begins it.
func (t *tables) at(title string, columns ...string) *table {
	for _, x := range t.all {
		if x.title == title {
			return x
		}
	}
	x := &table{title: title, columns: columns}
	t.all = append(t.all, x)
	return x
}

// row adds a row, and says it at once to whoever waits.
func (t *table) row(cells ...string) {
	t.rows = append(t.rows, cells)
	var b strings.Builder
	for i, c := range cells {
		fmt.Fprintf(&b, "  %s: %s", t.columns[i], c)
	}
	say("%s", b.String())
}

func (t *table) remark(format string, args ...any) {
	t.remarks = append(t.remarks, fmt.Sprintf(format, args...))
	say("  %s", t.remarks[len(t.remarks)-1])
}

// print writes Markdown whose columns are aligned for readers of the text.
func (t *tables) print(w io.Writer) {
	for _, x := range t.all {
		width := make([]int, len(x.columns))
		for _, row := range append([][]string{x.columns}, x.rows...) {
			for i, c := range row {
				width[i] = max(width[i], len([]rune(c)))
			}
		}
		line := func(cells []string) {
			for i, c := range cells {
				pad := strings.Repeat(" ", width[i]-len([]rune(c)))
				if i == 0 {
					fmt.Fprintf(w, "| %s%s ", c, pad)
				} else {
					fmt.Fprintf(w, "| %s%s ", pad, c)
				}
			}
			fmt.Fprintln(w, "|")
		}
		fmt.Fprintf(w, "\n### %s\n\n", x.title)
		line(x.columns)
		rule := make([]string, len(x.columns))
		for i := range rule {
			rule[i] = strings.Repeat("-", max(width[i]-1, 2)) + ":"
			if i == 0 {
				rule[i] = strings.Repeat("-", max(width[i], 3))
			}
		}
		line(rule)
		for _, row := range x.rows {
			line(row)
		}
		for _, r := range x.remarks {
			fmt.Fprintf(w, "\n%s\n", r)
		}
	}
}

// whole writes a number with its thousands apart.
func whole[T int | int64 | float64](x T) string {
	s := fmt.Sprintf("%.0f", float64(x))
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func millis(d time.Duration) string { return fmt.Sprintf("%.1f", d.Seconds()*1000) }

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f", d.Seconds()) }

func micros(d time.Duration, n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", float64(d.Microseconds())/float64(n))
}

func mebi(n int64) string { return whole(float64(n) / (1 << 20)) }

// listed writes what was not as it should be.
func listed(others map[string]int) string {
	var out []string
	for why, n := range others {
		out = append(out, fmt.Sprintf("%s: %d", why, n))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}
