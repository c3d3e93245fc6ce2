package compute

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrInvalid is in every error of Parse and Compile: the document is at fault.
var ErrInvalid = errors.New("the definitions have mistakes")

// Mistake is one thing that is wrong in a document.
type Mistake struct {
	Line   int    // of the document, from 1; 0 if not known
	Path   string // of the field, such as traits.orders.where
	Reason string // what is wrong and what to do
}

func (m Mistake) String() string {
	var b strings.Builder
	if m.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", m.Line)
	}
	if m.Path != "" {
		b.WriteString(m.Path + ": ")
	}
	b.WriteString(m.Reason)
	return b.String()
}

// Mistakes is the error of Parse and Compile: all that is wrong, by line. It is
// ErrInvalid to errors.Is.
type Mistakes []Mistake

func (m Mistakes) Error() string {
	lines := make([]string, len(m))
	for i, one := range m {
		lines[i] = one.String()
	}
	return strings.Join(lines, "\n")
}

// Is reports whether target is ErrInvalid.
func (m Mistakes) Is(target error) bool { return target == ErrInvalid }

// mostMistakes is how many are told at once.
const mostMistakes = 100

// mistakes gathers what is wrong.
type mistakes struct{ list Mistakes }

func (m *mistakes) add(line int, path, format string, args ...any) {
	m.list = append(m.list, Mistake{line, path, fmt.Sprintf(format, args...)})
}

// err is nil if there are none.
func (m *mistakes) err() error {
	if len(m.list) == 0 {
		return nil
	}
	slices.SortStableFunc(m.list, func(a, b Mistake) int { return a.Line - b.Line })
	if more := len(m.list) - mostMistakes; more > 0 {
		m.list = append(m.list[:mostMistakes], Mistake{Reason: fmt.Sprintf("and %d more", more)})
	}
	return m.list
}
