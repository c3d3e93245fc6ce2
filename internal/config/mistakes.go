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
