package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Mistake is one thing that is wrong with what was set.
type Mistake struct {
	// Where is "file:line", the name of an environment variable, or a flag.
	Where string
	// What says what is wrong and what to write instead.
	What string
}

// Mistakes are all mistakes of one attempt to read a configuration, in the order
// of the file.
type Mistakes struct {
	List []Mistake
	// Of is what was read, such as "the rules"; "" is the configuration.
	Of string
}

// Error lists the mistakes, one on a line.
func (m *Mistakes) Error() string {
	var b strings.Builder
	has := "the configuration has "
	if m.Of != "" {
		has = m.Of + " have "
	}
	if n := len(m.List); n == 1 {
		b.WriteString(has + "a mistake:")
	} else {
		b.WriteString(has + strconv.Itoa(n) + " mistakes:")
	}
	for _, one := range m.List {
		b.WriteString("\n  ")
		if one.Where != "" {
			b.WriteString(one.Where + ": ")
		}
		b.WriteString(one.What)
	}
	return b.String()
}

// or returns the mistakes as an error, or nil if there are none.
func (m *Mistakes) or() error {
	if len(m.List) == 0 {
		return nil
	}
	slices.SortStableFunc(m.List, func(a, b Mistake) int { return lineOf(a.Where) - lineOf(b.Where) })
	return m
}

// lineOf is the line in a place, or 0, which puts flags and variables first.
func lineOf(where string) int {
	n, _ := strconv.Atoi(where[strings.LastIndexByte(where, ':')+1:])
	return n
}

func (m *Mistakes) add(where, format string, args ...any) {
	m.List = append(m.List, Mistake{where, fmt.Sprintf(format, args...)})
}

// nearest returns the candidate that a misspelt word was most likely meant to
// be, or "".
func nearest(word string, candidates []string) string {
	best, least := "", 1+len(word)/3
	for _, c := range candidates {
		if d := distance(strings.ToLower(word), c); d <= least && d < len(c) {
			best, least = c, d-1
		}
	}
	return best
}

// distance is how many letters have to be added, removed, replaced or swapped
// with their neighbour to make b of a.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}
